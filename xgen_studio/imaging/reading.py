"""`read_image` and `read_volume`: what kind of file it is, and who reads it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.dicom import read_dicom
from xgen_studio.imaging.headers import check_nifti, text_header_has_spacing
from xgen_studio.imaging.image import Image, Volume
from xgen_studio.imaging.itk import Grid, read_itk
from xgen_studio.imaging.raster import read_raster
from xgen_studio.imaging.series import read_series

RASTER = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
NIFTI = (".nii", ".nii.gz")
ITK = (*NIFTI, ".mha", ".mhd", ".nrrd", ".nhdr")
DICOM = (".dcm", ".dicom", ".ima")
_RASTER_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_image(path: str | os.PathLike[str]) -> Image:
    """The grey image in a PNG, JPEG, TIFF, BMP, DICOM, NIfTI, MHA or NRRD file (one slice).

    Intensities are as stored after the modality transform; nothing is windowed, inverted or
    resized. Raises InputError, one line, for anything that is not one readable grey image.
    """
    file = existing_file(path)
    kind = file_kind(file)
    if kind == "raster":
        return read_raster(file)
    if kind == "dicom":
        return read_dicom(file)
    grid = read_grid(file)
    pixels, origin, direction = grid.array, grid.origin, grid.direction
    if pixels.ndim == 3 and pixels.shape[0] != 1:
        raise InputError(f"{file}: is a volume of {pixels.shape[0]} slices; open it as a volume")
    if pixels.ndim == 2:  # the plane of a 2-D file is taken as z = 0
        origin = np.append(origin, 0.0)
        plane, direction = direction, np.eye(3)
        direction[:2, :2] = plane
    return Image(
        pixels.reshape(pixels.shape[-2:]),
        spacing=None if grid.spacing is None else (grid.spacing[0], grid.spacing[1]),
        origin=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=direction,
        modality=grid.modality,
        source=file,
        synthetic=grid.synthetic,
    )


def read_volume(path: str | os.PathLike[str]) -> Volume:
    """The volume in a NIfTI, MHA or NRRD file or in a folder of DICOM slices.

    NIfTI's RAS frame is turned to LPS; voxels are not reordered (see `Volume.to_lps`). Raises
    InputError, one line, for anything that is not one readable grey volume with a known spacing.
    """
    if Path(path).is_dir():
        return read_series(Path(path))
    file = existing_file(path)
    kind = file_kind(file)
    if kind == "dicom":
        raise InputError(f"{file}: is one DICOM file; choose the folder that holds its series")
    if kind == "raster":
        raise InputError(f"{file}: is a flat picture, no volume; open it as an image")
    grid = read_grid(file)
    if grid.array.ndim != 3:
        raise InputError(f"{file}: is a flat image, no volume; open it as an image")
    if grid.spacing is None:
        raise InputError(f"{file}: does not say its voxel size; set the spacing in its header")
    return Volume(
        grid.array,
        spacing=(grid.spacing[0], grid.spacing[1], grid.spacing[2]),
        origin=(float(grid.origin[0]), float(grid.origin[1]), float(grid.origin[2])),
        direction=grid.direction,
        modality=grid.modality,
        source=file,
        synthetic=grid.synthetic,
    )


def file_kind(path: Path) -> str:
    """'raster', 'dicom' or 'itk', by content first and by name where the content does not say."""
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check it") from error
    if not start:
        raise InputError(f"{path}: is empty (0 bytes); copy or export it again")
    name = path.name.lower()
    if start[128:132] == b"DICM":
        return "dicom"
    if start.startswith(_RASTER_MAGIC):
        return "raster"
    if name.endswith(ITK):
        return "itk"
    if name.endswith(RASTER):
        return "raster"
    if name.endswith(DICOM) or not path.suffix or path.suffix[1:].isdigit():
        return "dicom"  # files without a preamble, and those named by a UID
    raise InputError(
        f"{path}: is of an unknown kind; use DICOM, PNG, JPEG, TIFF, NIfTI, MHA or NRRD"
    )


def read_grid(file: Path) -> Grid:
    """A NIfTI, MHA or NRRD file; its spacing is None where a MetaImage or NRRD does not say it."""
    if file.name.lower().endswith(NIFTI):
        check_nifti(file)
        return read_itk(file)
    grid = read_itk(file)
    return grid if text_header_has_spacing(file) else replace(grid, spacing=None)


def existing_file(path: str | os.PathLike[str]) -> Path:
    """`path` where it is a file; InputError where it is missing or a folder."""
    file = Path(path)
    if not file.exists():
        raise InputError(f"{file}: does not exist; check the path")
    if not file.is_file():
        raise InputError(f"{file}: is a folder, not an image file; choose a file")
    return file
