"""Closed outlines that float over a mask: moved, scaled, turned and bent before they are painted.

Points are (N, 2) float (x, y) in pixels of the mask; every function returns new points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def box(points: Points) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return float(left), float(top), float(right), float(bottom)


def moved(points: Points, dx: float, dy: float) -> Points:
    """Moved by (dx, dy)."""
    return points + (dx, dy)


def scaled(points: Points, about: tuple[float, float], sx: float, sy: float) -> Points:
    """Stretched by sx and sy about a point that stays; negative factors mirror."""
    return (points - about) * (sx, sy) + about


def turned(points: Points, about: tuple[float, float], radians: float) -> Points:
    """Turned about a point, clockwise on a screen whose y grows downwards."""
    c, s = np.cos(radians), np.sin(radians)
    x, y = (points - about).T
    return np.stack([x * c - y * s, x * s + y * c], 1) + about


def bent(points: Points, index: int, dx: float, dy: float, reach: float) -> Points:
    """One point pulled by (dx, dy); its neighbours along the outline follow, less and less, up to
    `reach` px of outline away."""
    steps = np.linalg.norm(np.roll(points, -1, 0) - points, axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    around = at[-1]
    along = np.abs(at[:-1] - at[index])
    along = np.minimum(along, around - along)
    weight = np.cos(np.clip(along / max(reach, 1e-6), 0, 1) * np.pi / 2) ** 2
    return points + weight[:, None] * (dx, dy)


def nearest(points: Points, x: float, y: float) -> tuple[int, float]:
    """Index of the nearest point and its distance (px)."""
    apart = np.hypot(points[:, 0] - x, points[:, 1] - y)
    index = int(apart.argmin())
    return index, float(apart[index])
