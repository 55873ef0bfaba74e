"""NRRD (.nrrd, .nhdr): header by pynrrd, voxels as many as it declares, in its own folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.formats.content import first_bytes
from xgen_studio.imaging.formats.metaimage import LONGEST_HEADER, MOST_FILES
from xgen_studio.imaging.formats.payload import Encoding, Payload, within_folder
from xgen_studio.imaging.formats.placing import placed
from xgen_studio.imaging.geometry import Floats
from xgen_studio.imaging.grid import UNITS_MM, Grid, unit_note

_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw",
    **dict.fromkeys(("gzip", "gz"), "deflate"),
    **dict.fromkeys(("bzip2", "bz2"), "bzip2"),
    **dict.fromkeys(("ascii", "text", "txt"), "text"),
}
# Towards what the space's axes grow -> what turns them to LPS
_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
_IN_SPACE = ("domain", "space", "none", "???", "")


def read_nrrd(path: Path) -> Grid:
    """The image in an NRRD file; its spacing is None where the header does not say it."""
    header, behind = _header(path)
    sizes = [int(n) for n in np.atleast_1d(header.get("sizes", []))]
    if not sizes or len(sizes) != int(header.get("dimension", 0)) or len(sizes) > 16:
        raise InputError(f"{path}: its sizes do not fit its dimension; export it again")
    encoding = _ENCODINGS.get(str(header.get("encoding", "")).lower())
    if encoding is None:
        raise InputError(
            f"{path}: its encoding {header.get('encoding')!r} is not read; save it as gzip"
        )
    dtype = _dtype(path, header, encoding)
    files, offset, skip = _files(path, header, behind)
    columns, spacing = _steps(path, header, len(sizes))
    keep = _spatial(path, header, sizes, columns)
    sizes = [sizes[k] for k in keep]
    notes: tuple[str, ...] = ()
    unit = _unit(path, header, keep, columns is not None)
    if unit != 1.0:
        notes = (unit_note(unit),)
    direction = None
    origin = None
    if columns is not None:
        steps = columns[:, keep] * unit
        if steps.shape == (3, 2):  # a slice in space: its third axis is made up
            normal = np.cross(*steps.T)
            steps = np.column_stack([steps, normal / max(float(np.linalg.norm(normal)), 1e-12)])
            sizes.append(1)
        if steps.shape[0] != steps.shape[1]:
            raise InputError(f"{path}: its space directions do not fit its axes; export it again")
        flips = _flips(header)
        flips_here = np.ones(len(steps)) if flips is None else np.array(flips[: len(steps)])
        if flips is None:
            notes += ("it does not say which way the patient lies; its axes are taken as LPS",)
        steps = flips_here[:, None] * steps
        spacing = np.linalg.norm(steps, axis=0)
        if not np.all(np.isfinite(spacing) & (spacing > 0)):
            raise InputError(f"{path}: its space directions are damaged; export it again")
        direction = steps / spacing
        if "space origin" in header:
            origin = np.asarray(header["space origin"], dtype=np.float64) * unit * flips_here
    elif spacing is not None:
        spacing = spacing[keep] * unit
        notes += ("it does not say where and how the patient lies; its axes are taken as LPS",)
    return placed(
        path,
        Payload(path, files, dtype, (), encoding, offset, skip),
        sizes,
        spacing=spacing,
        origin=origin,
        direction=direction,
        modality=str(header.get("XGenModality", "")),
        synthetic=header.get("Synthetic") == "yes",
        notes=notes,
    )


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Fields by name in small letters (free keys as they are), and where the data begin."""
    from nrrd.reader import read_header

    start = first_bytes(path, LONGEST_HEADER)
    end = re.search(rb"\r?\n\r?\n", start)
    text = start[: end.start()] if end else start
    if not end and len(start) == LONGEST_HEADER:
        raise InputError(f"{path}: its header has no end; it is damaged")
    lines = [line.rstrip("\r") for line in text.decode("ascii", "replace").split("\n")]
    lines = [_small(line) for line in lines]
    at = next((k for k, line in enumerate(lines) if line.startswith("data file: LIST")), None)
    listed = lines[at + 1 :] if at is not None else []
    lines = lines[: at + 1] if at is not None else lines
    try:
        with np.errstate(all="ignore"):
            header = dict(read_header(iter(lines)))
    # pynrrd answers damage with NRRDError, ValueError, IndexError, KeyError, StopIteration, ...
    except Exception as error:
        raise InputError(f"{path}: its NRRD header is damaged; export it again") from error
    header["listed"] = [line for line in listed if line.strip()]
    return header, end.end() if end else len(start)


def _small(line: str) -> str:
    """A line with its field's name in small letters, as pynrrd knows them."""
    if line.startswith("#") or ":=" in line:
        return line
    name, colon, value = line.partition(":")
    name = {"centerings": "centers", "datafile": "data file"}.get(name.lower(), name.lower())
    name = {"lineskip": "line skip", "byteskip": "byte skip"}.get(name, name)
    return f"{name}{colon}{value}" if colon else line


