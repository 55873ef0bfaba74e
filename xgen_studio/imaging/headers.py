"""What ITK does not check: that a NIfTI file is whole, and that a file says its voxel size."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

from xgen_studio.errors import InputError

_CHUNK = 1 << 22


def check_nifti(path: Path) -> None:
    """InputError when `path` is not a whole NIfTI-1 file with positive voxel sizes.

    ITK fills what a truncated file lacks with whatever is in memory and reports success, and reads
    a voxel size of 0 as 1 mm; it also reports success when the disk filled while it wrote.
    """
    header, length = _header_and_length(path)
    order = ">" if header[:4] == struct.pack(">i", 348) else "<"
    if header[:4] != struct.pack(order + "i", 348) or header[344:347] != b"n+1":
        raise InputError(f"{path}: is not a NIfTI-1 file (.nii, .nii.gz); check or export it again")
    dim = struct.unpack(order + "8h", header[40:56])
    (bits,) = struct.unpack(order + "h", header[72:74])
    pixdim = struct.unpack(order + "8f", header[76:108])
    (offset,) = struct.unpack(order + "f", header[108:112])
    axes = min(max(dim[0], 0), 7)
    if axes < 2 or min(dim[1 : axes + 1]) < 1:
        raise InputError(f"{path}: its header declares no image (dim {dim}); export it again")
    if any(not (math.isfinite(p) and p != 0) for p in pixdim[1 : min(axes, 3) + 1]):
        raise InputError(
            f"{path}: does not say its voxel size (pixdim is zero); set it in the header"
        )
    if length < offset + math.prod(dim[1 : axes + 1]) * bits / 8:
        raise InputError(f"{path}: is cut short, voxels are missing; copy or export it again")


def text_header_has_spacing(path: Path) -> bool:
    """Whether the text header of a MetaImage or NRRD gives a spacing; ITK would assume 1 mm."""
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    if start.startswith(b"NRRD"):
        header = start.replace(b"\r", b"").split(b"\n\n", 1)[0]
        return b"\nspacings:" in header or b"\nspace directions:" in header
    header = start.split(b"ElementDataFile", 1)[0]
    return b"ElementSpacing" in header or b"ElementSize" in header


def _header_and_length(path: Path) -> tuple[bytes, int]:
    """The first 352 bytes and the length of the (decompressed) content."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        if not packed:
            with path.open("rb") as raw:
                return raw.read(352), path.stat().st_size
        with gzip.open(path) as stream:
            header = stream.read(352)
            length = len(header)
            while chunk := stream.read(_CHUNK):
                length += len(chunk)
        return header, length
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: is cut short or damaged (gzip: {error}); copy or export it again"
        ) from error
