"""A sagittal slice with its vertebra cut out and the spine pushed apart, and put together again.

Slices here are the paper's: rows from head to feet, columns from front to back, 1 mm a pixel. The
vertebra's rows are removed, whatever their number, and a band of always 40 mm takes their place,
so that nothing tells a network how high a broken vertebra was. Rows are counted as usual in Python:
`top` is the first of the vertebra, `bottom` the first below it (the released code takes the last
for the latter, and leaves it in sight).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BAND = 40  # mm, also the greatest height that can be filled in
LEAST_AREA = 50  # px: smaller pieces of a label are strays, smaller slices show too little
WINDOW = (-300.0, 800.0)  # HU that become -1 and 1
Size = tuple[int, int]  # rows, columns of a canvas


@dataclass(frozen=True)
class Cut:
    """Where vertebrae are cut out of slices, a number a slice: (B,) int64.

    top, bottom   first row of the vertebra, and first below it
    start         first row of the band that takes its place
    """

    top: Tensor
    bottom: Tensor
    start: Tensor

    @property
    def height(self) -> Tensor:
        """Rows of the vertebra as it is, (B,)."""
        return self.bottom - self.top


def cut_at(top: Tensor, bottom: Tensor, rows: int) -> Cut:
    """The cut of vertebrae of at most BAND rows, the band about their middle, within the slice."""
    start = ((top + bottom) // 2 - BAND // 2).clamp(0, rows - BAND)
    return Cut(top, bottom, start)


def band_of(cut: Cut, size: Size) -> Tensor:
    """(B, 1, H, W), 1 in the band, over the full width."""
    rows = torch.arange(size[0], device=cut.start.device)
    inside = (rows >= cut.start[:, None]) & (rows < cut.start[:, None] + BAND)
    return inside[:, None, :, None].float().expand(-1, 1, *size)


def pushed_apart(picture: Tensor, cut: Cut, empty: float) -> Tensor:
    """Slices (B, 1, H, W) without the vertebra's rows: what is above ends at the band's first row,
    what is below begins after it, and the band is `empty`."""
    rows = torch.arange(picture.shape[2], device=picture.device)[None]
    start = cut.start[:, None]
    above, below = rows < start, rows >= start + BAND
    source = rows + torch.where(above, cut.top[:, None] - start, cut.bottom[:, None] - start - BAND)
    moved = _rows(picture, source.clamp(0, picture.shape[2] - 1))
    return torch.where((above | below)[:, None, :, None], moved, empty)


def composed(original: Tensor, filled: Tensor, cut: Cut, height: Tensor) -> Tensor:
    """Slices (B, 1, H, W) put together again around a vertebra of the height (B,) that was found
    (the SHRM): the rows around its middle are `filled`'s, at the same rows; what is above and below
    in the original moves away from it.

    A height below the original's is taken as that, as in the released code: nothing is ever lower
    than it was. Heights need not be whole: rows are then mixed, and the slice has a gradient in the
    height wherever it is more than the original's.
    """
    size = original.shape[2]
    height = torch.maximum(height, cut.height.to(height.dtype)).clamp(max=BAND)
    whole = height == height.floor()
    more = height - cut.height
    # whole heights move by whole rows, as released
    up = torch.where(whole, torch.div(more, 2, rounding_mode="floor"), more / 2)
    start = cut.start.to(height.dtype)
    top = (cut.top - up).clamp(start, start + BAND - height)
    bottom = top + height
    rows = torch.arange(size, device=original.device, dtype=height.dtype)[None]
    above = (top[:, None] - rows).clamp(0, 1)  # the share of each row that is above the vertebra
    below = (rows + 1 - bottom[:, None]).clamp(0, 1)
    upper = _between(original, rows + (cut.top - top)[:, None])
    lower = _between(original, rows - (bottom - cut.bottom)[:, None])

    def shares(of: Tensor) -> Tensor:
        return of[:, None, :, None].to(original.dtype)

    return shares(above) * upper + shares(1 - above - below) * filled + shares(below) * lower


def _rows(picture: Tensor, source: Tensor) -> Tensor:
    """The rows (B, H) of pictures (B, 1, H, W)."""
    index = source[:, None, :, None].expand(-1, 1, -1, picture.shape[3])
    return picture.gather(2, index)


def _between(picture: Tensor, source: Tensor) -> Tensor:
    """Rows (B, H), not whole, of pictures (B, 1, H, W), linear between two; those at the ends
    beyond them."""
    last = picture.shape[2] - 1
    source = source.clamp(0, last)
    low = source.detach().floor().long()
    part = (source - low)[:, None, :, None].to(picture.dtype)
    return (1 - part) * _rows(picture, low) + part * _rows(picture, (low + 1).clamp(max=last))


# -- slices of volumes ----------------------------------------------------------------------------


def to_grey(hounsfield: NDArray[Any]) -> NDArray[np.float32]:
    """HU as grey values, the window as [-1, 1]."""
    low, high = WINDOW
    grey = (hounsfield.astype(np.float32) - low) * (2 / (high - low)) - 1
    return grey.clip(-1, 1)


def to_hounsfield(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey values in [-1, 1] as HU."""
    low, high = WINDOW
    return (grey + 1) * np.float32((high - low) / 2) + np.float32(low)


