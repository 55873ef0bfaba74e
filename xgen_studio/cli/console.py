"""Text and progress on a terminal: a bar with rate and time left, or plain lines."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xgen_studio.tasks.ask import Ask, Note, perform
from xgen_studio.tasks.bench import Bench, Hears, Progress

PLAIN_EVERY = 5.0  # seconds between plain lines


def say(text: str) -> None:
    """One line or block of text to the standard output."""
    print(text, flush=True)


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
        sys.stderr.write(line + "\n")


@contextmanager
def bench_on_terminal(title: str) -> Iterator[Bench]:
    """A bench whose progress is shown; Ctrl+C asks the task to stop at its next step."""
    with _shown(title) as hears:
        bench = Bench(hears)
        before = signal.signal(signal.SIGINT, lambda *_: bench.cancel())
        try:
            yield bench
        finally:
            signal.signal(signal.SIGINT, before)


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
