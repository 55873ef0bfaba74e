"""How the slices of a series lie in the patient, and what makes a rectangular grid of them.

A tilted gantry shears the stack, and some series are finer in one part than in another or lack a
slice. Such stacks are resampled, which is told; where a part of the patient is not there, refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.geometry import Floats, Triple, triple
from xgen_studio.imaging.limits import check_bytes, check_size

# How far a slice may lie from its place on the even grid: scanners round positions to 0.1 mm.
POSITION_TOLERANCE_MM = 0.1
POSITION_TOLERANCE = 0.1  # of the slice distance
SLANT_TOLERANCE = 0.5  # pixels that the last slice may lie beside the first one's normal
STEEPEST = 40.0  # degrees; gantries tilt by 30
MISSING = 2  # slices in a row that are interpolated
NEAR = 0.25  # of the usual distance, by which a gap may differ from whole slices
NEIGHBOURS = 2  # on either side, whose distances say what is usual there
FINEST = 0.5  # of the median distance: a closer pair of slices does not set the grid


@dataclass(frozen=True, eq=False)
class Layout:
    """Slices in their order along the normal.

    order   which of the slices given comes first, second, ...
    along   (n,) mm from the first, along the normal
    beside  (n, 2) mm that each lies to the right and below of the first's normal (x, y)
    spacing mm between the planes of the volume, which `placed` makes
    origin  (3,) mm LPS of the first slice's first pixel
    notes   what is to be told
    """

    order: list[int]
    along: Floats
    beside: Floats
    spacing: float
    origin: Triple
    notes: list[str]

    @property
    def plain(self) -> bool:
        """Whether the slices are planes of the volume as they are."""
        return not self.notes


def laid_out(
    source: Path,
    names: Sequence[str],
    points: Floats,
    direction: Floats,
    pixel: tuple[float, float],
) -> Layout:
    """The layout of slices whose first pixels lie at `points` (n, 3) mm.

    direction (3, 3): columns along x, y, normal; pixel (x, y) mm. InputError where two lie at one
    place, where more than MISSING seem to be missing in a row, where they lie on no straight line,
    and where they slant by more than STEEPEST.
    """
    order = np.argsort(points @ direction[:, 2], kind="stable")
    away = (points[order] - points[order[0]]) @ direction
    along, beside = away[:, 2], away[:, :2]
    named = [names[k] for k in order]
    gaps = np.diff(along)
    if gaps.min() < 1e-3:
        k = int(gaps.argmin())
        raise InputError(
            f"{source}: two slices lie at the same position ({named[k]}, {named[k + 1]}); "
            "keep one phase or echo of the series"
        )
    spacing, uneven = _distance(source, named, along)
    slant = _slant(source, named, along, beside, pixel)
    if not slant:
        beside = np.zeros_like(beside)
    return Layout(
        order.tolist(), along, beside, spacing, triple(points[order[0]]), [*slant, *uneven]
    )


def _distance(source: Path, named: Sequence[str], along: Floats) -> tuple[float, list[str]]:
    """Mm between the planes of the volume, and what is to be told where that is no even stack."""
    gaps = np.diff(along)
    jitter = _jitter(along)
    even = float(along[-1] / len(gaps))
    if np.abs(along - even * np.arange(len(along))).max() <= jitter:
        return even, []
    notes = []
    present = []
    for k, gap in enumerate(gaps.tolist()):
        around = [*gaps[max(0, k - NEIGHBOURS) : k], *gaps[k + 1 : k + 1 + NEIGHBOURS]]
        usual = float(np.median(around or [gap]))
        missing = round(gap / usual) - 1
        word = "slice seems" if missing == 1 else "slices seem"
        said = (
            f"{missing} {word} to be missing after {named[k]} ({gap:.2f} mm where {usual:.2f} mm"
            " is usual)"
        )
        if gap > (MISSING + 1 + NEAR) * usual:
            raise InputError(
                f"{source}: {said}, more than can be interpolated; copy or export the whole series"
                " again"
            )
        if missing > 0 and abs(gap - (missing + 1) * usual) <= NEAR * usual:
            notes.append(f"{said}: interpolated")
        else:
            present.append(gap)
    if notes and np.ptp(present) <= 2 * jitter:
        whole = round(float(along[-1] / np.mean(present)))
        return float(along[-1] / whole), notes
    finest = max(min(present), FINEST * float(np.median(gaps)))
    rest = float(along[-1]) % finest
    cut = f", the last {rest:.1f} mm cut off" if jitter < rest < finest - jitter else ""
    notes.append(
        f"slices {min(present):.1f} to {max(present):.1f} mm apart: resampled to"
        f" {finest:.1f} mm{cut}"
    )
    return finest, notes


def _jitter(along: Floats) -> float:
    """Mm that a slice may lie from where it is taken to be."""
    return max(POSITION_TOLERANCE_MM, POSITION_TOLERANCE * float(np.median(np.diff(along))))


def _slant(
    source: Path, named: Sequence[str], along: Floats, beside: Floats, pixel: tuple[float, float]
) -> list[str]:
    """What is to be told of a sheared stack; nothing where it is upright."""
    limit = max(POSITION_TOLERANCE_MM, SLANT_TOLERANCE * min(pixel))
    if np.linalg.norm(beside, axis=1).max() <= limit:
        return []
    slope = along @ beside / (along @ along)
    stray = np.linalg.norm(beside - np.outer(along, slope), axis=1)
    if stray.max() > max(limit, _jitter(along)):
        k = int(stray.argmax())
        raise InputError(
            f"{source}: its slices lie on no straight line ({named[k]} is {stray[k]:.1f} mm beside"
            " it); keep one acquisition of the series"
        )
    angle = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    if angle > STEEPEST:
        raise InputError(
            f"{source}: its slices are stacked at a slant of {angle:.0f} degrees, more than any"
            f" gantry tilts ({STEEPEST:.0f}); export it again"
        )
    return [f"gantry tilt {angle:.1f} degrees corrected"]


def placed(
    source: Path,
    voxels: NDArray[Any],
    layout: Layout,
    direction: Floats,
    pixel: tuple[float, float],
) -> tuple[NDArray[Any], Triple]:
    """The slices (n, H, W), in the order of the layout, on a rectangular grid; and its origin.

    Each is moved to its place in a larger plane and those between interpolated, both linearly; the
    darkest value stands where no slice is. Slices that lie on the grid stay as they are.
    """
    if layout.plain:
        return voxels, layout.origin
    shift = layout.beside / pixel  # (n, 2) pixels, x and y
    whole = np.rint(shift).astype(int)
    low = whole.min(axis=0)
    extra = whole.max(axis=0) - low
    jitter = _jitter(layout.along)
    count = int((layout.along[-1] + jitter) / layout.spacing) + 1
    shape = (count, voxels.shape[1] + int(extra[1]), voxels.shape[2] + int(extra[0]))
    check_size(shape[::-1], source)
    check_bytes(voxels.itemsize * int(np.prod(shape)), voxels.nbytes, source)
    dark = voxels.min()
    result = np.empty(shape, dtype=voxels.dtype)
    moved: dict[int, NDArray[Any]] = {}
    for n, plane in enumerate(result):
        parts = _parts(layout.along, n * layout.spacing, jitter)
        moved = {
            k: moved[k]
            if k in moved
            else _moved(voxels[k], whole[k] - low, shift[k] - whole[k], shape[1:], dark)
            for k in parts
        }
        first, *second = (share * moved[k] if share < 1 else moved[k] for k, share in parts.items())
        plane[:] = _as(first + second[0] if second else first, result.dtype)
    corner = direction[:, :2] @ (low * np.array(pixel))
    return result, triple(np.array(layout.origin) + corner)


def _as(values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.rint(values).astype(dtype) if np.issubdtype(dtype, np.integer) else values


def _parts(along: Floats, at: float, jitter: float) -> dict[int, float]:
    """The slices that make the plane at this place, and the share of each."""
    nearest = int(np.abs(along - at).argmin())
    if abs(along[nearest] - at) <= jitter:
        return {nearest: 1.0}
    k = int(np.searchsorted(along, at)) - 1
    share = float((at - along[k]) / (along[k + 1] - along[k]))
    return {k: 1 - share, k + 1: share}


def _moved(
    plane: NDArray[Any], whole: NDArray[np.int_], part: Floats, shape: tuple[int, int], dark: float
) -> NDArray[Any]:
    """A slice moved by whole (x, y) pixels, and a part of one, in a dark plane of this shape."""
    right, down = whole.tolist()
    rows, columns = plane.shape
    for axis, share in ((1, part[0]), (0, part[1])):
        if abs(share) > 1e-3:
            last = plane.shape[axis] - 1
            before = np.clip(np.arange(last + 1) - int(np.sign(share)), 0, last)
            plane = (1 - abs(share)) * plane + abs(share) * plane.take(before, axis)
    found = np.full(shape, dark, dtype=plane.dtype)
    found[down : down + rows, right : right + columns] = plane
    return found
