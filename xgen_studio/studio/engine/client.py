"""The window's end of the pipe: starts the worker, hands it requests, passes its answers on."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Condition, Thread
from weakref import WeakMethod

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from xgen_studio.studio.engine.pipe import receive, send
from xgen_studio.studio.engine.protocol import (
    CANCELLED,
    OVER,
    Answer,
    Cancel,
    Ended,
    Failed,
    Message,
    Pause,
    Ready,
    Stop,
    Submit,
)
from xgen_studio.studio.engine.worker import serve
from xgen_studio.studio.threads import Reply
from xgen_studio.tasks.ask import Ask, Lane

DIED = "The working process ended, most likely for lack of memory. Try again to start it anew."
Hears = Callable[[Answer], None]


class Engine(QObject):
    """A worker process that is started when it is first needed, and again should it die.

    Answers arrive on the window's thread, at whoever asked: a method, held weakly. Every request
    ends with `Ended` or `Failed`, also when the worker dies.
    """

    ready = Signal()
    died = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.ready_now = False
        self._last = 0
        self._hearing: dict[int, WeakMethod[Hears]] = {}
        self._outbox: deque[Message] = deque()
        self._filled = Condition()
        self._threads: list[Thread] = []

    @property
    def running(self) -> bool:
        """True while there is a worker."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Start the worker, so that the first picture does not wait for it."""
        if self._pipe is not None and not self.running:
            self._gone(self._pipe)  # it died, and nobody was told yet
        if self.running:
            return
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        threads = max(1, (os.cpu_count() or 2) - 1)  # one core stays with the window
        self._process = context.Process(target=serve, args=(theirs, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours
        with self._filled:
            self._outbox.clear()  # what was asked of a worker that died
        self._threads = [
            Thread(target=_listen, args=(ours, Reply(self._dispatch)), name="engine answers"),
            Thread(target=self._speak, args=(ours,), name="engine requests"),
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def ask(self, ask: Ask, heard: Hears) -> int:
        """Give a request to the worker; `heard`, a method, gets what comes of it. Returns the
        request's number. Never waits."""
        self.start()
        self._last += 1
        self._hearing[self._last] = WeakMethod(heard)
        self._send(Submit(self._last, ask))
        return self._last

    def cancel(self, number: int) -> None:
        """Leave a request; what is finished is kept."""
        self._send(Cancel(number))

    def hold(self, number: int, held: bool) -> None:
        """Hold a long request, or let it go on."""
        self._send(Pause(number, held))

    def stop_live(self) -> None:
        """Leave the live request."""
        self._send(Stop())

    def _send(self, message: Message) -> None:
        """Put it in the outbox: a pipe may be full while the worker is busy. Of live requests that
        still wait there only the newest is sent."""
        if not self.running:
            return
        given_up: list[Message] = []
        with self._filled:
            if _is_live(message) or isinstance(message, Stop):
                given_up = [m for m in self._outbox if _is_live(m)]
                for old in given_up:
                    self._outbox.remove(old)
            self._outbox.append(message)
            self._filled.notify_all()
        for old in given_up:
            if isinstance(old, Submit):
                self._pass_on(Ended(old.number, CANCELLED))

    def stop(self) -> None:
        """End the worker and the threads that speak with it; seldom takes more than a second."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self._hearing.clear()
        with self._filled:
            self._filled.notify_all()  # the sending thread ends
        if process is not None:
            process.terminate()
            process.join(1.0)
            if process.is_alive():
                process.kill()
        for thread in self._threads:
            thread.join(1.0)  # the pipe is broken: they have nothing to wait for
        if pipe is not None:
            pipe.close()  # not sooner: another file could get its number while it is read

    def _speak(self, pipe: Connection) -> None:
        """On a thread of its own: send what waits, as fast as the worker takes it."""
        unsent = Reply(self._dispatch)
        while True:
            with self._filled:
                while not self._outbox and pipe is self._pipe:
                    self._filled.wait()
                if pipe is not self._pipe:
                    return  # what waits is for another worker
                message = self._outbox.popleft()
            try:
                send(pipe, message)
            except OSError:
                return  # the worker is gone: the other thread hears it, too
            except Exception as error:  # what cannot be pickled, or is too large
                if isinstance(message, Submit):
                    unsent(pipe, Failed(message.number, f"could not be asked: {error}"))

    def _dispatch(self, pipe: Connection, answer: Answer | Ready | None) -> None:
        if pipe is not self._pipe:
            return  # of a worker that was stopped
        if answer is None:
            self._gone(pipe)
        elif isinstance(answer, Ready):
            self.ready_now = True
            self.ready.emit()
        else:
            self._pass_on(answer)

    def _pass_on(self, answer: Answer) -> None:
        reference = self._hearing.get(answer.number)
        if isinstance(answer, OVER):
            self._hearing.pop(answer.number, None)
        heard = reference() if reference is not None else None
        if heard is not None and isValid(getattr(heard, "__self__", None)):
            heard(answer)

    def _gone(self, pipe: Connection) -> None:
        if pipe is not self._pipe:
            return
        self._process = self._pipe = None
        self.ready_now = False
        with self._filled:
            self._filled.notify_all()
        self.died.emit()
        for number in list(self._hearing):  # whoever waits, waits no more
            self._pass_on(Failed(number, DIED))


def _is_live(message: Message) -> bool:
    return isinstance(message, Submit) and message.ask.lane is Lane.LIVE


def _listen(pipe: Connection, heard: Reply) -> None:
    """On a thread of its own: wait for answers, pass them to the window's thread."""
    with suppress(EOFError, OSError):
        while True:
            heard(pipe, receive(pipe))
    heard(pipe, None)  # the worker is gone
