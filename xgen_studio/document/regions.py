"""Regions of a mask that one gesture covers: brush segments, polygons, fills, and their reshaping.

Coordinates are (x, y) in pixels of the mask; the pixel in column i, row j covers [i, i + 1) x
[j, j + 1) and counts as covered when its middle is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Covered pixels: `inside` (h, w), whose first element is pixel (row `top`, column `left`)."""

    top: int
    left: int
    inside: Bools

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of the region's box in the mask."""
        height, width = self.inside.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def empty(self) -> bool:
        """True when no pixel is covered."""
        return not self.inside.any()


NOTHING = Region(0, 0, np.zeros((0, 0), dtype=bool))


def _box(
    low: Point, high: Point, shape: tuple[int, int]
) -> tuple[int, int, NDArray[np.float32], NDArray[np.float32]] | None:
    """Top, left, and the pixel middles (column, row vectors) of a box inside the mask."""
    left, top = max(0, int(np.floor(low[0]))), max(0, int(np.floor(low[1])))
    right, bottom = min(shape[1], int(np.ceil(high[0]))), min(shape[0], int(np.ceil(high[1])))
    if left >= right or top >= bottom:
        return None
    x = np.arange(left, right, dtype=np.float32)[None] + np.float32(0.5)
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)
    return top, left, x, y


def round_segment(
    start: Point, end: Point, radius: float, shape: tuple[int, int], end_radius: float | None = None
) -> Region:
    """A round brush drawn from one point to the next; the radius may change on the way (pen).

    A brush of less than a pixel still covers the pixel under the pointer.
    """
    r0, r1 = radius, radius if end_radius is None else end_radius
    most = max(r0, r1, 0.5)
    low = (min(start[0], end[0]) - most, min(start[1], end[1]) - most)
    high = (max(start[0], end[0]) + most, max(start[1], end[1]) + most)
    box = _box(low, high, shape)
    if box is None:
        return NOTHING
    top, left, x, y = box
    same = r0 == r1
    inside = _capsule(start, end, r0, x, y) if same else _cone(start, end, r0, r1, x, y)
    for at in (start, end):
        column, row = int(np.floor(at[0])) - left, int(np.floor(at[1])) - top
        if 0 <= row < inside.shape[0] and 0 <= column < inside.shape[1]:
            inside[row, column] = True
    return Region(top, left, inside)


def _capsule(
    start: Point, end: Point, r: float, x: NDArray[np.float32], y: NDArray[np.float32]
) -> Bools:
    """A disc drawn along a segment. It is convex: one interval of columns in each row, so that
    only the comparison with it is done for every pixel."""
    rows = y[:, 0].astype(np.float64)
    left, right = np.full(rows.size, np.inf), np.full(rows.size, -np.inf)
    for cx, cy in (start, end):
        room = r * r - (rows - cy) ** 2
        half = np.sqrt(np.maximum(room, 0))
        left = np.where(room >= 0, np.minimum(left, cx - half), left)
        right = np.where(room >= 0, np.maximum(right, cx + half), right)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(dx, dy))
    if length > 1e-6 and abs(dy) > 1e-9:
        for side in (-1.0, 1.0):  # the two straight edges
            ox, oy = -dy / length * r * side, dx / length * r * side
            t = (rows - start[1] - oy) / dy
            at = start[0] + ox + t * dx
            on = (t >= 0) & (t <= 1)
            left = np.where(on, np.minimum(left, at), left)
            right = np.where(on, np.maximum(right, at), right)
    inside: Bools = x >= left[:, None].astype(np.float32)
    inside &= x <= right[:, None].astype(np.float32)
    return inside


def _cone(
    start: Point, end: Point, r0: float, r1: float, x: NDArray[np.float32], y: NDArray[np.float32]
) -> Bools:
    """A disc whose radius changes along the segment: a pen pressed harder or less."""
    dx, dy = np.float32(end[0] - start[0]), np.float32(end[1] - start[1])
    px, py = x - np.float32(start[0]), y - np.float32(start[1])
    t = (px * dx + py * dy) * np.float32(1 / max(float(dx * dx + dy * dy), 1e-9))
    np.clip(t, 0, 1, out=t)
    distance2 = (px - t * dx) ** 2 + (py - t * dy) ** 2
    inside: Bools = distance2 <= (np.float32(r0) + t * np.float32(r1 - r0)) ** 2
    return inside


