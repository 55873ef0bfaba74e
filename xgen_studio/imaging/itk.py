"""The one door to SimpleITK: reading, writing, resampling, with nothing on the terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.geometry import Floats, Triple, triple
from xgen_studio.imaging.limits import check_size

_stderr_lock = threading.Lock()

# What marks an output as made by a model; NIfTI has no free keys, so its notes say it.
SYNTHETIC_KEY = "Synthetic"
MODALITY_KEY = "XGenModality"  # MetaImage's own Modality field takes a closed list of words
SYNTHETIC_NOTE = "SYNTHETIC XGen Studio"


@dataclass(frozen=True, eq=False)
class Grid:
    """What a file holds before it is called image, volume or mask.

    array (z, y, x) or (y, x); spacing (x, y[, z]) mm or None; origin and direction LPS, of the
    array's own dimension; modality '' where the file has none.
    """

    array: NDArray[Any]
    spacing: tuple[float, ...] | None
    origin: Floats
    direction: Floats
    modality: str
    synthetic: bool


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


def read_itk(path: Path) -> Grid:
    """The image in a file that ITK knows: NIfTI, MetaImage, NRRD.

    Axes of length one beyond the third are dropped. Raises InputError for a file that cannot be
    read, that holds colours or more than three axes, or that declares an absurd size.
    """
    sitk = simpleitk()
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_stderr():
            reader.ReadImageInformation()
            size = list(reader.GetSize())
            check_size(size, path)
            if any(s > 1 for s in size[3:]):
                raise InputError(
                    f"{path}: holds {size[3]} volumes (4-D); split it and open one of them"
                )
            if reader.GetNumberOfComponents() != 1:
                raise InputError(f"{path}: holds colours or vectors, not one grey value per voxel")
            if len(size) > 3:
                reader.SetExtractSize(size[:3] + [0] * (len(size) - 3))
            image = reader.Execute()
    except RuntimeError as error:
        raise InputError(_readable(path, error)) from error
    dimension = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (dimension, dimension))
    header = {k: reader.GetMetaData(k) for k in reader.GetMetaDataKeys()}
    return Grid(
        sitk.GetArrayFromImage(image),
        image.GetSpacing(),
        np.array(image.GetOrigin()),
        direction,
        header.get(MODALITY_KEY, ""),
        header.get(SYNTHETIC_KEY) == "yes" or SYNTHETIC_NOTE in header.get("ITK_FileNotes", ""),
    )


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


def _image(
    array: NDArray[Any], spacing: Sequence[float], origin: Sequence[float], direction: Floats
) -> Any:
    image = simpleitk().GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(v) for v in spacing])
    image.SetOrigin([float(v) for v in origin])
    image.SetDirection(np.asarray(direction).ravel().tolist())
    return image


def _readable(path: Path, error: RuntimeError) -> str:
    text = str(error)
    if "orthonormal" in text:
        return f"{path}: its axes are sheared or scaled; resample it to a rectangular grid first"
    if "determine ImageIO" in text:
        return f"{path}: is not an image of the kind its name says; check or export it again"
    return f"{path}: is damaged or cut short and cannot be read; copy or export it again"
