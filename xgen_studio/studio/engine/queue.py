"""The queue of long tasks: one runs, the others wait; each can be held, moved and cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from xgen_studio.studio.engine import protocol
from xgen_studio.studio.engine.client import Engine
from xgen_studio.studio.engine.protocol import Answer, Ended, Failed, Stepped, Told
from xgen_studio.tasks.ask import Ask, Note

WAITING, RUNNING, HELD, DONE, FAILED, CANCELLED = (
    "waiting",
    "running",
    "held",
    "done",
    "failed",
    "cancelled",
)
OVER = (DONE, FAILED, CANCELLED)


def _nobody(_told: Any) -> None:
    """Nobody waits for what the task tells."""


@dataclass(eq=False)
class Job:
    """A long task as the user sees it: how far it is, and how it ended.

    `count` of `unit` is what it will tell; 0 where that cannot be said.
    """

    title: str
    ask: Ask
    count: int = 0
    unit: str = "pictures"
    folder: str = ""
    on_told: Callable[[Any], object] = _nobody
    owner: object = None  # who waits for what it tells
    number: int = 0
    state: str = WAITING
    done: int = 0  # steps
    total: int = 0
    made: int = 0  # of `count`
    text: str = ""  # what is being done
    note: str = ""  # what the user should know beside the results
    message: str = ""
    _began: float = field(default=0.0, repr=False)
    _worked: float = field(default=0.0, repr=False)  # seconds before the last hold

    @property
    def seconds(self) -> float:
        """Seconds worked on so far."""
        running = self.state == RUNNING
        return self._worked + (time.monotonic() - self._began if running else 0.0)

    @property
    def left(self) -> float | None:
        """Seconds left at the rate so far, or None where it is not known yet."""
        if not self.done or self.state not in (RUNNING, HELD):
            return None
        return self.seconds / self.done * (self.total - self.done)

    @property
    def over(self) -> bool:
        """Whether it ended, whichever way."""
        return self.state in OVER

    def turn(self, state: str) -> None:
        """Take another state, and the time."""
        self._worked, self._began = self.seconds, time.monotonic()
        self.state = state


class JobQueue(QObject):
    """Gives the worker one long task after the other."""

    changed = Signal()  # the list, or a state
    progressed = Signal(object)  # Job
    over = Signal(object)  # Job, whichever way it ended

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine
        self.jobs: list[Job] = []

    @property
    def current(self) -> Job | None:
        """The job that the worker has."""
        return next((job for job in self.jobs if job.state in (RUNNING, HELD)), None)

    def add(self, job: Job) -> Job:
        """Append a job; it starts when it is its turn."""
        self.jobs.append(job)
        self._next()
        return job

    def cancel(self, job: Job) -> None:
        """Leave a job; what is finished is kept."""
        if job.state == WAITING:
            job.turn(CANCELLED)
            self.over.emit(job)
            self.changed.emit()
        elif job.state in (RUNNING, HELD):
            self.engine.cancel(job.number)

    def hold(self, job: Job, held: bool) -> None:
        """Pause the running job, or let it go on."""
        if job.state in (RUNNING, HELD):
            self.engine.hold(job.number, held)
            job.turn(HELD if held else RUNNING)
            self.changed.emit()

    def move(self, job: Job, by: int) -> None:
        """Move a waiting job up (-1) or down (+1) among those that wait."""
        waiting = [j for j in self.jobs if j.state == WAITING]
        if job not in waiting:
            return
        other = waiting.index(job) + by
        if 0 <= other < len(waiting):
            i, k = self.jobs.index(job), self.jobs.index(waiting[other])
            self.jobs[i], self.jobs[k] = self.jobs[k], self.jobs[i]
            self.changed.emit()

    def leave(self, owner: object) -> None:
        """Cancel the jobs whose results go to somebody who leaves."""
        for job in self.jobs:
            if job.owner is owner and not job.over:
                job.on_told, job.owner = _nobody, None
                self.cancel(job)

    def use_device(self, device: str) -> None:
        """Jobs that wait run there; the running one ends where it is."""
        for job in self.jobs:
            if job.state == WAITING:
                job.ask = job.ask.on(device)

    def clear(self) -> None:
        """Forget the jobs that are over."""
        self.jobs = [job for job in self.jobs if not job.over]
        self.changed.emit()

    def _next(self) -> None:
        waiting = next((job for job in self.jobs if job.state == WAITING), None)
        if self.current is None and waiting is not None:
            waiting.turn(RUNNING)
            waiting.number = self.engine.ask(waiting.ask, self._heard)
        self.changed.emit()

    def _heard(self, answer: Answer) -> None:
        job = self.current
        if job is None or job.number != answer.number:
            return
        if isinstance(answer, Stepped):
            job.done, job.total, job.text = answer.done, answer.total, answer.text
            self.progressed.emit(job)
        elif isinstance(answer, Told) and isinstance(answer.what, Note):
            job.note = answer.what.text
        elif isinstance(answer, Told):
            job.made += 1
            job.on_told(answer.what)
            self.progressed.emit(job)
        elif isinstance(answer, Ended):
            self._over(job, DONE if answer.how == protocol.DONE else CANCELLED)
        elif isinstance(answer, Failed):
            job.message = answer.message
            self._over(job, FAILED)

    def _over(self, job: Job, state: str) -> None:
        job.turn(state)
        job.on_told, job.owner = _nobody, None  # whoever waited for its results may go
        self.over.emit(job)
        self._next()
