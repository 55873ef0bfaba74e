"""The pseudo-healthy CT: a vertebra at its healthy heights, the spine above and below moved apart.

Geometry first: the healthy endplates of the shape prior say how far each place moves along the
vertebra's own axis; what lies above goes up, what lies below down, and far away all stays. Inside,
the texture is that of the nearest sound vertebra, read at the same place of its body: a crushed
one's own is too dense. Everything is one map in three dimensions, so that no slice knows another
height than its neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import DEPTHS, WIDTHS, Body
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.shape import Shape
from xgen_studio.wings.spine.science.solid import (
    Solid,
    around,
    healthy_solid,
    overlay_plane,
    solid_of,
)

ALL = 130.0  # mm from a vertebra beyond which nothing moves
RIGID = 45.0  # mm beyond an endplate that move as one
FADE = 60.0  # mm further, over which the movement fades
DISC = 6.0  # mm beyond an endplate in which its own shape ends
SIDE = 14.0  # mm beside the body over which its own movement becomes the mean one
FEATHER = 0.12  # of half the height and width: how the transplanted texture blends into the rim
OUTSIDE = -1024.0  # HU


@dataclass(frozen=True, eq=False)
class Restored:
    """A vertebra made healthy, on the patient's own grid.

    box     the part of the grid that changed
    ct      (box) HU, None without a CT
    labels  (box) VerSe labels, the healthy body and its moved neighbours
    solid   the healthy body
    lifted  mm that the spine above went up, and the one below went down
    """

    box: tuple[slice, slice, slice]
    ct: NDArray[np.int16] | None
    labels: NDArray[np.uint8]
    solid: Solid
    lifted: tuple[float, float]


def restore(
    label: int,
    body: Body,
    shape: Shape,
    labels: Volume,
    ct: Volume | None,
    donor: Body | None,
    reach: float = ALL,
) -> Restored:
    """The vertebra of `label` with a healthy shape. `donor` is the measured body of the nearest
    sound vertebra, whose texture it gets; without one it keeps its own, stretched. `reach` mm
    around it are worked out."""
    real = solid_of(body)
    healthy = healthy_solid(body, shape, overlay_plane(body, shape))
    box, local = around(labels, body.frame, reach)
    source, height, inside = _sources(local, real, healthy)
    points = np.moveaxis(labels.mm_to_index(body.frame.to_patient(source)), -1, 0)
    moved = ndimage.map_coordinates(labels.voxels, points, order=0, mode="nearest")
    moved[inside] = label
    picture = None
    if ct is not None:
        picture = ndimage.map_coordinates(
            ct.voxels, points, output=np.float32, order=1, mode="grid-constant", cval=OUTSIDE
        )
        if donor is not None:
            picture = _transplanted(picture, ct, donor, healthy, local, height, inside)
        picture = np.round(picture).astype(np.int16)
    up = float((healthy.top - real.top).mean())
    down = float((real.bottom - healthy.bottom).mean())
    return Restored(box, picture, moved.astype(np.uint8), healthy, (up, down))


def _sources(
    local: Floats, real: Solid, healthy: Solid
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Where each place (local mm) of the healthy picture comes from in the real one; how high it
    lies in the healthy body, and whether inside."""
    u, v, within = healthy.places(local)
    held_u, held_v = np.clip(u, 0, 1), np.clip(v, -1, 1)
    top_h, bottom_h = healthy.heights(held_u, held_v)
    top_r, bottom_r = real.heights(held_u, held_v)
    # beside the body its movement fades into the mean one: what lies there moves as a whole
    half = healthy.width / 2
    beside = np.maximum(np.abs(local[..., 0]) - half, 0)
    ahead = np.maximum(healthy.front.min() - local[..., 1], local[..., 1] - healthy.back.max())
    fade = np.clip(1 - np.hypot(beside, np.maximum(ahead, 0)) / SIDE, 0, 1)
    for field, plain in (
        (top_h, healthy.top.mean()),
        (bottom_h, healthy.bottom.mean()),
        (top_r, real.top.mean()),
        (bottom_r, real.bottom.mean()),
    ):
        field *= fade
        field += (1 - fade) * plain
    w = local[..., 2]
    height = (2 * w - top_h - bottom_h) / np.maximum(top_h - bottom_h, 0.5)
    between = (top_r + bottom_r) / 2 + height * (top_r - bottom_r) / 2
    above = w - _movement(top_h - top_r, healthy.top - real.top, held_u, held_v, w - top_h)
    below = w - _movement(
        bottom_h - bottom_r, healthy.bottom - real.bottom, held_u, held_v, bottom_h - w
    )
    source = np.where(height > 1, above, np.where(height < -1, below, between))
    inside = within & (np.abs(height) <= 1)
    return np.stack([local[..., 0], local[..., 1], source], -1), height, inside


def _movement(here: Floats, field: Floats, u: Floats, v: Floats, beyond: Floats) -> Floats:
    """How far up a place `beyond` mm from an endplate moves: at the endplate as it does `here`;
    from the far side of the disc on as a plane through its (A, L) `field` of movements, so that
    the next vertebra keeps its shape; less and less from `RIGID` on."""
    y, x = np.meshgrid(DEPTHS, WIDTHS, indexing="ij")
    places = np.stack([np.ones(y.size), y.ravel(), x.ravel()], 1)
    flat = np.linalg.lstsq(places, field.ravel(), rcond=None)[0]
    plane = flat[0] + flat[1] * u + flat[2] * v
    share = np.clip(beyond / DISC, 0, 1)
    lasting = np.clip(1 - (beyond - RIGID) / FADE, 0, 1)
    return np.asarray((here * (1 - share) + plane * share) * lasting)


def _transplanted(
    picture: NDArray[np.float32],
    ct: Volume,
    donor: Body,
    healthy: Solid,
    local: Floats,
    height: Floats,
    inside: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """The picture with the donor's texture in the healthy body, read at the same share of its
    depth, width and height."""
    where = local[inside]
    u, v, _ = healthy.places(where)
    giver = solid_of(donor)
    left = v * giver.width / 2
    held = np.clip(v, -1, 1)
    top, bottom = giver.heights(np.clip(u, 0, 1), held)
    front = np.interp(held, WIDTHS, giver.front)
    back = np.interp(held, WIDTHS, giver.back)
    deep = front + u * (back - front)
    t = height[inside]
    up = (top + bottom) / 2 + t * (top - bottom) / 2
    points = donor.frame.to_patient(np.stack([left, deep, up], -1))
    index = np.moveaxis(ct.mm_to_index(points), -1, 0)
    given = ndimage.map_coordinates(ct.voxels, index, output=np.float32, order=1, mode="nearest")
    # at the rim, where the two outlines never fit, the patient's own wall blends in
    rim = np.minimum(np.minimum(u, 1 - u) * 2, 1 - np.abs(v))
    share = np.clip(rim / FEATHER, 0, 1)
    out = picture.copy()
    out[inside] = share * given + (1 - share) * picture[inside]
    return out