def _dtype(path: Path, header: dict[str, Any], encoding: Encoding) -> np.dtype[Any]:
    from nrrd.reader import _TYPEMAP_NRRD2NUMPY

    name = _TYPEMAP_NRRD2NUMPY.get(str(header.get("type", "")))
    if name is None or name.startswith(("V", "b")):
        raise InputError(f"{path}: stores voxels of type {header.get('type')!r}, which is not read")
    dtype = np.dtype(name)
    endian = str(header.get("endian", "")).lower()
    if dtype.itemsize > 1 and encoding != "text" and endian not in ("little", "big"):
        raise InputError(f"{path}: does not say its byte order (endian); export it again")
    return dtype.newbyteorder(">" if endian == "big" else "<")


def _files(path: Path, header: dict[str, Any], behind: int) -> tuple[tuple[Path, ...], int, int]:
    """The files that hold the voxels, the bytes before them in each (-1: they are the last), and
    those before them in what is unpacked, which a byte skip counts."""
    named = header.get("data file")
    skip, lines = int(header.get("byte skip", 0)), int(header.get("line skip", 0))
    if skip < -1 or lines < 0:
        raise InputError(f"{path}: its byte or line skip is damaged; export it again")
    if named is None:
        if lines:
            raise InputError(f"{path}: skips lines of its own data, which is not read")
        return (path,), -1 if skip == -1 else behind, max(skip, 0)
    if str(named).startswith("LIST"):
        names = header["listed"]
    elif re.search(r"%\d*d", str(named)):
        pattern, *span = str(named).split()
        good = re.fullmatch(r"[^%]*%\d{0,2}d[^%]*", pattern) and len(span) >= 3
        first, last, step = (int(n) for n in span[:3]) if good else (0, -1, 1)
        names = [pattern % n for n in range(first, last + 1, max(step, 1))][: MOST_FILES + 1]
    else:
        names = [str(named)]
    if not 1 <= len(names) <= MOST_FILES:
        raise InputError(f"{path}: names {len(names)} data files; export it as one file")
    files = tuple(within_folder(path, name) for name in names)
    before = first_bytes(files[0], 1 << 16).split(b"\n")[:lines] if lines else []
    offset = -1 if skip == -1 else sum(len(line) + 1 for line in before)
    return files, offset, max(skip, 0)


def _steps(path: Path, header: dict[str, Any], dims: int) -> tuple[Floats | None, Floats | None]:
    """Space directions as columns (space, axes), or spacings (axes); NaN where an axis has none."""
    try:
        if (rows := header.get("space directions")) is not None:
            space = max(len(row) for row in rows if row is not None)
            none = np.full(space, np.nan)
            columns = np.array([none if row is None else row for row in rows], dtype=np.float64).T
            if columns.shape[1] != dims or not 1 <= len(columns) <= 3:
                raise ValueError
            if len(np.atleast_1d(header.get("space origin", none))) != space:
                raise ValueError
            return columns, None
        if "spacings" in header:
            spacing = np.atleast_1d(np.asarray(header["spacings"], dtype=np.float64))
            if len(spacing) != dims:
                raise ValueError
            return None, spacing
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: its spacings do not fit its dimension; export it again"
        ) from error
    return None, None


def _spatial(
    path: Path, header: dict[str, Any], sizes: list[int], columns: Floats | None
) -> list[int]:
    """The axes that lie in space; InputError where another one has more than one value."""
    kinds = [str(kind).lower() for kind in header.get("kinds") or [""] * len(sizes)]
    if len(kinds) != len(sizes):
        raise InputError(f"{path}: its kinds do not fit its dimension; export it again")
    keep = []
    for k, (size, kind) in enumerate(zip(sizes, kinds, strict=True)):
        none = columns is not None and bool(np.isnan(columns[:, k]).all())
        if kind in _IN_SPACE and not none:
            keep.append(k)
        elif size != 1:
            raise InputError(
                f"{path}: holds {size} values or layers per voxel (kind {kind or 'none'}), not one"
            )
    if not keep or (len(keep) > 3 and any(sizes[k] > 1 for k in keep[3:])):
        raise InputError(f"{path}: is no image of two or three axes; split it")
    return keep[:3]


def _unit(path: Path, header: dict[str, Any], keep: list[int], in_space: bool) -> float:
    """Millimetres a unit of the header; one that is not said is a millimetre, as everywhere."""
    said = header.get("space units" if in_space else "units") or []
    words = {str(word).strip().lower() for word in said} - {""}
    if not in_space and len(said) > max(keep):
        words = {str(said[k]).strip().lower() for k in keep} - {""}
    known = {UNITS_MM.get(word) for word in words}
    if len(known) > 1 or None in known:
        raise InputError(
            f"{path}: its units {', '.join(sorted(words))} are not lengths of one kind; set mm"
        )
    return next(iter(known)) or 1.0 if known else 1.0


def _flips(header: dict[str, Any]) -> tuple[float, float, float] | None:
    return _SPACES.get(str(header.get("space", "")).strip().lower())
