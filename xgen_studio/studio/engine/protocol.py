"""The words between window and worker. Light: both sides import it.

The window submits an `Ask` under a number; the worker tells under that number what the task tells,
how far it is, and how it ended. Arrays of any size travel beside the pipe, see `pipe`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xgen_studio.tasks.ask import Ask

DONE, CANCELLED = "done", "cancelled"


@dataclass(frozen=True)
class Submit:
    """Do this."""

    number: int  # of the request, rising
    ask: Ask


@dataclass(frozen=True)
class Stop:
    """Leave the live task that is running."""


@dataclass(frozen=True)
class Pause:
    """Hold the running long task, or let it go on."""

    number: int
    held: bool


@dataclass(frozen=True)
class Cancel:
    """Leave a task; what is finished is kept."""

    number: int


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its libraries."""


@dataclass(frozen=True)
class Told:
    """Something the task tells."""

    number: int
    what: Any


@dataclass(frozen=True)
class Stepped:
    """The task is on its way."""

    number: int
    done: int
    total: int
    text: str = ""


@dataclass(frozen=True)
class Ended:
    """The task is over: DONE or CANCELLED."""

    number: int
    how: str


@dataclass(frozen=True)
class Failed:
    """One sentence: what is wrong and what to do."""

    number: int
    message: str


Message = Submit | Stop | Pause | Cancel
Answer = Told | Stepped | Ended | Failed
OVER = (Ended, Failed)
