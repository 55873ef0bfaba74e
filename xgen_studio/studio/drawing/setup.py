"""What a wing tells the drawing page: the model, its options, shapes to drop, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from xgen_studio.wing import Option


class Shape(Protocol):
    """Outlines that float over the drawing until they are placed: (label id, points (N, 2) px)."""

    @property
    def title(self) -> str: ...

    @property
    def parts(self) -> Sequence[tuple[int, NDArray[Any]]]: ...


@dataclass(frozen=True)
class Setup:
    """How documents of one kind are drawn."""

    name: str  # what files are called after
    model: str
    noun: str = "picture"  # what the model draws, in words: radiograph
    options: tuple[Option, ...] = ()  # that the model takes, each with choices
    first_label: int | None = None  # taken first where something is painted already
    shapes: Sequence[Shape] = ()
    hint: str = ""  # in the middle of an empty drawing
