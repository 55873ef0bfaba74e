"""A body's height fields as a solid again: on a patient's voxels, or on its own millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import DEPTHS, WIDTHS, Body
from xgen_studio.wings.spine.science.frame import Floats, Frame
from xgen_studio.wings.spine.science.shape import Shape


@dataclass(frozen=True, eq=False)
class Solid:
    """A vertebral body.

    frame         its middle and axes
    top, bottom   (A, L) mm above the frame's origin
    front, back   (L,) mm to the back where the cross-section begins and ends at each column
    width         mm
    """

    frame: Frame
    top: Floats
    bottom: Floats
    front: Floats
    back: Floats
    width: float

    def places(self, local: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Where points (..., 3) mm left, back, up stand in the cross-section: share of the depth
        from front to back, of half the width, and whether they are inside it."""
        v = local[..., 0] / (self.width / 2)
        held = np.clip(v, WIDTHS[0], WIDTHS[-1])
        front, back = np.interp(held, WIDTHS, self.front), np.interp(held, WIDTHS, self.back)
        # beyond the outermost columns the cross-section closes as an ellipse does
        narrow = np.sqrt(np.clip((1 - v**2) / (1 - held**2), 0, 1))
        middle, half = (front + back) / 2, (back - front) / 2 * narrow
        u = 0.5 + (local[..., 1] - middle) / (2 * np.maximum(half, 1e-3))
        return u, v, (np.abs(v) < 1) & (u >= 0) & (u <= 1)

    def heights(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Upper and lower endplate, mm above the origin, at places of the cross-section."""
        row = np.clip((u - DEPTHS[0]) / (DEPTHS[1] - DEPTHS[0]), 0, len(DEPTHS) - 1)
        column = np.clip((v - WIDTHS[0]) / (WIDTHS[1] - WIDTHS[0]), 0, len(WIDTHS) - 1)
        at = np.stack([row, column])
        top = ndimage.map_coordinates(self.top, at, order=1, mode="nearest")
        bottom = ndimage.map_coordinates(self.bottom, at, order=1, mode="nearest")
        return np.asarray(top), np.asarray(bottom)

    def height_in(self, local: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """How high points lie in it, -1 on the lower endplate to 1 on the upper, and whether they
        are inside."""
        u, v, within = self.places(local)
        top, bottom = self.heights(u, v)
        height = (2 * local[..., 2] - top - bottom) / np.maximum(top - bottom, 0.5)
        return height, within & (np.abs(height) <= 1)

    def block(self, reach: int = 34) -> NDArray[np.bool_]:
        """Mask on its own millimetres (up, back, left), -reach to reach each."""
        steps = np.arange(-reach, reach + 1, dtype=float)
        w, p, n = np.meshgrid(steps, steps, steps, indexing="ij")
        return self.height_in(np.stack([n, p, w], -1))[1]

    def mask_on(self, volume: Volume) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
        """The part of a volume's grid around it, and its mask there."""
        box, local = around(volume, self.frame, 34.0)
        return box, self.height_in(local)[1]


def around(volume: Volume, frame: Frame, reach: float) -> tuple[tuple[slice, slice, slice], Floats]:
    """The voxels within `reach` mm of a frame's origin (a box), and their mm left, back, up."""
    corners = np.array(np.meshgrid(*[[-reach, reach]] * 3)).reshape(3, -1).T
    index = volume.mm_to_index(frame.origin + corners)
    low = np.clip(np.floor(index.min(0)).astype(int), 0, volume.shape)
    high = np.clip(np.ceil(index.max(0)).astype(int) + 1, 0, volume.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    grid = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
    return (box[0], box[1], box[2]), frame.to_local(volume.index_to_mm(np.stack(grid, -1)))


def solid_of(body: Body) -> Solid:
    """A measured body as a solid."""
    return Solid(body.frame, body.top, body.bottom, body.front, body.back, body.width)


def healthy_solid(body: Body, shape: Shape, plane: Floats | None = None) -> Solid:
    """A healthy shape where the real body is; its cross-section is the real one. `plane` (3,) mm
    moves it up: everywhere, more to the left, more to the back (see `overlay_plane`)."""
    lift = np.zeros(body.top.shape)
    if plane is not None:
        lift = plane[0] + plane[1] * WIDTHS + plane[2] * (2 * DEPTHS[:, None] - 1)
    return Solid(
        body.frame, shape.top + lift, shape.bottom + lift, body.front, body.back, body.width
    )


def overlay_plane(body: Body, shape: Shape) -> Floats:
    """(3,) mm: the lift, left and back tilt that lay a healthy shape over the real body where they
    differ least in absolute terms (L1): on the endplate that is intact."""
    x = np.broadcast_to(WIDTHS, body.top.shape).ravel()
    y = np.broadcast_to(2 * DEPTHS[:, None] - 1, body.top.shape).ravel()
    places = np.stack([np.ones_like(x), x, y], 1)
    rows = np.concatenate([places, places])
    apart = np.concatenate([(body.top - shape.top).ravel(), (body.bottom - shape.bottom).ravel()])
    weights = np.ones(len(apart))
    plane = np.zeros(3)
    for _ in range(30):  # iteratively re-weighted least squares
        scaled = rows * weights[:, None]
        plane = np.linalg.solve(scaled.T @ rows + 1e-9 * np.eye(3), scaled.T @ apart)
        weights = 1 / np.maximum(np.abs(apart - rows @ plane), 0.1)
    return np.asarray(plane)


def endplate_loss(body: Body, shape: Shape) -> dict[str, float]:
    """Mean loss at the upper and at the lower endplate, mm, of a body under its healthy shape."""
    lifted = healthy_solid(body, shape, overlay_plane(body, shape))
    return {
        "upper": float((lifted.top - body.top).mean()),
        "lower": float((body.bottom - lifted.bottom).mean()),
    }
