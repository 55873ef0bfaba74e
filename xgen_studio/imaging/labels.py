"""`Label` and `LabelTable`: what the numbers in a mask mean."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError

MAX_ID = 65_535
_GOLDEN_RATIO = 0.618_033_988_75  # steps the hue so that neighbours differ, however many they are


@dataclass(frozen=True)
class Label:
    """One class of a mask: id 1..65535 (0 is the background), name, colour (r, g, b) in 0..255."""

    id: int
    name: str
    colour: tuple[int, int, int]

    def __post_init__(self) -> None:
        if not 0 < self.id <= MAX_ID:
            raise InputError(f"label {self.name!r}: id {self.id} is outside 1..{MAX_ID}")
        if not self.name:
            raise InputError(f"label {self.id}: has no name")
        if len(self.colour) != 3 or not all(0 <= c <= 255 for c in self.colour):
            raise InputError(f"label {self.name!r}: colour {self.colour} is not three of 0..255")


class LabelTable:
    """The labels of a mask, in order, with unique ids and names; 0 is always the background."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._by_id: dict[int, Label] = {}
        names = set()
        for label in labels:
            if label.id in self._by_id or label.name in names:
                raise InputError(f"label table: {label.id} {label.name!r} is there twice")
            self._by_id[label.id] = label
            names.add(label.name)

    @classmethod
    def of(cls, ids: Iterable[int]) -> LabelTable:
        """A table for ids nobody named: 'label 7' and so on, each with a colour of its own."""
        return cls(Label(i, f"label {i}", _colour(i)) for i in sorted({int(i) for i in ids} - {0}))

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids without the background's 0, in table order."""
        return tuple(self._by_id)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in table order."""
        return tuple(label.name for label in self)

    def __getitem__(self, id: int) -> Label:
        return self._by_id[id]

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def __iter__(self) -> Iterator[Label]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelTable) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"LabelTable({list(self)!r})"

    def palette(self) -> NDArray[np.uint8]:
        """(largest id + 1, 3) uint8 colours by id; the background and unused ids are black."""
        colours = np.zeros((max(self._by_id, default=0) + 1, 3), dtype=np.uint8)
        for label in self:
            colours[label.id] = label.colour
        return colours


def _colour(id: int) -> tuple[int, int, int]:
    r, g, b = colorsys.hsv_to_rgb(id * _GOLDEN_RATIO % 1.0, 0.65, 0.95)
    return round(255 * r), round(255 * g), round(255 * b)
