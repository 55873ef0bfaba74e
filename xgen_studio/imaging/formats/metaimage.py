"""MetaImage (.mha, .mhd): a text header of keys, voxels behind it or in files beside it.

ITK's own reader ends the process on damaged headers, follows names out of the folder, and reads
what it was not told as 1 mm.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.formats.content import first_bytes
from xgen_studio.imaging.formats.payload import Encoding, Payload, within_folder
from xgen_studio.imaging.formats.placing import numbers, placed
from xgen_studio.imaging.grey import rescaled
from xgen_studio.imaging.grid import UNITS_MM, Grid, unit_note

LONGEST_HEADER = 1 << 16
MOST_FILES = 10_000
_TYPES = {
    "MET_CHAR": "i1",
    "MET_ASCII_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


def read_metaimage(path: Path) -> Grid:
    """The image in a MetaImage file; its spacing is None where the header does not say it."""
    keys, behind = _keys(path)
    for key in ("NDims", "DimSize", "ElementType", "ElementDataFile"):
        if key not in keys:
            raise InputError(f"{path}: its header lacks {key}; export it again")
    if keys.get("ObjectType", "Image") != "Image":
        raise InputError(f"{path}: holds a {keys['ObjectType']}, no image")
    if _whole(path, keys, "ElementNumberOfChannels", 1) != 1:
        raise InputError(f"{path}: holds colours or vectors, not one grey value per voxel")
    dims = _whole(path, keys, "NDims", 0)
    if not 1 <= dims <= 7:
        raise InputError(f"{path}: declares {dims} dimensions; it is damaged")
    sizes = [int(n) for n in numbers(path, "DimSize", keys["DimSize"], dims, whole=True)]
    files, offset = _files(path, keys, behind)
    kind = _TYPES.get(keys["ElementType"])
    if kind is None:
        raise InputError(f"{path}: stores voxels of type {keys['ElementType']}, which is not read")
    big = _true(keys, "ElementByteOrderMSB") or _true(keys, "BinaryDataByteOrderMSB")
    encoding: Encoding = "raw"
    if not _true(keys, "BinaryData", default=True):
        encoding = "text"
    elif _true(keys, "CompressedData"):
        encoding = "deflate"
    spacing = _several(path, keys, ("ElementSpacing", "ElementSize"), dims)
    origin = _several(path, keys, ("Offset", "Position", "Origin"), dims)
    matrix = _several(path, keys, ("TransformMatrix", "Rotation", "Orientation"), dims * dims)
    unit = UNITS_MM.get(keys.get("DistanceUnits", "mm").lower())
    if unit is None:
        raise InputError(f"{path}: its unit {keys['DistanceUnits']!r} is unknown; set it to mm")
    grid = placed(
        path,
        Payload(path, files, np.dtype((">" if big else "<") + kind), (), encoding, offset),
        sizes,
        spacing=None if spacing is None else spacing * unit,
        origin=None if origin is None else origin * unit,
        # each group of numbers is the direction of an axis
        direction=None if matrix is None else matrix.reshape(dims, dims).T,
        modality=keys.get("XGenModality", ""),
        synthetic=keys.get("Synthetic") == "yes",
        notes=() if unit == 1.0 else (unit_note(unit),),
    )
    slope = _several(path, keys, ("ElementToIntensityFunctionSlope",), 1)
    inter = _several(path, keys, ("ElementToIntensityFunctionOffset",), 1)
    if slope is not None and slope[0] == 0:
        raise InputError(f"{path}: its intensity slope is 0; mend the header or export it again")
    values = rescaled(
        grid.array,
        1.0 if slope is None else float(slope[0]),
        0.0 if inter is None else float(inter[0]),
    )
    return replace(grid, array=values)


def _keys(path: Path) -> tuple[dict[str, str], int]:
    """Keys and values up to the data file, which is the last; and where the next line begins."""
    start = first_bytes(path, LONGEST_HEADER)
    found: dict[str, str] = {}
    at = 0
    while at < len(start) and (end := start.find(b"\n", at)) >= 0:
        line = start[at:end].decode("utf-8", "surrogateescape").strip()
        at = end + 1
        key, equals, value = (part.strip() for part in line.partition("="))
        if equals:
            found[key] = value
        if key == "ElementDataFile":
            return found, at
    key, equals, value = (
        part.strip() for part in start[at:].decode("utf-8", "surrogateescape").partition("=")
    )
    if key == "ElementDataFile" and equals and len(start) < LONGEST_HEADER:
        found[key] = value
        return found, len(start)
    raise InputError(f"{path}: its header is damaged (no ElementDataFile); export it again")


def _files(path: Path, keys: dict[str, str], behind: int) -> tuple[tuple[Path, ...], int]:
    """The files that hold the voxels, and the bytes before them in each."""
    named = keys["ElementDataFile"]
    skip = _whole(path, keys, "HeaderSize", 0)
    if skip < -1:
        raise InputError(f"{path}: its HeaderSize {skip} is damaged; export it again")
    if named in ("LOCAL", "Local", "local"):
        return (path,), behind + max(skip, 0)
    if named.split(" ")[0] == "LIST":
        lines = first_bytes(path, LONGEST_HEADER)[behind:].decode("utf-8", "surrogateescape")
        names = [line.strip() for line in lines.splitlines() if line.strip()]
    elif re.search(r"%\d*d", named):
        names = _pattern(path, named)
    else:
        names = [named]
    if not 1 <= len(names) <= MOST_FILES:
        raise InputError(f"{path}: names {len(names)} data files; export it as one file")
    return tuple(within_folder(path, name) for name in names), skip


def _pattern(path: Path, named: str) -> list[str]:
    """`slice%03d.raw 1 40 1`: numbered files, their first and last number and the step."""
    pattern, *span = named.split()
    first, last, step = (
        int(n) for n in numbers(path, "ElementDataFile", " ".join(span), 3, whole=True)
    )
    count = (last - first) // step + 1 if step > 0 else 0
    if not 1 <= count <= MOST_FILES or not re.fullmatch(r"[^%]*%\d{0,2}d[^%]*", pattern):
        raise InputError(f"{path}: its data files {named!r} are not understood; export it again")
    return [pattern % n for n in range(first, last + 1, step)]


def _several(path: Path, keys: dict[str, str], names: tuple[str, ...], count: int) -> Any:
    for name in names:
        if name in keys:
            return numbers(path, name, keys[name], count)
    return None


def _whole(path: Path, keys: dict[str, str], name: str, default: int) -> int:
    if name not in keys:
        return default
    return int(numbers(path, name, keys[name], 1, whole=True)[0])


def _true(keys: dict[str, str], name: str, default: bool = False) -> bool:
    return keys[name].lower() in ("true", "1") if name in keys else default
