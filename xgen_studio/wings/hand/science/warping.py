"""Enlarge a small set honestly: a radiograph is bent so that its bones take another real shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import RBFInterpolator
from scipy.spatial import Delaunay

from xgen_studio.wings.hand.science.landmarks import Points

FADE = (8.0, 48.0)  # px from the hand: so far it bends fully, and from there not at all
LEAST_STRETCH = 0.45  # of an area: a warp that squeezes more folds the picture


def similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """The similarity (2, 3), without reflection, that maps source (N, 2) best onto target, by least
    squares (Umeyama 1991; in the plane a complex number says it all)."""
    points, wanted = source @ [1, 1j], target @ [1, 1j]  # as complex numbers: z -> turn * z + move
    a, b = points.mean(), wanted.mean()
    p, q = points - a, wanted - b
    turn = np.vdot(p, q) / max(np.vdot(p, p).real, 1e-12)  # 0 of points in one place
    move = b - turn * a
    return np.array([[turn.real, -turn.imag, move.real], [turn.imag, turn.real, move.imag]])


def apply(matrix: NDArray[np.float64], points: Points) -> Points:
    """Points (N, 2) under a map (2, 3)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def turned(points: Points, degrees: float) -> Points:
    """Points (N, 2) turned about the origin: from x towards y, clockwise on a screen."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    result: Points = points @ np.array([[c, s], [-s, c]])
    return result


def other_shape(own: Points, other: Points, share: float) -> Points:
    """A shape between one's own (share 0) and another hand's (share 1), in one's own pose."""
    return own + share * (apply(similarity(other, own), other) - own)


def bend(
    image: NDArray[np.uint8], own: Points, wanted: Points, smoothing: float = 2.0
) -> tuple[NDArray[np.uint8], Points] | None:
    """The image (H, W) with its landmarks `own` moved to `wanted`, by a thin-plate spline that
    holds the frame; and where the landmarks came to lie.

    None where the spline would fold or squeeze the picture.
    """
    height, width = image.shape
    frame = np.array(
        [(x, y) for x in np.linspace(-20, width + 20, 5) for y in (-20.0, height + 20.0)]
        + [(x, y) for y in np.linspace(-20, height + 20, 5)[1:-1] for x in (-20.0, width + 20.0)]
    )
    sources, targets = np.concatenate([own, frame]), np.concatenate([wanted, frame])
    back = RBFInterpolator(targets, sources, kernel="thin_plate_spline", smoothing=smoothing)
    ys, xs = np.mgrid[0 : height + 4 : 4, 0 : width + 4 : 4]  # smooth: every fourth pixel is enough
    grid = np.stack([xs, ys], -1).astype(float)
    coarse = back(grid.reshape(-1, 2)).reshape(grid.shape)
    inside = Delaunay(wanted).find_simplex(grid) >= 0
    far = ndimage.distance_transform_edt(~inside) * 4.0  # px from the hand
    share = np.clip((FADE[1] - far) / (FADE[1] - FADE[0]), 0, 1)
    coarse = grid + (share**2 * (3 - 2 * share))[..., None] * (coarse - grid)
    dy, dx = np.gradient(coarse, 4.0, axis=(0, 1))
    area = dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0]
    if area.min() < LEAST_STRETCH or area.max() > 1 / LEAST_STRETCH:
        return None
    fine = np.mgrid[0:height, 0:width] / 4.0
    at = [ndimage.map_coordinates(coarse[..., k], fine, order=1) for k in (1, 0)]
    # cubic: linear interpolation softens bones, and a model that learns from it draws them soft
    out = ndimage.map_coordinates(image.astype(np.float32), at, order=3, mode="nearest")
    # with smoothing the landmarks come close to `wanted`, not onto it: find where they are
    landed = wanted.copy()
    for _ in range(6):
        landed = landed + (own - back(landed))
    return np.clip(np.rint(out), 0, 255).astype(np.uint8), landed
