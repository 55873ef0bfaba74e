"""Painting labels into a mask: overwrite rules, locks, and changes kept as compressed tiles."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document.regions import Region
from xgen_studio.document.work import TILE

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, width, height


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
    tiles: dict[tuple[int, int], tuple[bytes, bytes]]
    touched: Callable[[Box], None]

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
        for (top, left), pair in self.tiles.items():
            tile = self.mask[top : top + TILE, left : left + TILE]
            tile[...] = np.frombuffer(zlib.decompress(pair[which]), np.uint8).reshape(tile.shape)
        tops, lefts = zip(*self.tiles, strict=True)
        top, left = min(tops), min(lefts)
        bottom = min(max(tops) + TILE, self.mask.shape[0])
        right = min(max(lefts) + TILE, self.mask.shape[1])
        self.touched((left, top, right - left, bottom - top))


@dataclass
class MaskEditor:
    """Paints into `mask` (H, W) uint8, which stays the same array for its whole life.

    `touched` hears each box that changed. A stroke is `begin`, any number of `paint`, and `end`,
    which gives the change to remember, or `cancel`.
    """

    mask: Pixels
    touched: Callable[[Box], None] = lambda box: None
    active: bool = False  # a stroke is begun and not ended
    _before: dict[tuple[int, int], Pixels] = field(default_factory=dict)
    _allowed: NDArray[np.bool_] = field(default_factory=lambda: np.ones(256, dtype=bool))
    _all_allowed: bool = True
    _label: int = 0
    _limits: tuple[float, float] | None = None
    _picture: NDArray[np.float32] | None = None

    def begin(self, label: int, rules: Rules, picture: NDArray[np.float32] | None = None) -> None:
        """Start a stroke of `label` (0 erases); `picture` (H, W) is what `rules.limits` reads."""
        self._before.clear()
        self.active = True
        self.switch(label, rules)
        self._limits = rules.limits if picture is not None else None
        self._picture = picture

    def switch(self, label: int, rules: Rules) -> None:
        """Go on with the same stroke in another label."""
        self._label, self._allowed = label, rules.table(label)
        self._all_allowed = bool(self._allowed.all())

    def paint(self, region: Region) -> bool:
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
        height, width = part.shape
        self._keep(region.top, region.left, height, width)
        part[change] = self._label
        self.touched((region.left, region.top, width, height))
        return True

    def replace(
        self, labels: Pixels, name: str, locked: frozenset[int] = frozenset()
    ) -> MaskChange | None:
        """Put another mask of the same size in place, but for locked labels; None if equal."""
        self._before.clear()
        change = labels != self.mask
        if locked:
            kept = list(locked)
            change &= ~np.isin(self.mask, kept) & ~np.isin(labels, kept)
        if not change.any():
            return None
        height, width = self.mask.shape
        self._keep(0, 0, height, width)
        self.mask[change] = labels[change]
        self.touched((0, 0, width, height))
        return self.end(name)

    def end(self, name: str) -> MaskChange | None:
        """The stroke as a change, or None when it changed nothing."""
        tiles = {}
        for (top, left), old in self._before.items():
            new = self.mask[top : top + TILE, left : left + TILE]
            if not np.array_equal(old, new):
                tiles[top, left] = (
                    zlib.compress(old.tobytes(), 1),
                    zlib.compress(new.tobytes(), 1),
                )
        self._before.clear()
        self.active = False
        return MaskChange(name, self.mask, tiles, self.touched) if tiles else None

    def cancel(self) -> None:
        """Take the running stroke back."""
        for (top, left), old in self._before.items():
            tile = self.mask[top : top + TILE, left : left + TILE]
            tile[...] = old
            self.touched((left, top, tile.shape[1], tile.shape[0]))
        self._before.clear()
        self.active = False

    def _keep(self, top: int, left: int, height: int, width: int) -> None:
        """Copy the tiles of a box that this stroke has not touched yet."""
        for y in range(top // TILE * TILE, top + height, TILE):
            for x in range(left // TILE * TILE, left + width, TILE):
                if (y, x) not in self._before:
                    self._before[y, x] = self.mask[y : y + TILE, x : x + TILE].copy()
