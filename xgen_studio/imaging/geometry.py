"""Where a pixel lies in the patient: index and millimetre, axis directions, axis codes.

Conventions of this room: arrays are indexed (z, y, x) or (y, x); spacing, origin and points are
(x, y, z) in mm in the LPS frame of DICOM (x to the patient's left, y to the back, z to the head);
column k of a direction matrix is the unit vector along which index axis k (x, y, z) grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xgen_studio.errors import InputError

Floats = NDArray[np.float64]
Triple = tuple[float, float, float]

# Files store cosines with few digits (DICOM: often six, some vendors four).
ORTHONORMAL_TOLERANCE = 1e-3


def checked_spacing(spacing: ArrayLike, count: int, name: str) -> tuple[float, ...]:
    """`spacing` as `count` positive floats in mm; InputError, opened by `name`, otherwise."""
    values = _floats(spacing, (count,), "spacing", name)
    if not np.all(values > 0):
        raise InputError(f"{name}: spacing {_short(values)} must be positive, in mm")
    return tuple(values.tolist())


def triple(values: ArrayLike) -> Triple:
    """Three numbers of any sequence as a tuple of floats."""
    x, y, z = np.asarray(values, dtype=np.float64).tolist()
    return (x, y, z)


def checked_origin(origin: ArrayLike, name: str) -> tuple[float, float, float]:
    """`origin` as three finite floats (x, y, z) in mm; InputError, opened by `name`, otherwise."""
    return triple(_floats(origin, (3,), "origin", name))


def checked_direction(direction: ArrayLike, name: str) -> Floats:
    """`direction` as a read-only orthonormal 3x3 matrix (determinant +-1); else InputError.

    Digits that a file rounded away are made up for: the nearest orthonormal matrix is returned.
    """
    matrix = _floats(direction, (3, 3), "direction", name)
    if not np.allclose(matrix.T @ matrix, np.eye(3), atol=ORTHONORMAL_TOLERANCE):
        raise InputError(
            f"{name}: the axis directions are not orthonormal (sheared or scaled grid); "
            "resample it to a rectangular grid first"
        )
    matrix = nearest_rotation(matrix)
    matrix.setflags(write=False)
    return matrix


def nearest_rotation(matrix: Floats) -> Floats:
    """The orthonormal matrix nearest to a square one (polar decomposition); exact ones stay."""
    if np.array_equal(matrix.T @ matrix, np.eye(len(matrix))):
        return matrix.copy()
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)


def from_columns(columns: Floats, shape: Sequence[int]) -> tuple[Triple, Floats, float]:
    """Spacing in mm and orthonormal directions of a grid whose index axes x, y, z step by
    `columns` (3, 3) mm, and by how many mm the farthest of `shape` (z, y, x) voxels moves when
    the axes are made square. ValueError where an axis has no length or two are parallel."""
    with np.errstate(all="ignore"):
        spacing = np.linalg.norm(columns, axis=0)
    if not (np.all(np.isfinite(columns)) and np.all(np.isfinite(spacing) & (spacing > 0))):
        raise ValueError("an axis has no length")
    unit = columns / spacing
    if abs(np.linalg.det(unit)) < 0.1:
        raise ValueError("two axes are nearly parallel")
    direction = nearest_rotation(unit)
    far = np.array(shape[::-1], dtype=np.float64) - 1
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * far
    moved = np.linalg.norm(corners @ (columns - direction * spacing).T, axis=1).max()
    return triple(spacing), direction, float(moved)


def index_to_mm(
    index: ArrayLike, spacing: ArrayLike, origin: ArrayLike, direction: Floats
) -> Floats:
    """Points (..., 3) x, y, z in mm of the (fractional) indices (..., 3) in z, y, x order."""
    xyz = np.asarray(index, dtype=np.float64)[..., ::-1]
    return np.asarray((xyz * np.asarray(spacing)) @ direction.T + np.asarray(origin))


def mm_to_index(
    point: ArrayLike, spacing: ArrayLike, origin: ArrayLike, direction: Floats
) -> Floats:
    """Fractional indices (..., 3) in z, y, x order of the points (..., 3) x, y, z in mm."""
    offset = np.asarray(point, dtype=np.float64) - np.asarray(origin)
    xyz = (offset @ np.linalg.inv(direction).T) / np.asarray(spacing)
    return np.asarray(xyz[..., ::-1])


def closest_axes(direction: Floats) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """For each index axis x, y, z the closest world axis (0 L, 1 P, 2 S), and the signs +-1.

    The axes are assigned together, so each world axis is used once even at 45 degrees.
    """
    best = max(permutations(range(3)), key=lambda p: sum(abs(direction[p[k], k]) for k in range(3)))
    signs = [1 if direction[best[k], k] >= 0 else -1 for k in range(3)]
    return (best[0], best[1], best[2]), (signs[0], signs[1], signs[2])


def axis_codes(direction: Floats) -> str:
    """Three letters: towards what index axes x, y, z grow, such as 'LPS' for the identity."""
    axes, signs = closest_axes(direction)
    return "".join(("LPS" if s > 0 else "RAI")[a] for a, s in zip(axes, signs, strict=True))


def reoriented_to_lps(
    array: NDArray[Any], spacing: ArrayLike, origin: ArrayLike, direction: Floats
) -> tuple[NDArray[Any], Triple, Triple, Floats]:
    """Axes swapped and flipped, nothing resampled, so that x, y, z grow most nearly to L, P, S.

    Takes an array (D, H, W) and its geometry, returns the same four things; every voxel keeps
    its value and its place in mm. An oblique grid stays oblique (at most 45 degrees off).
    """
    axes, signs = closest_axes(direction)
    shape_xyz = array.shape[::-1]
    corner = [0 if s > 0 else shape_xyz[k] - 1 for k, s in enumerate(signs)]
    new_origin = index_to_mm(corner[::-1], spacing, origin, direction)
    flipped = array[tuple(slice(None, None, s) for s in signs[::-1])]
    source = [axes.index(world) for world in range(3)]  # which old axis becomes new axis x, y, z
    turned = flipped.transpose([2 - source[2 - k] for k in range(3)])
    new_direction = (np.asarray(direction) * np.asarray(signs))[:, source]
    return (
        np.ascontiguousarray(turned),
        triple(np.asarray(spacing)[source]),
        triple(new_origin),
        new_direction,
    )


def _floats(value: ArrayLike, shape: tuple[int, ...], what: str, name: str) -> Floats:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {what} {value!r} is not made of numbers") from error
    if array.shape != shape or not np.all(np.isfinite(array)):
        wanted = " x ".join(map(str, shape))
        raise InputError(f"{name}: {what} must be {wanted} finite numbers, not {_short(array)}")
    return array


def _short(array: Floats) -> str:
    return str(array.tolist())
