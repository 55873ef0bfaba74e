"""The window's end of the pipe: starts the worker, sends the newest request, emits its answers."""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread

from PySide6.QtCore import QObject, Signal

from xgen_studio.studio.engine.protocol import (
    Answer,
    Devices,
    Drawn,
    Ended,
    Failed,
    Message,
    Opened,
    Ready,
    Remade,
    Stepped,
)
from xgen_studio.studio.engine.worker import serve


class Engine(QObject):
    """A worker process that is started when it is first needed, and again should it die.

    Signals arrive on the window's thread.
    """

    ready = Signal()
    stepped = Signal(object)  # Stepped
    drawn = Signal(object)    # Drawn
    opened = Signal(object)   # Opened
    remade = Signal(object)   # Remade
    devices = Signal(object)  # Devices
    ended = Signal(object)    # Ended
    failed = Signal(object)   # Failed
    died = Signal()
    _heard = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.ready_now = False
        self._last = 0
        self._heard.connect(self._dispatch)
        self._signal_of = {
            Stepped: self.stepped, Drawn: self.drawn, Opened: self.opened, Remade: self.remade,
            Devices: self.devices, Ended: self.ended, Failed: self.failed,
        }  # fmt: skip

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
        if self.running:
            return
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        threads = max(1, (os.cpu_count() or 2) - 1)  # one core stays with the window
        self._process = context.Process(target=serve, args=(theirs, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours
        Thread(target=self._listen, args=(ours,), daemon=True, name="engine pipe").start()

    def send(self, request: Message) -> None:
        """Hand a request to the worker."""
        self.start()
        assert self._pipe is not None
        try:
            self._pipe.send(request)
        except (BrokenPipeError, OSError):
            self._gone(self._pipe)

    def stop(self) -> None:
        """End the worker; waits for it no longer than a second."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.terminate()
            process.join(1.0)
            if process.is_alive():
                process.kill()

    def _listen(self, pipe: Connection) -> None:
        """On a thread of its own: wait for answers, pass them to the window's thread."""
        try:
            while True:
                self._heard.emit(pipe, pipe.recv())
        except (EOFError, OSError, RuntimeError):  # closed, or the window is gone
            try:
                self._heard.emit(pipe, None)
            except RuntimeError:
                return

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
            self.died.emit()
