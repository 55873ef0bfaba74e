"""`read_image` and `read_volume`: what kind of file it is, and who reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError, XGenError
from xgen_studio.imaging.dicom import read_dicom, read_series
from xgen_studio.imaging.dicom.series import read_frames
from xgen_studio.imaging.formats.content import RASTER, Kind, existing_file, kind_of
from xgen_studio.imaging.formats.metaimage import read_metaimage
from xgen_studio.imaging.formats.nifti import read_nifti
from xgen_studio.imaging.formats.nrrd import read_nrrd
from xgen_studio.imaging.formats.raster import read_raster
from xgen_studio.imaging.geometry import triple
from xgen_studio.imaging.grid import Grid
from xgen_studio.imaging.image import Image, Volume

_GRIDS = {"nifti": read_nifti, "metaimage": read_metaimage, "nrrd": read_nrrd}


def read_image(path: str | os.PathLike[str]) -> Image:
    """The grey image in a PNG, JPEG, TIFF, BMP, DICOM, NIfTI, MHA or NRRD file (one slice).

    Intensities are as stored after the modality transform; nothing is windowed, inverted or
    resized. A slice with a place is turned to the usual view (`Grid.flat`); pictures and DICOM stay
    as they are shown. `meta["notes"]` tells what was not plain. Raises InputError, one line, for
    anything that is not one readable grey image.
    """
    file = existing_file(path)
    with unforeseen(file):
        return _image(file)


def _image(file: Path) -> Image:
    kind = kind_of(file)
    if kind in RASTER:
        return read_raster(file, kind)
    if kind == "dicom":
        return read_dicom(file)
    grid = read_grid(file, kind).flat()
    return Image(
        grid.array[0],
        spacing=None if grid.spacing is None else grid.spacing[:2],
        origin=triple(grid.origin),
        direction=grid.direction,
        modality=grid.modality,
        source=file,
        meta=_told(grid),
        synthetic=grid.synthetic,
    )


def read_volume(path: str | os.PathLike[str]) -> Volume:
    """The volume in a NIfTI, MHA, NRRD or multi-frame DICOM file or in a folder of DICOM slices.

    NIfTI's RAS frame is turned to LPS; voxels are not reordered (see `Volume.to_lps`).
    `meta["notes"]` tells what was left out or not plain. Raises InputError, one line, for anything
    that is not one readable grey volume with a known spacing.
    """
    if os.path.isdir(path):
        with unforeseen(path):
            return read_series(Path(path))
    file = existing_file(path)
    with unforeseen(file):
        return _volume(file)


def _volume(file: Path) -> Volume:
    kind = kind_of(file)
    if kind == "dicom":
        return read_frames(file)
    if kind in RASTER:
        raise InputError(f"{file}: is a flat picture, no volume; open it as an image")
    grid = read_grid(file, kind)
    if min(grid.array.shape) == 1:
        raise InputError(f"{file}: is a flat image, no volume; open it as an image")
    if grid.spacing is None:
        raise InputError(f"{file}: does not say its voxel size; set the spacing in its header")
    return Volume(
        grid.array,
        spacing=grid.spacing,
        origin=triple(grid.origin),
        direction=grid.direction,
        modality=grid.modality,
        source=file,
        meta=_told(grid),
        synthetic=grid.synthetic,
    )


@contextmanager
def unforeseen(path: str | os.PathLike[str]) -> Iterator[None]:
    """The last net under all readers: nobody foresees all that bytes can hold, and a window must
    not fall over a file. What it catches is a defect of ours that `make fuzz` looks for."""
    try:
        yield
    except (XGenError, AssertionError):
        raise
    except MemoryError as error:
        raise InputError(f"{path}: needs more memory than is free; close other programs") from error
    except Exception as error:
        raise InputError(
            f"{path}: is damaged in an unforeseen way ({type(error).__name__}); export it again"
        ) from error


def read_grid(file: Path, kind: Kind) -> Grid:
    """A NIfTI, MetaImage or NRRD file; its spacing is None where it does not say it."""
    return _GRIDS[kind](file)


def _told(grid: Grid) -> dict[str, Any]:
    return {"notes": list(grid.notes)} if grid.notes else {}