def square_segment(start: Point, end: Point, radius: float, shape: tuple[int, int]) -> Region:
    """A square brush, 2 `radius` wide, drawn from one point to the next."""
    (x0, y0), (x1, y1) = start, end
    r = max(radius, 0.5)
    if x0 == x1 or y0 == y1:
        left, right = min(x0, x1) - r, max(x0, x1) + r
        top, bottom = min(y0, y1) - r, max(y0, y1) + r
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    else:  # the hull of the two squares has six corners
        if x1 < x0:
            (x0, y0), (x1, y1) = (x1, y1), (x0, y0)
        s = 1.0 if y1 > y0 else -1.0
        corners = [
            (x0 - r, y0 - s * r),
            (x0 + r, y0 - s * r),
            (x1 + r, y1 - s * r),
            (x1 + r, y1 + s * r),
            (x1 - r, y1 + s * r),
            (x0 - r, y0 + s * r),
        ]
    return polygon(corners, shape)


def polygon(points: Sequence[Point], shape: tuple[int, int]) -> Region:
    """A closed outline and what it encloses (even-odd rule)."""
    if len(points) < 3:
        return NOTHING
    xs, ys = np.asarray(points, dtype=np.float64).T
    box = _box((xs.min(), ys.min()), (xs.max(), ys.max()), shape)
    if box is None:
        return NOTHING
    top, left, x, y = box
    crossings = np.zeros((y.size, x.size + 1), dtype=np.int32)
    middle = y[:, 0].astype(np.float64)
    for i in range(len(xs)):  # each edge flips what lies right of its crossing, row by row
        j = (i + 1) % len(xs)
        if ys[i] == ys[j]:
            continue
        rows = np.flatnonzero((middle >= min(ys[i], ys[j])) & (middle < max(ys[i], ys[j])))
        at = xs[i] + (middle[rows] - ys[i]) * (xs[j] - xs[i]) / (ys[j] - ys[i])
        columns = np.clip(np.ceil(at - left - 0.5), 0, x.size).astype(np.intp)
        np.add.at(crossings, (rows, columns), 1)
    inside = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return Region(top, left, inside)


def pixel_at(at: Point, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Row and column of the pixel under a point, or None beside the picture."""
    column, row = int(np.floor(at[0])), int(np.floor(at[1]))
    return (row, column) if 0 <= row < shape[0] and 0 <= column < shape[1] else None


def flood(labels: NDArray[np.integer], at: Point, connected: bool = True) -> Region:
    """All pixels of the label under the pointer that touch it, or all of that label."""
    if (pixel := pixel_at(at, labels.shape)) is None:
        return NOTHING
    return _piece(labels == labels[pixel], pixel, connected)


def wand(pixels: NDArray[np.generic], at: Point, tolerance: float) -> Region:
    """Pixels that touch the pointer's and differ from its grey value by at most `tolerance`."""
    if (pixel := pixel_at(at, pixels.shape)) is None:
        return NOTHING
    near = np.abs(pixels.astype(np.float32) - np.float32(pixels[pixel])) <= tolerance
    return _piece(near, pixel, connected=True)


def _piece(where: Bools, pixel: tuple[int, int], connected: bool) -> Region:
    if connected:
        from scipy import ndimage

        parts, _ = ndimage.label(where)
        where = parts == parts[pixel]
    return cropped(where)


def cropped(inside: Bools) -> Region:
    """A whole mask's worth of pixels as a region around those covered."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not rows.size:
        return NOTHING
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return Region(int(top), int(left), inside[top:bottom, left:right])


def ball(radius: float) -> Bools:
    """A disc (2 r + 1, 2 r + 1) for morphology, r rounded down."""
    r = int(radius)
    y, x = np.ogrid[-r : r + 1, -r : r + 1]
    return x * x + y * y <= radius * radius + 0.5


def grown(inside: Bools, pixels: float) -> Bools:
    """The label grown (or, negative, shrunk) by so many pixels; picture edges do not eat it."""
    from scipy import ndimage

    if abs(pixels) < 1:
        return inside
    if pixels > 0:
        return ndimage.binary_dilation(inside, ball(pixels))
    return ndimage.binary_erosion(inside, ball(-pixels), border_value=1)


def smoothed(inside: Bools, pixels: float) -> Bools:
    """The label with corners rounded at a radius of about so many pixels, its size kept."""
    from scipy import ndimage

    return ndimage.gaussian_filter(inside.astype(np.float32), pixels, mode="nearest") > 0.5
