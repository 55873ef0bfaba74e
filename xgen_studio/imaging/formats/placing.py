"""From the numbers of a text header to a `Grid` with a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.formats.payload import Payload
from xgen_studio.imaging.geometry import Floats, from_columns
from xgen_studio.imaging.grid import SQUARE_TOLERANCE, TELL_FROM, Grid, off_square_note


def numbers(path: Path, what: str, text: str, count: int, whole: bool = False) -> Floats:
    """`count` numbers of a header's line; InputError where it holds others."""
    try:
        found = np.array([float(word) for word in text.split()])
    except ValueError:
        found = np.array([])
    if found.size != count or (whole and not np.array_equal(found, np.rint(found))):
        raise InputError(
            f"{path}: its {what} is {text[:60]!r}, {count} numbers are needed; export it again"
        )
    if whole and np.abs(found).max() > 2**53:
        raise InputError(f"{path}: its {what} is {text[:60]!r}; it is damaged")
    return found


def placed(
    path: Path,
    payload: Payload,
    sizes: Sequence[int],
    *,
    spacing: Floats | None,
    origin: Floats | None,
    direction: Floats | None,
    modality: str = "",
    synthetic: bool = False,
    notes: tuple[str, ...] = (),
) -> Grid:
    """The voxels of a header of `sizes` (x, y, ...) at their place.

    `spacing` mm, `origin` mm and `direction` (columns) are LPS and of the header's dimension;
    spacings that are no positive numbers, and directions that are not said, are unknown. Axes of
    one voxel beyond the third are dropped. InputError where the header cannot be right.
    """
    dims = len(sizes)
    if any(n > 1 for n in sizes[3:]):
        raise InputError(f"{path}: holds {sizes[3]} volumes (4-D); split it and open one of them")
    if min(sizes) < 1:
        raise InputError(f"{path}: declares no voxels ({sizes}); it is damaged")
    x, y, z = (*sizes, 1, 1)[:3]
    shape = (int(z), int(y), int(x))
    kept = min(dims, 3)
    steps, place, turned = np.ones(3), np.zeros(3), np.eye(3)
    if spacing is not None:  # the thickness of one slice need not be known
        thin = (np.array(sizes) == 1) & ~np.isfinite(spacing)
        spacing = np.where(thin & (np.arange(dims) >= 2), 1.0, spacing)
    known = spacing is not None and bool(np.all(np.isfinite(spacing[:kept])))
    if spacing is not None and known:
        if not np.all(spacing[:kept] > 0):
            raise InputError(f"{path}: its spacing {spacing.tolist()} is not positive, in mm")
        steps[:kept] = spacing[:kept]
    if origin is not None:
        if not np.all(np.isfinite(origin)):
            raise InputError(f"{path}: its origin is not made of finite numbers; export it again")
        place[:kept] = origin[:kept]
    if direction is not None:
        turned[:kept, :kept] = direction[:kept, :kept]
    try:
        exact, square, moved = from_columns(turned * steps, shape)
    except ValueError as error:
        raise InputError(f"{path}: its axis directions are damaged ({error})") from error
    if moved > SQUARE_TOLERANCE * min(steps):
        raise InputError(
            f"{path}: its axes are sheared or scaled (up to {moved:.2g} mm); resample it to a"
            " rectangular grid first"
        )
    if moved > TELL_FROM:
        notes = (*notes, off_square_note(moved))
    array = replace(payload, shape=shape).read()
    return Grid(array, exact if known else None, place, square, modality, synthetic, notes, path)
