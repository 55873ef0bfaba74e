"""The window's end of the pipe: starts the worker, sends the newest request, emits its answers."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Condition, Thread

from PySide6.QtCore import QObject, Signal

from xgen_studio.studio.engine.protocol import (
    Answer,
    Devices,
    Draw,
    Drawn,
    Ended,
    Failed,
    HandJudged,
    LocatedHand,
    Message,
    Opened,
    Proposed,
    Ready,
    Remade,
    Stepped,
    Stop,
)
from xgen_studio.studio.engine.worker import serve
from xgen_studio.studio.threads import Reply


class Engine(QObject):
    """A worker process that is started when it is first needed, and again should it die.

    Signals arrive on the window's thread.
    """

    ready = Signal()
    stepped = Signal(object)  # Stepped
    drawn = Signal(object)  # Drawn
    opened = Signal(object)  # Opened
    proposed = Signal(object)  # Proposed
    remade = Signal(object)  # Remade
    judged = Signal(object)  # HandJudged
    located = Signal(object)  # LocatedHand
    devices = Signal(object)  # Devices
    ended = Signal(object)  # Ended
    failed = Signal(object)  # Failed
    died = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.ready_now = False
        self._last = 0
        self._outbox: deque[Message] = deque()
        self._filled = Condition()
        self._threads: list[Thread] = []
        self._signal_of = {
            Stepped: self.stepped,
            Drawn: self.drawn,
            Opened: self.opened,
            Remade: self.remade,
            Proposed: self.proposed,
            HandJudged: self.judged,
            LocatedHand: self.located,
            Devices: self.devices,
            Ended: self.ended,
            Failed: self.failed,
        }

    def number(self) -> int:
        """A number for a request, never used before."""
        self._last += 1
        return self._last

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

    def send(self, request: Message) -> None:
        """Hand a request to the worker. Never waits: a pipe may be full while the worker is busy.

        Of drawings that still wait here only the newest is sent."""
        self.start()
        with self._filled:
            if isinstance(request, (Draw, Stop)):
                for old in [m for m in self._outbox if isinstance(m, Draw)]:
                    self._outbox.remove(old)
            self._outbox.append(request)
            self._filled.notify_all()

    def stop(self) -> None:
        """End the worker and the threads that speak with it; seldom takes more than a second."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
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
        while True:
            with self._filled:
                while not self._outbox and pipe is self._pipe:
                    self._filled.wait()
                if pipe is not self._pipe:
                    return  # what waits is for another worker
                request = self._outbox.popleft()
            try:
                pipe.send(request)
            except (BrokenPipeError, OSError):
                return  # the other thread hears it, too

    def _dispatch(self, pipe: Connection, answer: Answer | Ready | None) -> None:
        if pipe is not self._pipe:
            return  # of a worker that was stopped
        if answer is None:
            self._gone(pipe)
        elif isinstance(answer, Ready):
            self.ready_now = True
            self.ready.emit()
        else:
            self._signal_of[type(answer)].emit(answer)

    def _gone(self, pipe: Connection) -> None:
        if pipe is self._pipe:
            self._process = self._pipe = None
            self.ready_now = False
            with self._filled:
                self._filled.notify_all()
            self.died.emit()


def _listen(pipe: Connection, heard: Reply) -> None:
    """On a thread of its own: wait for answers, pass them to the window's thread."""
    with suppress(EOFError, OSError):
        while True:
            heard(pipe, pipe.recv())
    heard(pipe, None)  # the worker is gone
