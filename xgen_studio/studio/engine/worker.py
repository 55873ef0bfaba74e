"""The worker process: owns the device, answers what is asked between two steps of what runs."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from multiprocessing.connection import Connection

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

from xgen_studio.errors import Cancelled, XGenError
from xgen_studio.studio.engine.pipe import receive, send
from xgen_studio.studio.engine.protocol import (
    CANCELLED,
    DONE,
    Answer,
    Cancel,
    Ended,
    Failed,
    Pause,
    Ready,
    Stepped,
    Stop,
    Submit,
    Told,
)
from xgen_studio.tasks.ask import Lane, perform
from xgen_studio.tasks.bench import Bench, Progress

NICENESS = 5  # the window comes first


def serve(pipe: Connection, threads: int) -> None:
    """Answer requests until the window closes the pipe."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICENESS)
    import torch

    torch.set_num_threads(threads)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        Worker(pipe).run()


class Worker:
    """Three lanes: the newest live request before all, short ones in order, a long one in the time
    that is left. A task gives way where it reports."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.bench = Bench()
        self._live: Submit | None = None
        self._stopped = False
        self._short: deque[Submit] = deque()
        self._long: deque[Submit] = deque()
        self._held: set[int] = set()
        self._cancelled: set[int] = set()

    def run(self) -> None:
        """Wait, work, answer."""
        send(self.pipe, Ready())
        while True:
            if not (self._live or self._short or self._long):
                self._hear(receive(self.pipe))
            self._drain()
            self._answer_waiting()
            if self._long:
                self._do(self._long.popleft())

    # -- listening -------------------------------------------------------------------------------

    def _hear(self, message: object) -> None:
        if isinstance(message, Submit):
            if message.ask.lane is Lane.LIVE:
                self._give_up_live()
                self._live = message
            else:
                (self._short if message.ask.lane is Lane.SHORT else self._long).append(message)
        elif isinstance(message, Stop):
            self._give_up_live()
            self._stopped = True
        elif isinstance(message, Cancel):
            self._cancelled.add(message.number)
        elif isinstance(message, Pause):
            (self._held.add if message.held else self._held.discard)(message.number)

    def _give_up_live(self) -> None:
        """What waits to be drawn gives way before it began."""
        if self._live is not None:
            self._say(Ended(self._live.number, CANCELLED))
            self._live = None

    def _drain(self) -> None:
        while self.pipe.poll():
            self._hear(receive(self.pipe))

    # -- working ---------------------------------------------------------------------------------

    def _answer_waiting(self) -> None:
        """All requests that wait but long ones: live ones first, because somebody is looking."""
        while self._live or self._short:
            if self._live:
                submitted, self._live = self._live, None
            else:
                submitted = self._short.popleft()
            self._do(submitted)
            self._drain()

    def _do(self, submitted: Submit) -> None:
        """Whatever goes wrong becomes one sentence, and the worker lives on."""
        number, ask = submitted.number, submitted.ask
        if ask.lane is Lane.LIVE:
            self._stopped = False
        try:
            self._gives_way(number)
            bench = self.bench.heard_by(lambda progress: self._between(submitted, progress))
            for told in perform(ask, bench):
                self._say(Told(number, told))
            self._say(Ended(number, DONE))
        except Cancelled:
            self._say(Ended(number, CANCELLED))
        except XGenError as error:
            self._say(Failed(number, str(error)))
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:  # a worker that dies tells nobody why
            text = f"this failed ({type(error).__name__}: {error}); try again or another device"
            self._say(Failed(number, " ".join(text.split())))

    def _between(self, submitted: Submit, progress: Progress) -> None:
        """Between two steps of a task: what a live one leaves for, what a long one lets pass."""
        ask, number = submitted.ask, submitted.number
        if ask.lane is Lane.LIVE and not ask.gives_way:
            return
        self._say(Stepped(number, progress.done, progress.total, progress.text))
        self._drain()
        if ask.lane is Lane.LIVE:
            if self._live or self._stopped:
                raise Cancelled("something newer is to be drawn")
        elif ask.lane is Lane.LONG:
            self._answer_waiting()
            while number in self._held and number not in self._cancelled:
                self._hear(receive(self.pipe))
                self._drain()
                self._answer_waiting()
        self._gives_way(number)

    def _gives_way(self, number: int) -> None:
        """Leave where the window asked for that."""
        if number in self._cancelled:
            self._cancelled.discard(number)
            self._held.discard(number)
            raise Cancelled("stopped; what was finished is kept")

    def _say(self, answer: Answer) -> None:
        send(self.pipe, answer)
