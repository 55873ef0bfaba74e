"""Work on other threads that ends in the window.

A signal emitted on another thread while the window's deletes its object crashes the process, and so
may an object of Qt whose last reference another thread lets go. Therefore other threads hold no
object of the window, and what they have to say passes through one that is never deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar
from weakref import WeakMethod

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid


class _Post(QObject):
    """Lives as long as the process, on the thread that imports this: the window's."""

    came = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.came.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def _deliver(self, to: WeakMethod[Callable[..., None]], values: tuple[Any, ...]) -> None:
        method: Any = to()
        if method is not None and isValid(method.__self__):
            method(*values)


_POST = _Post()


class Reply:
    """A method of an object of the window, which other threads may call: it runs later, on the
    window's thread, and not at all when the object is gone by then."""

    def __init__(self, method: Callable[..., None]) -> None:
        self._method = WeakMethod(method)

    def __call__(self, *values: Any) -> None:
        with suppress(RuntimeError):  # the process ends, and Qt with it
            _POST.came.emit(self._method, values)


Result = TypeVar("Result")


def on_thread(work: Callable[[], Result], then: Callable[[Result], None]) -> None:
    """Do the work on a thread of its own, give its result to `then`, a method of the window.

    The work must raise nothing, and hold no object of the window."""
    reply = Reply(then)
    Thread(target=lambda: reply(work()), daemon=True).start()
