"""What is asked of a task. The same request serves terminal and window.

An `Ask` is plain data that names its task, a function (ask, bench) -> iterator of what it tells.
Light: the window imports asks, and never the tasks behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from xgen_studio.wing import resolve

if TYPE_CHECKING:
    from xgen_studio.tasks.bench import Bench


class Lane(Enum):
    """How a request waits: LIVE ones give way to the newest, SHORT ones are answered between two
    steps of whatever runs, LONG ones queue, and can be held."""

    LIVE = "live"
    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True)
class Ask:
    """A request; a subclass is a frozen dataclass of what the task needs."""

    task: ClassVar[str]  # 'module:function'
    lane: ClassVar[Lane]

    @property
    def gives_way(self) -> bool:
        """Whether a LIVE task stops for a newer one; a preview runs to its end."""
        return True

    def on(self, device: str) -> Ask:
        """The same request on another device, where it runs on one."""
        return self


@dataclass(frozen=True)
class Note:
    """What the user should know beside the results."""

    text: str


def told(name: str, notes: Iterable[str]) -> list[Note]:
    """What was not plain in how a file was read, a note each."""
    return [Note(f"{name}: {note}") for note in notes]


def perform(ask: Ask, bench: Bench) -> Iterator[Any]:
    """Do what is asked; yields what the task tells."""
    yield from resolve(ask.task)(ask, bench)
