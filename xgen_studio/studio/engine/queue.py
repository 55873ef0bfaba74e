"""The queue of long jobs: one runs, the others wait; each can be held, moved and cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from xgen_studio.document import Picture
from xgen_studio.studio.engine.client import Engine
from xgen_studio.studio.engine.live import Request
from xgen_studio.studio.engine.protocol import (
    Cancel,
    Drawn,
    Ended,
    Failed,
    HandJudged,
    HandRun,
    Long,
    Pause,
    ScreenFolder,
    Series,
    Stepped,
)

WAITING, RUNNING, HELD, DONE, FAILED, CANCELLED = (
    "waiting",
    "running",
    "held",
    "done",
    "failed",
    "cancelled",
)
J = TypeVar("J", bound="QueuedJob")
OVER = (DONE, FAILED, CANCELLED)


def _nobody(_picture: Picture) -> None:
    """Nobody waits for the picture: it is in the folder."""


@dataclass
class QueuedJob:
    """A long job as the user sees it: how far it is, and how it ended."""

    title: str
    folder: str = ""
    count: int = 1  # pictures it will make
    number: int = 0
    state: str = WAITING
    done: int = 0  # steps
    total: int = 0
    made: int = 0  # pictures
    message: str = ""
    _began: float = field(default=0.0, repr=False)
    _worked: float = field(default=0.0, repr=False)  # seconds before the last hold

    def asked(self, number: int) -> Long:
        """What the worker is told."""
        raise NotImplementedError("a kind of job says what the worker is told")

    def use_device(self, device: str) -> None:
        """Run there."""

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

    def run(self, state: str) -> None:
        """Take another state, and the time."""
        self._worked, self._began = self.seconds, time.monotonic()
        self.state = state


@dataclass
class QueuedSeries(QueuedJob):
    """Pictures of a mask, one for each seed."""

    request: Request = field(kw_only=True)
    seeds: tuple[int, ...] = field(kw_only=True)
    on_picture: Callable[[Picture], object] = _nobody

    def __post_init__(self) -> None:
        self.count = len(self.seeds)

    def asked(self, number: int) -> Series:
        return Series(number, self.request.draw, self.seeds, self.folder)

    def use_device(self, device: str) -> None:
        self.request = replace(self.request, draw=replace(self.request.draw, device=device))


@dataclass
class QueuedHands(QueuedJob):
    """Hands drawn into a folder and judged, or a folder that is only judged."""

    what: HandRun | ScreenFolder = field(kw_only=True)

    def __post_init__(self) -> None:
        self.folder = self.what.folder
        self.count = len(self.what.seeds) if isinstance(self.what, HandRun) else 0

    def asked(self, number: int) -> HandRun | ScreenFolder:
        return replace(self.what, number=number)

    def use_device(self, device: str) -> None:
        if isinstance(self.what, HandRun):
            self.what = replace(self.what, device=device)


class JobQueue(QObject):
    """Gives the worker one long job after the other."""

    changed = Signal()  # the list, or a state
    progressed = Signal(object)  # QueuedJob
    over = Signal(object)  # QueuedJob, whichever way it ended

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.engine = engine
        self.jobs: list[QueuedJob] = []
        engine.stepped.connect(self._stepped)
        engine.drawn.connect(self._drawn)
        engine.judged.connect(self._judged)
        engine.ended.connect(self._ended)
        engine.failed.connect(self._failed)
        engine.died.connect(self._died)

    @property
    def current(self) -> QueuedJob | None:
        """The job that the worker has."""
        return next((job for job in self.jobs if job.state in (RUNNING, HELD)), None)

    def add(self, job: J) -> J:
        """Append a job; it starts when it is its turn."""
        self.jobs.append(job)
        self._next()
        return job

    def cancel(self, job: QueuedJob) -> None:
        """Leave a job; what is finished is kept."""
        if job.state == WAITING:
            job.run(CANCELLED)
            self.over.emit(job)
            self.changed.emit()
        elif job.state in (RUNNING, HELD):
            self.engine.send(Cancel(job.number))

    def hold(self, job: QueuedJob, held: bool) -> None:
        """Pause the running job, or let it go on."""
        if job.state in (RUNNING, HELD):
            self.engine.send(Pause(job.number, held))
            job.run(HELD if held else RUNNING)
            self.changed.emit()

    def move(self, job: QueuedJob, by: int) -> None:
        """Move a waiting job up (-1) or down (+1) among those that wait."""
        waiting = [j for j in self.jobs if j.state == WAITING]
        if job not in waiting:
            return
        other = waiting.index(job) + by
        if 0 <= other < len(waiting):
            i, k = self.jobs.index(job), self.jobs.index(waiting[other])
            self.jobs[i], self.jobs[k] = self.jobs[k], self.jobs[i]
            self.changed.emit()

    def leave(self, on_picture: Callable[[Picture], object]) -> None:
        """Cancel the jobs whose pictures go to somebody who leaves."""
        for job in self.jobs:
            waits = isinstance(job, QueuedSeries) and job.on_picture == on_picture
            if waits and isinstance(job, QueuedSeries) and job.state not in OVER:
                job.on_picture = _nobody
                self.cancel(job)

    def use_device(self, device: str) -> None:
        """Jobs that wait run there; the running one ends where it is."""
        for job in self.jobs:
            if job.state == WAITING:
                job.use_device(device)

    def clear(self) -> None:
        """Forget the jobs that are over."""
        self.jobs = [job for job in self.jobs if job.state not in OVER]
        self.changed.emit()

    def _next(self) -> None:
        waiting = next((job for job in self.jobs if job.state == WAITING), None)
        if self.current is None and waiting is not None:
            waiting.number = self.engine.number()
            waiting.run(RUNNING)
            self.engine.send(waiting.asked(waiting.number))
        self.changed.emit()

    def _of(self, number: int) -> QueuedJob | None:
        job = self.current
        return job if job is not None and job.number == number else None

    def _stepped(self, step: Stepped) -> None:
        if (job := self._of(step.number)) is not None:
            job.done, job.total = step.done, step.total
            self.progressed.emit(job)

    def _drawn(self, drawn: Drawn) -> None:
        job = self._of(drawn.number)
        if isinstance(job, QueuedSeries):
            job.made += 1
            job.on_picture(job.request.picture(drawn))
            self.progressed.emit(job)

    def _judged(self, judged: HandJudged) -> None:
        if (job := self._of(judged.number)) is not None:
            job.made += 1
            self.progressed.emit(job)

    def _ended(self, ended: Ended) -> None:
        if (job := self._of(ended.number)) is not None:
            self._over(job, DONE if ended.how == "done" else CANCELLED)

    def _failed(self, failure: Failed) -> None:
        if (job := self._of(failure.number)) is not None:
            job.message = failure.message
            self._over(job, FAILED)

    def _died(self) -> None:
        if (job := self.current) is not None:
            job.message = "the drawing process ended, most likely for lack of memory"
            self._over(job, FAILED)

    def _over(self, job: QueuedJob, state: str) -> None:
        job.run(state)
        if isinstance(job, QueuedSeries):
            job.on_picture = _nobody  # whoever waited for its pictures may go
        self.over.emit(job)
        self._next()