@dataclass(frozen=True)
class Place:
    """Where a slice of a volume lies on a canvas: `at` on the canvas is `of` of the slice."""

    at: tuple[slice, slice]
    of: tuple[slice, slice]


def placed(shape: Size, size: Size, middle: tuple[int, int]) -> Place:
    """How slices of `shape` (rows, columns) are put on a canvas: in the middle where they are
    smaller, as the released code does; where they are larger, so much as fits around `middle`."""
    at, of = [], []
    for there, wanted, centre in zip(shape, size, middle, strict=True):
        spare = max(0, wanted - there) // 2
        first = min(max(0, centre - wanted // 2), max(0, there - wanted))
        count = min(there, wanted)
        at.append(slice(spare, spare + count))
        of.append(slice(first, first + count))
    return Place((at[0], at[1]), (of[0], of[1]))


def on_canvas(picture: NDArray[Any], size: Size, place: Place, empty: float) -> NDArray[Any]:
    """A slice, or several (..., rows, columns), on its canvas."""
    canvas = np.full((*picture.shape[:-2], *size), empty, picture.dtype)
    canvas[(..., *place.at)] = picture[(..., *place.of)]
    return canvas


def sagittal(volume: NDArray[Any]) -> NDArray[Any]:
    """A volume (z, y, x) as sagittal slices (x, rows from head to feet, columns to the back)."""
    return np.moveaxis(volume[::-1], 2, 0)


@dataclass(frozen=True)
class Seen:
    """A vertebra in one slice.

    mask         its pixels, without strays
    top, bottom  its first row, the first below it; at most BAND apart
    whole        whether no row of it lies beyond them
    """

    mask: NDArray[np.bool_]
    top: int
    bottom: int
    whole: bool = True


def seen_in(mask: NDArray[np.bool_]) -> Seen | None:
    """The vertebra of a sagittal slice (rows, columns); None where it shows too little. One that is
    higher than the band is cut around its mean row."""
    from scipy import ndimage

    kept = np.zeros(mask.shape, bool)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if len(rows):
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        parts, _ = ndimage.label(mask[box], np.ones((3, 3), int))
        large = np.bincount(parts.ravel()) >= LEAST_AREA
        large[0] = False
        kept[box] = large[parts]
    if kept.sum() <= LEAST_AREA:
        return None
    rows = np.flatnonzero(kept.any(1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    if bottom - top <= BAND:
        return Seen(kept, top, bottom)
    mean = int(np.nonzero(kept)[0].mean())
    top = min(max(0, mean - BAND // 2), mask.shape[0] - BAND)
    return Seen(kept, top, top + BAND, whole=False)


def aside(index: NDArray[np.int64], first: int, last: int) -> NDArray[np.float32]:
    """How far slices lie to the side of the middle of a vertebra that reaches from slice `first` to
    `last`: 0 in the middle, nearly 1 at its ends (the released code's `slice_ratio`)."""
    middle = (first + last) / 2
    return (2 * np.abs(index - middle) / (last - first + 1)).astype(np.float32)
