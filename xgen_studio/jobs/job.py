"""What every job has: progress that can be shown, and a way to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from xgen_studio.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of work; `text` says what is being done."""

    done: int
    total: int
    text: str = ""


@dataclass
class Monitor:
    """Hears a job's progress and can cancel it; jobs call `report` between units of work."""

    listener: Callable[[Progress], None] = lambda progress: None
    _stop: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ask the job to stop at its next unit of work. Safe from any thread."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._stop.is_set()

    def report(self, done: int, total: int, text: str = "") -> None:
        """Tell the listener; raises Cancelled when the job was asked to stop."""
        if self._stop.is_set():
            raise Cancelled("stopped; what was finished is kept")
        self.listener(Progress(done, total, text))
