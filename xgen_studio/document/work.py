"""What lies on a desk: masks over a picture, landmarks, a volume, a review. Knows no Qt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from xgen_studio.document.history import History
from xgen_studio.errors import InputError

TILE = 128  # px a side, of the last two axes
Array = NDArray[Any]
Tile = tuple[int, ...]  # of an array: the indices before its last two axes, top, left


def tiles_of(shape: tuple[int, ...], box: tuple[slice, ...] | None = None) -> Iterator[Tile]:
    """The tiles of an array that a box touches, or all."""
    sides: Sequence[slice] = box or [slice(0, n) for n in shape]
    outer, (rows, columns) = sides[:-2], sides[-2:]
    steps = [range(s.start // TILE * TILE, s.stop, TILE) for s in (rows, columns)]
    yield from product(*(range(s.start, s.stop) for s in outer), *steps)


def tile_of(array: Array, tile: Tile) -> Array:
    """A tile, as a view."""
    *index, top, left = tile
    where: Any = (*index, slice(top, top + TILE), slice(left, left + TILE))
    part: Array = array[where]
    return part


Layout = dict[str, tuple[str, tuple[int, ...]]]  # dtype and shape of each array


@dataclass
class Arrays:
    """The arrays of a work that is read; whoever takes one says what it must be. Only then is it
    unpacked by `load`: what a file declares costs nothing before."""

    layout: Layout
    load: Callable[[str], Array]
    where: str
    _taken: set[str] = field(default_factory=set)

    def take(self, name: str, kind: str, shape: tuple[int, ...]) -> Array:
        """An array of a dtype and shape; InputError where it is missing, or another."""
        if name not in self.layout:
            raise InputError(f"{self.where}: lacks its {name}; open an older copy")
        declared, sizes = self.layout[name]
        if np.dtype(declared) != np.dtype(kind) or sizes != shape:
            raise InputError(f"{self.where}: its {name} is not what it must be")
        self._taken.add(name)
        return self.load(name)

    def nothing_left(self) -> None:
        """InputError where arrays came along that the card does not speak of."""
        if foreign := sorted(set(self.layout) - self._taken):
            raise InputError(
                f"{self.where}: holds {', '.join(map(repr, foreign[:3]))}, which its card does not"
                " name; it was not opened"
            )


class Work(ABC):
    """One thing a user works on, with one undo.

    `kind` names the class in files, `wing` whose workspace shows it. Signals: `history_changed`,
    `touched` at every change, the parts of a stroke included, and `settling`, which asks whoever
    holds something half done to end it.
    """

    kind: ClassVar[str]
    wing: str
    history: History
    history_changed = Signal()
    touched = Signal()
    settling = Signal()

    def __init__(self) -> None:
        self.history = History(changed=self._history_moved, before=self.settle)
        self._dirty: dict[str, set[Tile]] = {}

    def _history_moved(self) -> None:
        self.touched.emit()
        self.history_changed.emit()  # last: it may say that nothing is unsaved any more

    def settle(self) -> None:
        """End what is half done: nothing may come between its parts."""
        self.settling.emit()

    def mark_edited(self, name: str, tiles: Iterator[Tile]) -> None:
        """Tiles of an array were changed in place."""
        self._dirty.setdefault(name, set()).update(tiles)
        self.touched.emit()

    def take_edited(self) -> dict[str, set[Tile]]:
        """The tiles changed in place since this was asked last, by array."""
        dirty, self._dirty = self._dirty, {}
        return dirty

    @abstractmethod
    def card(self, file: Path | None = None) -> dict[str, Any]:
        """All that is no array, as JSON. Of a document that is saved as `file` it names no folder,
        which may hold a patient's name; the journal, which is the user's alone, says where what it
        belongs to lies."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """The arrays themselves, not copies. One that is not changed in place (see `mark_edited`)
        is replaced by another when it changes."""

    @classmethod
    @abstractmethod
    def restore(cls, card: Mapping[str, Any], arrays: Arrays) -> Work:
        """The work that `card` and `arrays` describe; InputError where they do not fit."""
