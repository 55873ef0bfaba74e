"""Calling tasks as the terminal does."""

import os
import subprocess
import sys

from xgen_studio.tasks.ask import Note, perform
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.wish import Wish, ask_for


def xgen(*arguments, **environment):
    """Run the real command in a process of its own."""
    code = "from xgen_studio.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def assert_one_line(answer, code, *words):
    assert answer.returncode == code, answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line]
    assert len(lines) == 1, answer.stderr
    assert lines[0].startswith("xgen: ")
    for word in words:
        assert word in lines[0]


def told(ask, bench=None):
    """What a task tells, notes aside."""
    return [t for t in perform(ask, bench or Bench()) if not isinstance(t, Note)]


def notes(ask):
    """The notes of a task."""
    return [t.text for t in perform(ask, Bench()) if isinstance(t, Note)]


def generate(model, out, count=1, bench=None, values=(), **wish):
    """What `xgen generate` does; returns the files."""
    made = told(ask_for(Wish(model, out, count, values=dict(values), **wish)), bench)
    return [one.file for one in made]
