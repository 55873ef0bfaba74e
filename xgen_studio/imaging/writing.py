"""Pictures, volumes and masks to disk: whole or not at all, and saying when they are synthetic."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xgen_studio import __version__
from xgen_studio.errors import InputError
from xgen_studio.imaging.atomic import atomic_write, json_text
from xgen_studio.imaging.formats.content import kind_of
from xgen_studio.imaging.geometry import Floats
from xgen_studio.imaging.grid import Grid
from xgen_studio.imaging.image import Volume, checked_pixels
from xgen_studio.imaging.itk import write_itk
from xgen_studio.imaging.mask import ENCODING_KEY, Mask
from xgen_studio.imaging.names import spelled
from xgen_studio.imaging.reading import read_grid

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".mha", ".nrrd")
PARTLY = "partly"  # what provenance calls `synthetic` where other pixels are a real image's
SOFTWARE = f"XGen Studio {__version__}"


def write_png16(
    path: str | os.PathLike[str],
    pixels: ArrayLike,
    provenance: Mapping[str, Any] | None,
    spacing: tuple[float, float] | None = None,
) -> None:
    """Save an image, `pixels` (H, W) in [0, 1], as a 16-bit grey PNG: 0 -> 0 and 1 -> 65535.

    With `provenance` it is marked synthetic; without, it is a plain picture. The text chunks are
    Synthetic=yes (or partly, where the provenance says so), Provenance (JSON), Software and, with a
    `spacing` (x, y) in mm, SpacingMm; `read_image` gives them back. Raises InputError for other
    values (also NaN), for provenance JSON cannot hold, and when the file cannot be saved.
    """
    unit = _unit(pixels, str(path))
    notes = {"Software": SOFTWARE}
    if provenance is not None:
        notes = _synthetic(path, provenance, spacing)
    _save_png(path, np.rint(unit * 65535).astype(np.uint16), notes)


def write_png8(
    path: str | os.PathLike[str],
    pixels: ArrayLike,
    provenance: Mapping[str, Any] | None = None,
    spacing: tuple[float, float] | None = None,
) -> None:
    """Save `pixels`, (H, W) uint8 or floats in [0, 1], or (H, W, 3) uint8, as an 8-bit PNG.

    With `provenance` it is marked synthetic as in `write_png16`; without, it is a plain picture.
    """
    array = np.asarray(pixels)
    if array.dtype != np.uint8:
        array = np.rint(_unit(array, str(path)) * 255).astype(np.uint8)
    notes = {"Software": SOFTWARE}
    if provenance is not None:
        notes = _synthetic(path, provenance, spacing)
    if array.ndim != 3 or array.shape[2] != 3:
        checked_pixels(array, 2, str(path))
    _save_png(path, array, notes)


def write_volume(path: str | os.PathLike[str], volume: Volume) -> None:
    """Save as NIfTI (.nii, .nii.gz), MetaImage (.mha) or NRRD (.nrrd), by the suffix of `path`.

    Voxels and geometry are kept as they are; a synthetic volume says so in its header. Modality is
    kept by .mha and .nrrd, NIfTI has no place for it.
    """
    grid = Grid(
        volume.voxels,
        volume.spacing,
        np.array(volume.origin),
        volume.direction,
        volume.modality,
        volume.synthetic,
    )
    _save_grid(path, grid)


def write_mask(path: str | os.PathLike[str], mask: Mask) -> None:
    """Save the class ids as 8-bit PNG (2-D, ids up to 255) or as NIfTI, MHA or NRRD."""
    if str(path).lower().endswith(".png"):
        if mask.labels.ndim != 2 or mask.labels.dtype != np.uint8:
            raise InputError(f"{path}: a PNG mask is 2-D with ids up to 255; save it as .nii.gz")
        _save_png(path, mask.labels, {ENCODING_KEY: "ids", "Software": SOFTWARE})
        return
    if mask.spacing is None:
        raise InputError(
            f"{path}: the mask has no spacing, which this format needs; save it as PNG"
        )
    dimension = mask.labels.ndim
    direction: Floats = np.eye(3) if mask.direction is None else mask.direction
    origin = np.array(mask.origin or (0.0, 0.0, 0.0))
    if dimension == 2:  # as a stack of one slice, whose place in 3-D is kept
        labels, (x, y), z = mask.labels[None], mask.spacing, 1.0
    else:
        labels, (x, y, z) = mask.labels, mask.spacing
    _save_grid(path, Grid(labels, (x, y, z), origin, direction))


def _save_grid(path: str | os.PathLike[str], grid: Grid) -> None:
    name = str(path).lower()
    if not name.endswith(VOLUME_SUFFIXES):
        raise InputError(
            f"{path}: cannot be saved in this format; use {', '.join(VOLUME_SUFFIXES)}"
        )
    with atomic_write(path) as temporary:
        try:
            _write_itk(temporary, grid)
        except RuntimeError as error:
            raise InputError(
                f"{path}: cannot be saved; the disk may be full or the folder not writable"
            ) from error
        _check_whole(temporary, path)


def _write_itk(path: Path, grid: Grid) -> None:
    """ITK ends the whole process at a folder whose name is no UTF-8; there it writes elsewhere."""
    if spelled(str(path)) == str(path):
        write_itk(path, grid)
        return
    with TemporaryDirectory() as folder:
        write_itk(Path(folder) / path.name, grid)
        shutil.copyfile(Path(folder) / path.name, path)


def _check_whole(temporary: Path, path: str | os.PathLike[str]) -> None:
    """ITK reports success for a file that the full disk cut short."""
    try:
        read_grid(temporary, kind_of(temporary))
    except InputError as error:
        raise InputError(f"{path}: cannot be saved whole; free some space on the disk") from error


def _save_png(path: str | os.PathLike[str], array: NDArray[Any], notes: Mapping[str, str]) -> None:
    from PIL import Image as pillow
    from PIL.PngImagePlugin import PngInfo

    if not str(path).lower().endswith(".png"):
        raise InputError(f"{path}: is saved as PNG; give it a name that ends in .png")
    chunks = PngInfo()
    for key, value in notes.items():
        chunks.add_itxt(key, value)
    with atomic_write(path) as temporary:
        pillow.fromarray(np.ascontiguousarray(array)).save(temporary, "PNG", pnginfo=chunks)


def _synthetic(
    path: str | os.PathLike[str], provenance: Mapping[str, Any], spacing: tuple[float, float] | None
) -> dict[str, str]:
    notes = {
        "Synthetic": PARTLY if provenance.get("synthetic") == PARTLY else "yes",
        "Provenance": provenance_json(path, provenance),
        "Software": SOFTWARE,
    }
    if spacing is not None:
        notes["SpacingMm"] = f"{float(spacing[0])!r} {float(spacing[1])!r}"
    return notes


def provenance_json(path: str | os.PathLike[str], provenance: Mapping[str, Any]) -> str:
    """`provenance` as one line of JSON; InputError, naming `path`, where JSON cannot hold it."""
    try:
        return json_text(dict(provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the provenance cannot be written as JSON ({error})") from error


def _unit(pixels: ArrayLike, name: str) -> NDArray[np.float64]:
    array = checked_pixels(pixels, 2, name)
    if array.min() < 0 or array.max() > 1:
        raise InputError(
            f"{name}: needs values in [0, 1], not {array.min():g}..{array.max():g}; window it first"
        )
    return array.astype(np.float64)
