"""The `.xgen` file: a ZIP with one JSON and raw arrays of stated size. No code, no foreign paths.

    xgen.json     format, version, the work's kind and card, its arrays (dtype, shape), settings
    NAME.raw      an array, little-endian

Version 1 held mask documents alone: their card was the JSON itself, and arrays had endings that
said their type (`mask.u8`, `picture.f32`). It is read, no longer written.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.document.document import Document
from xgen_studio.document.kinds import restore
from xgen_studio.document.work import Array, Arrays, Layout, Work
from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json
from xgen_studio.imaging import atomic_write

FORMAT, VERSION = "XGen Studio document", 2
CARD, ENDING = "xgen.json", ".raw"
LARGEST_CARD = 4 * 2**20  # bytes
LARGEST = 2**34  # bytes of all arrays together
DENSEST = 1032  # bytes that deflate unpacks from one, at most (RFC 1951: 258 from two bits)
SLACK = 2**16  # bytes that need no packed ones
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
TYPES = ("|u1", "|b1", "<u2", "<i2", "<i4", "<f4", "<f8")
FIRST_VERSION = {".u8": "|u1", ".f32": "<f4"}


def layout_of(arrays: Mapping[str, Array]) -> Layout:
    """How arrays lie in a file."""
    found = {}
    for name, array in arrays.items():
        kind = array.dtype.newbyteorder("<").str
        assert kind in TYPES, f"{name}: {kind}"
        found[name] = (kind, tuple(array.shape))
    return found


def read_layout(table: Any, where: str, packed: int) -> Layout:
    """A layout that can be believed of a file of so many bytes: sizes are checked before anything
    is unpacked."""
    found: Layout = {}
    try:
        for name, (kind, shape) in dict(table).items():
            sizes = tuple(int(n) for n in shape)
            good = kind in TYPES and str(name).isidentifier() and len(sizes) <= 5
            if not (good and all(n >= 0 for n in sizes)):
                raise ValueError(f"array {name!r}")
            found[str(name)] = (kind, sizes)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: its arrays are not what they must be ({error})") from error
    total = sum(map(size_of, found.values()))
    if total > LARGEST:
        raise InputError(f"{where}: declares {total / 2**30:.0f} GiB; it is damaged")
    if total > DENSEST * packed + SLACK:
        raise InputError(
            f"{where}: declares {total / 2**20:.0f} MiB, more than its {packed:,} bytes can hold;"
            " it is damaged"
        )
    return found


def size_of(place: tuple[str, tuple[int, ...]]) -> int:
    """Bytes of an array of a dtype and shape."""
    kind, shape = place
    return np.dtype(kind).itemsize * math.prod(shape)


def save_document(path: Path, work: Work, settings: dict[str, Any] | None = None) -> None:
    """Save whole or not at all; the history is not saved."""
    arrays = work.arrays()
    card = {
        "format": FORMAT,
        "version": VERSION,
        "kind": work.kind,
        "card": work.card(path),
        "arrays": layout_of(arrays),
        "settings": settings or {},
    }
    try:
        text = json.dumps(card, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: this document cannot be written as JSON ({error})") from error
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(CARD, text)
        for name, array in arrays.items():
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            archive.writestr(f"{name}{ENDING}", np.ascontiguousarray(little).tobytes())


def load_document(path: Path) -> tuple[Work, dict[str, Any]]:
    """The work and the settings saved with it; InputError with one line for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its permissions") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise InputError(
            f"{path}: is damaged, cut short or no XGen Studio document; open an older copy"
        ) from error


