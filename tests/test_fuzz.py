"""A short fuzz of every reader; `make fuzz` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FIRST, COUNT = 1_000_000, 40  # others than those of `make fuzz`


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fuzzes in forked processes")
def test_damaged_files_are_read_or_refused_in_one_line():
    # a fresh process: torch's threads, which other tests have started, do not survive a fork
    call = [sys.executable, "-m", "tests.fuzz", "--first", str(FIRST), "--count", str(COUNT)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    answer = subprocess.run(
        call, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert answer.returncode == 0 and answer.stdout.endswith("\n0 bad ends\n"), answer.stdout
