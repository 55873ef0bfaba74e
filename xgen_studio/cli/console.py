"""Text and progress on a terminal: a bar with rate and time left, or plain lines."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from xgen_studio.imaging.names import visible
from xgen_studio.tasks.ask import Ask, Note, perform
from xgen_studio.tasks.bench import Bench, Hears, Progress

ENDS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
PLAIN_EVERY = 5.0  # seconds between plain lines


def plain_streams() -> None:
    """Let any text be written to any terminal: what its encoding lacks comes as an escape, and
    where nobody reads any more (`| head`), the work goes on without words."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """One line or block of text to the standard output."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """One line to the standard error."""
    _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    try:
        print(visible(text), file=stream, flush=True)
    except BrokenPipeError:
        with open(os.devnull, "w") as nowhere:  # flushed again at the end of the process
            os.dup2(nowhere.fileno(), stream.fileno())


class PlainLines:
    """Progress as a line now and then, for logs and pipes."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.last = self.began = time.monotonic()
        self.text, self.done = "", 0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self.last < PLAIN_EVERY:
            return
        self.last = now
        if progress.text != self.text or progress.done < self.done:
            self.text, self.began = progress.text, now  # another piece of work
        self.done = progress.done
        line = f"{self.title}: {progress.done}/{progress.total} {progress.text}"
        if progress.done and now > self.began:
            rate = progress.done / (now - self.began)
            line += f"  {rate:.2f}/s  {(progress.total - progress.done) / rate:.0f} s left"
        complain(line)


@contextmanager
def bench_on_terminal(title: str) -> Iterator[Bench]:
    """A bench whose progress is shown; Ctrl+C, the end of the terminal and a system that shuts down
    ask the task to stop at its next step."""
    with _shown(title) as hears:
        bench = Bench(hears)
        before = {number: signal.signal(number, lambda *_: bench.cancel()) for number in ENDS}
        try:
            yield bench
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _shown(title: str) -> Iterator[Hears]:
    if not sys.stderr.isatty():
        yield PlainLines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, rate="")
        began = time.monotonic()

        def show(progress: Progress) -> None:
            rate = progress.done / max(time.monotonic() - began, 1e-9)
            bar.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=progress.text or title,
                rate=f"{rate:.1f}/s",
            )

        yield show


def carry_out(ask: Ask, title: str) -> list[Any]:
    """Do what is asked, in this process; notes are said, all else that is told comes back."""
    found = []
    with bench_on_terminal(title) as bench:
        for told in perform(ask, bench):
            if isinstance(told, Note):
                say(told.text)
            else:
                found.append(told)
    return found


def has_display() -> bool:
    """Whether a window could be shown: always but on a Unix without X11 or Wayland."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
