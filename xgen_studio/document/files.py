"""The `.xgen` file: a ZIP with one JSON and raw arrays of stated size. No code, no foreign paths.

    xgen.json     format, version, system, shape, spacing, labels, the picture's provenance
    mask.u8       rows x columns label ids, one byte each
    picture.f32   rows x columns grey values, little-endian float32 (only with a picture)
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.document.document import Document, LabelState, Picture
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, atomic_write
from xgen_studio.imaging.limits import check_size
from xgen_studio.tables import from_table

FORMAT, VERSION = "XGen Studio document", 1
CARD, MASK, PICTURE = "xgen.json", "mask.u8", "picture.f32"
LARGEST_CARD = 4 * 2**20  # bytes


@dataclass(frozen=True)
class LabelCard:
    """A label in the file."""

    id: int
    name: str
    colour: tuple[int, int, int]
    visible: bool = True
    locked: bool = False


@dataclass(frozen=True)
class PictureCard:
    """Where the picture comes from; `provenance` is empty where it was opened."""

    source: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentCard:
    """The JSON of an `.xgen` file."""

    format: str
    version: int
    system: str
    shape: tuple[int, int]
    labels: tuple[LabelCard, ...]
    spacing: tuple[float, ...] = ()      # mm, (x, y); empty where unknown
    picture: PictureCard = PictureCard()
    has_picture: bool = False
    settings: dict[str, Any] = field(default_factory=dict)  # how the user drew; see studio


def save_document(path: Path, document: Document, settings: dict[str, Any] | None = None) -> None:
    """Save whole or not at all; the history is not saved."""
    picture = document.picture
    card = {
        "format": FORMAT,
        "version": VERSION,
        "system": document.system,
        "shape": list(document.shape),
        "spacing": list(document.spacing or ()),
        "labels": [
            {
                "id": state.label.id, "name": state.label.name,
                "colour": list(state.label.colour),
                "visible": state.visible, "locked": state.locked,
            }
            for state in document.labels
        ],
        "has_picture": picture is not None,
        "picture": {
            "source": picture.source if picture else "",
            "provenance": (picture.provenance if picture else None) or {},
        },
        "settings": settings or {},
    }  # fmt: skip
    try:
        text = json.dumps(card, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: this document cannot be written as JSON ({error})") from error
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(CARD, text)
        archive.writestr(MASK, document.mask.tobytes())
        if picture is not None:
            archive.writestr(PICTURE, picture.pixels.astype("<f4").tobytes())


def load_document(path: Path) -> tuple[Document, dict[str, Any]]:
    """The document and the settings saved with it; InputError with one line for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its permissions") from error
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError
    ) as error:  # fmt: skip
        raise InputError(
            f"{path}: is damaged, cut short or no XGen Studio document; open an older copy"
        ) from error


def _read(archive: zipfile.ZipFile, path: Path) -> tuple[Document, dict[str, Any]]:
    names = archive.namelist()
    if CARD not in names:
        raise InputError(f"{path}: is a ZIP file, but no XGen Studio document")
    foreign = sorted(set(names) - {CARD, MASK, PICTURE})
    if foreign or len(names) != len(set(names)):
        raise InputError(
            f"{path}: holds {', '.join(map(repr, foreign[:3])) or 'an entry twice'}, which no XGen"
            " Studio document does; it was not opened"
        )
    try:
        values = json.loads(_bytes(archive, CARD, LARGEST_CARD, path).decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path}: its {CARD} is damaged; open an older copy") from error
    card = _card(values, path)
    rows, columns = card.shape
    check_size((rows, columns), path)
    size = rows * columns
    table = LabelTable(Label(c.id, c.name, c.colour) for c in card.labels)
    document = Document((rows, columns), table, card.system, _spacing(card, path))
    document.labels = tuple(
        LabelState(table[c.id], c.visible, c.locked) for c in card.labels
    )  # fmt: skip
    mask = np.frombuffer(_bytes(archive, MASK, size, path, exact=True), np.uint8)
    unknown = sorted(set(np.unique(mask).tolist()) - {0, *table.ids})
    if unknown:
        raise InputError(f"{path}: its mask holds labels {unknown[:5]} that it does not name")
    document.mask[...] = mask.reshape(rows, columns)
    if card.has_picture:
        raw = _bytes(archive, PICTURE, 4 * size, path, exact=True)
        pixels = np.frombuffer(raw, "<f4").astype(np.float32).reshape(rows, columns)
        if not np.isfinite(pixels).all():
            raise InputError(f"{path}: its picture holds NaN or infinite values")
        document.picture = Picture(pixels, card.picture.provenance or None, card.picture.source)
    return document, card.settings


def _card(values: Any, path: Path) -> DocumentCard:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: is no XGen Studio document")
    version = values.get("version")
    if isinstance(version, int) and version > VERSION:
        raise InputError(
            f"{path}: was made by a newer XGen Studio (format {version}, this one reads"
            f" {VERSION}); update to open it"
        )
    card = from_table(DocumentCard, values, str(path))
    if not card.labels or max(label.id for label in card.labels) > 255:
        raise InputError(f"{path}: needs labels with ids from 1 to 255")
    return card


def _spacing(card: DocumentCard, path: Path) -> tuple[float, float] | None:
    if not card.spacing:
        return None
    if len(card.spacing) != 2 or min(card.spacing) <= 0:
        raise InputError(f"{path}: its spacing {card.spacing} is not two positive numbers of mm")
    return card.spacing[0], card.spacing[1]


def _bytes(
    archive: zipfile.ZipFile, name: str, most: int, path: Path, exact: bool = False
) -> bytes:
    """An entry's bytes; never more than `most`, whatever the archive claims."""
    try:
        with archive.open(name) as entry:
            content = entry.read(most + 1)
    except KeyError as error:
        raise InputError(f"{path}: lacks its {name}; open an older copy") from error
    if len(content) > most or (exact and len(content) != most):
        raise InputError(f"{path}: its {name} does not have the size it must have")
    return content
