"""What a file is: by its content, and by its name only where the content does not say."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from xgen_studio.errors import InputError
from xgen_studio.imaging.formats.payload import first_unpacked

Kind = Literal["png", "tiff", "picture", "dicom", "nifti", "metaimage", "nrrd"]
RASTER: tuple[Kind, ...] = ("png", "tiff", "picture")  # flat pictures without a place

GZIP = b"\x1f\x8b"
_START = 4096  # bytes that tell
_DICOM_NAMES = (".dcm", ".dicom", ".ima")
_PICTURE_NAMES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
    *(".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"),
)
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "picture"),
    (b"BM", "picture"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"NRRD", "nrrd"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive (an .xgen document is opened in the studio); unpack it first"),
    (b"GIF8", "a GIF; save it as PNG"),
    (b"RIFF", "a WebP or another RIFF file; save it as PNG"),
    (b"%PDF", "a PDF; export the picture as PNG"),
    (b"\x89HDF", "an HDF5 file (MINC, .mat); save it as NIfTI"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 picture; save it as PNG"),
    (b"\x93NUMPY", "a numpy array, which has no spacing; save it as NIfTI or PNG"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; fetch it"),
)
_METAIMAGE = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType")
_NIFTI_SIZES = {348: 344, 540: 4}  # bytes of the header -> where its magic word is


def existing_file(path: str | os.PathLike[str]) -> Path:
    """`path` where it is an ordinary file; InputError that says what it is otherwise."""
    file = Path(path)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError as error:
        said = "is a link to a file that does not exist" if file.is_symlink() else "does not exist"
        raise InputError(f"{file}: {said}; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{file}: cannot be opened ({said}); check the path") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{file}: is a folder, not an image file; choose a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"{file}: is a pipe or a device, not a file; save its content as a file")
    return file


def kind_of(file: Path) -> Kind:
    """What is in an existing file; InputError where it is nothing that is read."""
    start = first_bytes(file)
    name = file.name.lower()
    if start.startswith(GZIP):
        return _packed(file)
    if start[128:132] == b"DICM":
        return "dicom"
    for magic, kind in _MAGIC:
        if start.startswith(magic) and (magic != b"BM" or name.endswith(".bmp")):
            return kind
    if _is_nifti(start):
        return "nifti"
    if start.lstrip().startswith(_METAIMAGE) and b"=" in start:
        return "metaimage"
    for magic, said in _FOREIGN:
        if start.startswith(magic):
            raise InputError(f"{file}: is {said}")
    if name.endswith(_DICOM_NAMES) or _like_dicom(start) or not file.suffix:
        return "dicom"  # without a preamble, or named by a UID
    if file.suffix[1:].isdigit():
        return "dicom"
    if name.endswith((".img", ".img.gz")):
        raise InputError(f"{file}: holds the voxels of a pair of files; open its .hdr beside it")
    if name.endswith(_PICTURE_NAMES):
        raise InputError(
            f"{file}: is not a picture of the kind its name says, or its beginning is damaged;"
            " check or export it again"
        )
    raise InputError(
        f"{file}: is of an unknown kind, or its beginning is damaged; use DICOM, PNG, JPEG, TIFF,"
        " BMP, NIfTI, MHA or NRRD"
    )


def first_bytes(file: Path, count: int = _START) -> bytes:
    """The beginning of a file; InputError where it is empty or cannot be read."""
    try:
        with file.open("rb") as stream:
            start = stream.read(count)
    except OSError as error:
        raise InputError(f"{file}: cannot be opened ({error.strerror}); check it") from error
    if not start:
        raise InputError(f"{file}: is empty (0 bytes); copy or export it again")
    return start


def _packed(file: Path) -> Kind:
    """What a gzip file holds, whatever its name says."""
    if _is_nifti(first_unpacked(file)):
        return "nifti"
    raise InputError(f"{file}: is a gzip file, but not of a NIfTI image; unpack it first")


def _is_nifti(start: bytes) -> bool:
    """Whether this begins a NIfTI-1 or -2 file, of one part or of two, in either byte order."""
    for order in ("little", "big"):
        where = _NIFTI_SIZES.get(int.from_bytes(start[:4], order))
        if where is not None and start[where : where + 2] in (b"n+", b"ni"):
            return True
    return False


def _like_dicom(start: bytes) -> bool:
    """Whether this begins with an element of group 2 or 8, as files without a preamble do."""
    return start[:2] in (b"\x02\0", b"\x08\0") and start[3:4] == b"\0"