def _read(archive: zipfile.ZipFile, path: Path) -> tuple[Work, dict[str, Any]]:
    names = archive.namelist()
    packed = sum(entry.compress_size for entry in archive.infolist())
    if packed > path.stat().st_size:  # entries that lie in one another
        raise InputError(f"{path}: is damaged; open an older copy")
    for entry in archive.infolist():
        if entry.compress_type not in PACKINGS:
            raise InputError(f"{path}: is packed as no XGen Studio document is; it was not opened")
    if CARD not in names:
        raise InputError(f"{path}: is a ZIP file, but no XGen Studio document")
    try:
        values = parse_json(_bytes(archive, CARD, LARGEST_CARD, path), CARD)
    except InputError as error:
        raise InputError(f"{path}: is damaged ({error}); open an older copy") from error
    kind, card, entries, settings = _understood(values, names, path, packed)
    foreign = sorted(set(names) - {CARD, *(file for file, _, _ in entries.values())})
    if foreign or len(names) != len(set(names)):
        raise InputError(
            f"{path}: holds {', '.join(map(repr, foreign[:3])) or 'an entry twice'}, which no XGen"
            " Studio document does; it was not opened"
        )

    def load(name: str) -> Array:
        file, dtype, shape = entries[name]
        raw = _bytes(archive, file, size_of((dtype, shape)), path, exact=True)
        return from_bytes(raw, dtype).reshape(shape)

    layout = {name: (dtype, shape) for name, (_, dtype, shape) in entries.items()}
    return restore(kind, card, Arrays(layout, load, str(path))), settings


def from_bytes(raw: bytes, dtype: str) -> Array:
    """An array of its own, flat; whatever is not 0 is true."""
    if dtype == "|b1":
        return np.frombuffer(raw, np.uint8) != 0
    return np.frombuffer(bytearray(raw), np.dtype(dtype))


Entries = dict[str, tuple[str, str, tuple[int, ...]]]  # file, dtype and shape by array


def _understood(
    values: Any, names: list[str], path: Path, packed: int
) -> tuple[str, dict[str, Any], Entries, dict[str, Any]]:
    """Kind, card, entries and settings of a file of any version."""
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: is no XGen Studio document")
    version = values.get("version")
    if isinstance(version, int) and version > VERSION:
        raise InputError(
            f"{path}: was made by a newer XGen Studio (format {version}, this one reads"
            f" {VERSION}); update to open it"
        )
    settings: Any = values.get("settings", {})
    kind: Any
    card: Any
    if version == 1:
        card = {k: v for k, v in values.items() if k not in ("format", "version", "settings")}
        kind, entries = Document.kind, _first_version(card, names, path, packed)
    else:
        kind, card = values.get("kind", ""), values.get("card", {})
        layout = read_layout(values.get("arrays"), str(path), packed)
        entries = {name: (f"{name}{ENDING}", *place) for name, place in layout.items()}
    if not (isinstance(kind, str) and isinstance(card, dict) and isinstance(settings, dict)):
        raise InputError(f"{path}: its {CARD} is damaged; open an older copy")
    return kind, card, entries, settings


def _first_version(card: dict[str, Any], names: list[str], path: Path, packed: int) -> Entries:
    found: Entries = {}
    for file in names:
        name, dot, ending = file.partition(".")
        if (dtype := FIRST_VERSION.get(dot + ending)) is not None:
            dtype = "|b1" if name.startswith("region_") else dtype
            layout = read_layout({name: (dtype, card.get("shape"))}, str(path), packed)
            [(_, shape)] = layout.values()
            found[name] = (file, dtype, shape)
    return found


def _bytes(
    archive: zipfile.ZipFile, name: str, most: int, path: Path, exact: bool = False
) -> bytes:
    """An entry's bytes; never more than `most`, whatever the archive claims."""
    try:
        declared = archive.getinfo(name).file_size
        if declared > most or (exact and declared != most):
            raise InputError(f"{path}: its {name} does not have the size it must have")
        with archive.open(name) as entry:
            content = entry.read(most + 1)
    except KeyError as error:
        raise InputError(f"{path}: lacks its {name}; open an older copy") from error
    if len(content) > most or (exact and len(content) != most):
        raise InputError(f"{path}: its {name} does not have the size it must have")
    return content
