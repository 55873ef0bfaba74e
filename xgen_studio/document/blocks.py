"""Blocks of voxels that one gesture covers: brush strokes in mm, and shapes between slices.

Coordinates are (z, y, x) in voxels of the mask, as those of `regions` are in pixels: voxel i of an
axis covers [i, i + 1) and counts as covered when its middle is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Labels = NDArray[np.uint8]
Place = tuple[float, float, float]  # z, y, x in voxels


@dataclass(frozen=True)
class Block:
    """Covered voxels: `inside` (d, h, w), whose first element is the voxel `first` (z, y, x)."""

    first: tuple[int, int, int]
    inside: Bools

    @property
    def window(self) -> tuple[slice, slice, slice]:
        """Index of the block's box in the mask."""
        z, y, x = (
            slice(first, first + n) for first, n in zip(self.first, self.inside.shape, strict=True)
        )
        return z, y, x

    @property
    def empty(self) -> bool:
        """True when no voxel is covered."""
        return not self.inside.any()


NOTHING = Block((0, 0, 0), np.zeros((0, 0, 0), dtype=bool))


def stroke(
    start: Place,
    end: Place,
    radii: tuple[float, float],
    spacing: tuple[float, float, float],
    shape: tuple[int, ...],
    flat: int | None = None,
) -> Block:
    """A round brush drawn from one place to the next: a ball, or a disc in the slice that is looked
    at along the axis `flat` (where `start` lies).

    radii     mm at the start and at the end (a pen pressed harder or less)
    spacing   mm of a voxel along z, y, x: the brush is round in mm, whatever the voxels are

    A brush smaller than a voxel still covers the voxel under the pointer.
    """
    first, middles = [], []
    for axis in range(3):
        if axis == flat:
            low = int(np.floor(start[axis]))
            high = low + 1
        else:
            reach = max(*radii, spacing[axis] / 2) / spacing[axis]
            low = int(np.floor(min(start[axis], end[axis]) - reach))
            high = int(np.ceil(max(start[axis], end[axis]) + reach))
        low, high = max(low, 0), min(high, shape[axis])
        if low >= high:
            return NOTHING
        first.append(low)
        side = [1, 1, 1]
        side[axis] = -1
        middle = np.arange(low, high, dtype=np.float32) + np.float32(0.5 - start[axis])
        away = middle * np.float32(0 if axis == flat else spacing[axis])  # mm from the start
        middles.append(away.reshape(side))
    inside = _within(middles, start, end, radii, spacing, flat)
    for place in (start, end):
        index = tuple(int(np.floor(p)) - f for p, f in zip(place, first, strict=True))
        if all(0 <= i < n for i, n in zip(index, inside.shape, strict=True)):
            inside[index] = True
    return Block((first[0], first[1], first[2]), inside)


def _within(
    away: list[NDArray[np.float32]],
    start: Place,
    end: Place,
    radii: tuple[float, float],
    spacing: tuple[float, float, float],
    flat: int | None,
) -> Bools:
    """Whether each place, `away` mm from the start along each axis, is nearer to the segment than
    the radius there."""
    step = [0.0 if a == flat else (end[a] - start[a]) * spacing[a] for a in range(3)]
    length2 = sum(s * s for s in step)
    from_start = away[0] ** 2 + away[1] ** 2 + away[2] ** 2
    inside: Bools
    if length2 < 1e-9:
        inside = from_start <= np.float32(max(radii) ** 2)
        return inside
    z, y, x = (a * np.float32(s / length2) for a, s in zip(away, step, strict=True))
    along = z + y + x
    t = np.clip(along, 0, 1)
    # |away - t step|^2 = |away|^2 - 2 t (away . step) + t^2 |step|^2
    distance2 = from_start + (t * t - 2 * t * along) * np.float32(length2)
    inside = distance2 <= (np.float32(radii[0]) + t * np.float32(radii[1] - radii[0])) ** 2
    return inside


def between(first: Bools, last: Bools, count: int, spacing: tuple[float, float]) -> list[Bools]:
    """`count` shapes (H, W) on the way from one slice's to another's.

    Shape-based interpolation (Raya and Udupa, IEEE TMI 9, 1990): the signed distances to both
    outlines, in mm, are mixed, and what is positive is inside. Both shapes are first laid over one
    another at their centres, which walk along a line (Herman et al., IEEE CG&A 12, 1992): oblique
    ones would thin out between the slices, or vanish. `spacing` is mm of a (row, column).
    """
    from scipy import ndimage

    first, last = np.pad(first, 1), np.pad(last, 1)  # there is an outside to be distant from
    starts, ends = (np.array(ndimage.center_of_mass(shape)) for shape in (first, last))
    apart = ends - starts
    made = []
    distances = [_signed_distance(shape, spacing) for shape in (first, last)]
    for i in range(1, count + 1):
        t = i / (count + 1)
        moved = [
            ndimage.shift(distance, shift, order=1, mode="nearest")
            for distance, shift in zip(distances, (t * apart, (t - 1) * apart), strict=True)
        ]
        made.append(((1 - t) * moved[0] + t * moved[1] > 0)[1:-1, 1:-1])
    return made


def _signed_distance(inside: Bools, spacing: tuple[float, float]) -> NDArray[np.float32]:
    """mm to the outline, positive inside."""
    from scipy import ndimage

    within = ndimage.distance_transform_edt(inside, sampling=spacing)
    without = ndimage.distance_transform_edt(~inside, sampling=spacing)
    # those are distances to the next voxel's middle; the outline lies about half a voxel before it
    half = min(spacing) / 2
    return (within - without - np.where(inside, half, -half)).astype(np.float32)


def extent(labels: Labels, label: int) -> tuple[slice, slice, slice] | None:
    """The box of a label in (D, H, W), or None where there is none. Slice by slice: no copy of the
    volume is made."""
    rows, columns, slices = [], [], []
    for z, flat in enumerate(labels):
        inside = flat == label
        down = inside.any(1)
        if down.any():
            slices.append(z)
            rows.extend(np.flatnonzero(down)[[0, -1]].tolist())
            columns.extend(np.flatnonzero(inside.any(0))[[0, -1]].tolist())
    if not slices:
        return None
    return (
        slice(slices[0], slices[-1] + 1),
        slice(min(rows), max(rows) + 1),
        slice(min(columns), max(columns) + 1),
    )


def largest_part(inside: Bools) -> Bools:
    """The largest piece of (D, H, W) whose voxels touch by their faces; of equal ones the first."""
    from scipy import ndimage

    parts, _ = ndimage.label(inside)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest: Bools = parts == sizes.argmax()
    return largest
