"""Which part of a mask a model draws: masks of ordinary radiographs are cropped at the joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.knee.science.labels import BONE, FEMUR, TIBIA

ASPECT_TOLERANCE = 0.06
# Medians over the radiographs the models learned from, as shares of the picture's width
BONE_SHARE = 0.55
LEG_SHARE = 0.82

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Window:
    """A rectangle in pixels of a mask; it may reach beyond the mask's edges."""

    top: float
    left: float
    rows: float
    columns: float

    def spacing(
        self, of: Sequence[float] | None, grid: tuple[int, int]
    ) -> tuple[float, float] | None:
        """mm a pixel (x, y) of the grid, where that of the mask is known."""
        if of is None:
            return None
        return of[0] * self.columns / grid[1], of[1] * self.rows / grid[0]

    def taken_from(self, labels: Labels, grid: tuple[int, int]) -> Labels:
        """Labels on the grid (rows, columns), nearest neighbour; edges go on outwards."""
        ys = self.top + (np.arange(grid[0]) + 0.5) * self.rows / grid[0]
        xs = self.left + (np.arange(grid[1]) + 0.5) * self.columns / grid[1]
        y, x = (
            np.clip(np.floor(at).astype(np.intp), 0, size - 1)
            for at, size in zip((ys, xs), labels.shape, strict=True)
        )
        return labels[np.ix_(y, x)]


def frame(labels: Labels, grid: tuple[int, int]) -> Window:
    """The window of labels (H, W) that a model of this grid draws.

    All of a mask that has the grid's shape. Otherwise, for AP radiographs, a window at the joint
    in which the bones are as wide as in the training pictures; for DRRs, the mask made square.
    """
    height, width = labels.shape
    aspect = grid[1] / grid[0]
    if abs(width / height / aspect - 1) <= ASPECT_TOLERANCE:
        return Window(0, 0, height, width)
    if grid[0] == grid[1] or not (labels > 0).any():
        columns = max(width, height * aspect)
        x, y = width / 2, height / 2
    else:
        columns, x, y = _at_joint(labels)
    rows = columns / aspect
    return Window(y - rows / 2, x - columns / 2, rows, columns)


def _at_joint(labels: Labels) -> tuple[float, float, float]:
    """Columns of the window, and x, y of its middle."""
    bone = labels >= BONE
    if not bone.any():
        x0, x1 = _extent(labels > 0, axis=0)
        y0, y1 = _extent(labels > 0, axis=1)
        wide = float((labels > 0).sum(1)[y0:y1].mean())
        return wide / LEG_SHARE, (x0 + x1) / 2, (y0 + y1) / 2
    x0, x1 = _extent(bone, axis=0)
    return (x1 - x0) / BONE_SHARE, (x0 + x1) / 2, _joint_row(labels, bone)


def _joint_row(labels: Labels, bone: NDArray[np.bool_]) -> float:
    """Midway between femur and tibia; of unnamed bone between its two parts, or where the bone is
    widest (condyles and plateau)."""
    from scipy import ndimage  # not before the window's first paint

    upper, lower = labels == FEMUR, labels == TIBIA
    if not (upper.any() and lower.any()):
        parts, count = ndimage.label(bone)
        sizes = ndimage.sum_labels(bone, parts, np.arange(1, count + 1))
        if count < 2 or np.sort(sizes)[-2] < 0.2 * sizes.max():
            return float(np.argmax(bone.sum(1))) + 0.5
        pair = [parts == 1 + i for i in np.argsort(sizes)[-2:]]
        upper, lower = sorted(pair, key=lambda part: _extent(part, axis=1)[0])
    return (_extent(upper, axis=1)[1] + _extent(lower, axis=1)[0]) / 2


def _extent(where: NDArray[np.bool_], axis: int) -> tuple[int, int]:
    """First and one past last index along the other axis."""
    found = np.flatnonzero(where.any(axis))
    return int(found[0]), int(found[-1]) + 1
