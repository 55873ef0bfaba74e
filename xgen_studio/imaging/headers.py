"""What ITK does not check: a NIfTI file that is not whole or finite, a voxel size left unsaid."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from xgen_studio.errors import InputError

_HEADER_BYTES = 352  # NIfTI-1: 348 and the four extension bytes
_CHUNK = 1 << 22  # a whole number of floats of any size
_FLOATS = {16: "f4", 64: "f8"}  # NIfTI datatype codes


def check_nifti(path: Path) -> None:
    """InputError when `path` is not a whole, finite NIfTI-1 file with voxel sizes.

    ITK fills what a truncated file lacks with whatever is in memory and reports success, reads a
    voxel size of 0 as 1 mm, turns NaN into 0 (in a CT: water), and reports success when the disk
    filled while it wrote.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            _check_stream(path, cast(IO[bytes], stream))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: is cut short or damaged (gzip: {error}); copy or export it again"
        ) from error


def text_header_has_spacing(path: Path) -> bool:
    """Whether the text header of a MetaImage or NRRD gives a spacing; ITK would assume 1 mm."""
    with path.open("rb") as stream:
        start = stream.read(1 << 16)
    if start.startswith(b"NRRD"):
        header = start.replace(b"\r", b"").split(b"\n\n", 1)[0]
        return b"\nspacings:" in header or b"\nspace directions:" in header
    header = start.split(b"ElementDataFile", 1)[0]
    return b"ElementSpacing" in header or b"ElementSize" in header


def _check_stream(path: Path, stream: IO[bytes]) -> None:
    header = stream.read(_HEADER_BYTES)
    order = ">" if header[:4] == struct.pack(">i", 348) else "<"
    if header[:4] != struct.pack(order + "i", 348) or header[344:347] != b"n+1":
        raise InputError(f"{path}: is not a NIfTI-1 file (.nii, .nii.gz); check or export it again")
    dim = struct.unpack(order + "8h", header[40:56])
    datatype, bits = struct.unpack(order + "2h", header[70:74])
    pixdim = struct.unpack(order + "8f", header[76:108])
    (offset,) = struct.unpack(order + "f", header[108:112])
    axes = min(max(dim[0], 0), 7)
    if axes < 2 or min(dim[1 : axes + 1]) < 1:
        raise InputError(f"{path}: its header declares no image (dim {dim}); export it again")
    if any(not (math.isfinite(p) and p != 0) for p in pixdim[1 : min(axes, 3) + 1]):
        raise InputError(
            f"{path}: does not say its voxel size (pixdim is zero); set it in the header"
        )
    stream.read(max(0, int(offset) - _HEADER_BYTES))
    missing = math.prod(dim[1 : axes + 1]) * bits // 8
    while missing > 0:
        chunk = stream.read(min(_CHUNK, missing))
        if not chunk:
            raise InputError(f"{path}: is cut short, voxels are missing; copy or export it again")
        missing -= len(chunk)
        if datatype in _FLOATS and len(chunk) % (bits // 8) == 0:
            values = np.frombuffer(chunk, dtype=order + _FLOATS[datatype])
            if not np.all(np.isfinite(values)):
                raise InputError(
                    f"{path}: holds NaN or infinite values; replace them before using it"
                )
    while stream.read(_CHUNK):  # to the end, where gzip keeps its checksum
        pass
