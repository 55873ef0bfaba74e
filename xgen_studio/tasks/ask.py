"""What is asked of a task. The same request serves terminal and window.

An `Ask` is plain data that names its task, a function (ask, bench) -> iterator of what it tells.
Light: the window imports asks, and never the tasks behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from xgen_studio.errors import InputError
from xgen_studio.private import Claim
from xgen_studio.state import state_folder
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

    @property
    def writes(self) -> Path | None:
        """The folder that it writes to; two processes do not write to one at the same time."""
        return None

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
    """Do what is asked; yields what the task tells. InputError where another process writes to the
    same folder now."""
    with alone_in(ask.writes):
        yield from resolve(ask.task)(ask, bench)


@contextmanager
def alone_in(folder: Path | None) -> Iterator[None]:
    """Keep other processes of this user from writing to a folder."""
    try:
        state = state_folder() if folder is not None else None
    except InputError:
        state = None  # without a place for locks nobody is kept from working
    if folder is None or state is None:
        yield
        return
    with Claim(state, folder) as claim:
        if not claim.mine:
            raise InputError(
                f"{folder}: another xgen writes there now; wait for its end, or name another folder"
            )
        yield
