"""The one door to SimpleITK: writing and resampling, with nothing on the terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging.formats.nifti import SYNTHETIC_NOTE
from xgen_studio.imaging.geometry import Floats, Triple, triple
from xgen_studio.imaging.grid import Grid
from xgen_studio.imaging.limits import check_bytes, check_size

_stderr_lock = threading.Lock()

# What marks an output as made by a model; NIfTI has no free keys, so its notes say it.
SYNTHETIC_KEY = "Synthetic"
MODALITY_KEY = "XGenModality"  # MetaImage's own Modality field takes a closed list of words


def simpleitk() -> ModuleType:
    """SimpleITK, loaded on first use, with its warnings off (errors still raise)."""
    sitk = import_module("SimpleITK")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what C libraries (MetaIO, niftilib) print: they raise or are checked by us as well."""
    with _stderr_lock:
        try:
            kept = os.dup(2)
        except OSError:  # no standard error at all, as in a windowed desktop program
            yield
            return
        sink = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(sink, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(sink)
            os.close(kept)


def write_itk(path: Path, grid: Grid) -> None:
    """Write `grid` in the format that the suffix names; RuntimeError when ITK notices a failure."""
    if grid.spacing is None:
        raise ValueError("a grid needs a spacing to be written")
    sitk = simpleitk()
    image = _image(grid.array, grid.spacing, grid.origin.tolist(), grid.direction)
    if grid.modality:
        image.SetMetaData(MODALITY_KEY, grid.modality)
    if grid.synthetic:
        image.SetMetaData(SYNTHETIC_KEY, "yes")
        image.SetMetaData("ITK_FileNotes", SYNTHETIC_NOTE)
    with quiet_stderr():
        sitk.WriteImage(image, str(path), useCompression=True)


def resampled(
    array: NDArray[Any],
    spacing: Sequence[float],
    origin: Sequence[float],
    direction: Floats,
    wanted: Sequence[float],
    *,
    nearest: bool,
) -> tuple[NDArray[Any], Triple]:
    """`array` (D, H, W) on a grid of spacing `wanted` (x, y, z) mm, and that grid's origin."""
    sitk = simpleitk()
    old, new = np.asarray(spacing), np.asarray(wanted)
    size = np.maximum(1, np.rint(np.array(array.shape[::-1]) * old / new)).astype(int)
    check_size(size.tolist(), Path("resampled volume"))
    # The outer faces of the first voxels coincide, so the patient does not shift by half a voxel.
    new_origin = np.asarray(origin) + direction @ ((new - old) / 2)
    resample = sitk.ResampleImageFilter()
    resample.SetSize(size.tolist())
    resample.SetOutputSpacing(new.tolist())
    resample.SetOutputOrigin(new_origin.tolist())
    resample.SetOutputDirection(direction.ravel().tolist())
    resample.SetInterpolator(sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear)
    resample.UseNearestNeighborExtrapolatorOn()  # a rim of zeros would look like soft tissue
    result = resample.Execute(_image(array, spacing, origin, direction))
    return sitk.GetArrayFromImage(result), triple(new_origin)


def straightened(
    array: NDArray[Any], spacing: Triple, origin: Triple, direction: Floats, outside: float
) -> tuple[NDArray[Any], Triple, Triple]:
    """`array` (D, H, W) on the smallest grid with axes x, y, z that holds it whole: cubes of its
    smallest spacing, linear in between, `outside` around; its spacing and origin in mm."""
    sitk = simpleitk()
    far = (np.array(array.shape[::-1]) - 1) * np.asarray(spacing)
    ends = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * far
    corners = ends @ direction.T + np.asarray(origin)
    step = min(spacing)
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.ceil((high - low) / step).astype(int) + 1
    check_size(size.tolist(), "straightened volume")
    check_bytes(4 * int(np.prod(size)), array.nbytes, "straightened volume")
    resample = sitk.ResampleImageFilter()
    resample.SetSize(size.tolist())
    resample.SetOutputSpacing([step] * 3)
    # the middle stays in the middle, which a projection turns about
    first = (low + high) / 2 - (size - 1) / 2 * step
    resample.SetOutputOrigin(first.tolist())
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetDefaultPixelValue(outside)
    result = resample.Execute(_image(array, spacing, origin, direction))
    return sitk.GetArrayFromImage(result), (step, step, step), triple(first)


def _image(
    array: NDArray[Any], spacing: Sequence[float], origin: Sequence[float], direction: Floats
) -> Any:
    image = simpleitk().GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(v) for v in spacing])
    image.SetOrigin([float(v) for v in origin])
    image.SetDirection(np.asarray(direction).ravel().tolist())
    return image
