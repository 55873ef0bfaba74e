"""Painting labels into a mask, flat or of a volume: overwrite rules, locks, and changes kept as
compressed tiles."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document.work import Tile, tile_of, tiles_of

Pixels = NDArray[np.uint8]
Window = tuple[slice, ...]  # a box of a mask: rows and columns, of a volume slices before them


class Covered(Protocol):
    """What a gesture covers: `inside` is true within the mask's `window`."""

    @property
    def inside(self) -> NDArray[np.bool_]: ...

    @property
    def window(self) -> Window: ...

    @property
    def empty(self) -> bool: ...


def around(windows: list[Window]) -> Window:
    """The smallest window that holds all."""
    sides = zip(*windows, strict=True)
    return tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in sides)


@dataclass
class Rules:
    """What a stroke may change.

    over       ids that may be painted over; None: everything
    locked     ids that never change
    limits     lowest and highest grey value of the picture that is painted on, or None
    """

    over: frozenset[int] | None = None
    locked: frozenset[int] = frozenset()
    limits: tuple[float, float] | None = None

    def table(self, label: int) -> NDArray[np.bool_]:
        """For each of 256 ids, whether it may become `label`."""
        allowed = np.zeros(256, dtype=bool)
        allowed[list(range(256) if self.over is None else self.over)] = True
        allowed[list(self.locked)] = False
        if label in self.locked:
            allowed[:] = False
        return allowed


@dataclass(frozen=True)
class MaskChange:
    """A stroke: the tiles it touched, before and after, compressed."""

    name: str
    mask: Pixels
    tiles: dict[Tile, tuple[bytes, bytes]]
    touched: Callable[[Window], None]

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(len(a) + len(b) for a, b in self.tiles.values()) + 100

    def undo(self) -> None:
        """Put the tiles back as they were."""
        self._put(0)

    def redo(self) -> None:
        """Put the tiles as the stroke left them."""
        self._put(1)

    def _put(self, which: int) -> None:
        windows = []
        for tile, pair in self.tiles.items():
            part = tile_of(self.mask, tile)
            part[...] = np.frombuffer(zlib.decompress(pair[which]), np.uint8).reshape(part.shape)
            windows.append(_window_of(tile, part))
        self.touched(around(windows))


def _window_of(tile: Tile, part: Pixels) -> Window:
    *index, top, left = tile
    height, width = part.shape
    outer = (slice(i, i + 1) for i in index)
    return (*outer, slice(top, top + height), slice(left, left + width))


@dataclass
class MaskEditor:
    """Paints into `mask` (H, W) or (D, H, W) uint8, which stays the same array for its whole life.

    `touched` hears each window that changed. A stroke is `begin`, any number of `paint`, and `end`,
    which gives the change to remember, or `cancel`.
    """

    mask: Pixels
    touched: Callable[[Window], None] = lambda window: None
    active: bool = False  # a stroke is begun and not ended
    _before: dict[Tile, Pixels] = field(default_factory=dict)
    _allowed: NDArray[np.bool_] = field(default_factory=lambda: np.ones(256, dtype=bool))
    _all_allowed: bool = True
    _label: int = 0
    _limits: tuple[float, float] | None = None
    _picture: NDArray[Any] | None = None

    def begin(self, label: int, rules: Rules, picture: NDArray[Any] | None = None) -> None:
        """Start a stroke of `label` (0 erases); `picture`, of the mask's shape, is what
        `rules.limits` reads."""
        self._before.clear()
        self.active = True
        self.switch(label, rules)
        self._limits = rules.limits if picture is not None else None
        self._picture = picture

    def switch(self, label: int, rules: Rules) -> None:
        """Go on with the same stroke in another label."""
        self._label, self._allowed = label, rules.table(label)
        self._all_allowed = bool(self._allowed.all())

    def paint(self, region: Covered) -> bool:
        """Paint a region; True when a pixel changed."""
        if region.empty:
            return False
        part = self.mask[region.window]
        change = region.inside & (part != self._label)
        if not self._all_allowed:
            change &= self._allowed[part]
        if self._limits is not None and self._picture is not None:
            grey = self._picture[region.window]
            change &= (grey >= self._limits[0]) & (grey <= self._limits[1])
        if not change.any():
            return False
        self._keep(region.window)
        part[change] = self._label
        self.touched(region.window)
        return True

    def put(self, window: Window, labels: Pixels, locked: frozenset[int] = frozenset()) -> bool:
        """Within a stroke: the labels of a window, but for locked ones; True when any changed."""
        part = self.mask[window]
        change = labels != part
        if locked:
            kept = list(locked)
            change &= ~np.isin(part, kept) & ~np.isin(labels, kept)
        if not change.any():
            return False
        self._keep(window)
        part[change] = labels[change]
        self.touched(window)
        return True

    def replace(
        self, labels: Pixels, name: str, locked: frozenset[int] = frozenset()
    ) -> MaskChange | None:
        """Put another mask of the same size in place, but for locked labels; None if equal."""
        self._before.clear()
        self.put(tuple(slice(0, n) for n in self.mask.shape), labels, locked)
        return self.end(name)

    def end(self, name: str) -> MaskChange | None:
        """The stroke as a change, or None when it changed nothing."""
        tiles = {}
        for tile, old in self._before.items():
            new = tile_of(self.mask, tile)
            if not np.array_equal(old, new):
                tiles[tile] = (zlib.compress(old.tobytes(), 1), zlib.compress(new.tobytes(), 1))
        self._before.clear()
        self.active = False
        return MaskChange(name, self.mask, tiles, self.touched) if tiles else None

    def cancel(self) -> None:
        """Take the running stroke back."""
        windows = []
        for tile, old in self._before.items():
            part = tile_of(self.mask, tile)
            part[...] = old
            windows.append(_window_of(tile, part))
        self._before.clear()
        self.active = False
        if windows:
            self.touched(around(windows))

    def _keep(self, window: Window) -> None:
        """Copy the tiles of a window that this stroke has not touched yet."""
        for tile in tiles_of(self.mask.shape, window):
            if tile not in self._before:
                self._before[tile] = tile_of(self.mask, tile).copy()
