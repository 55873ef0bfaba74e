"""The `.xgen` file: a ZIP with one JSON and raw arrays of stated size. No code, no foreign paths.

xgen.json     format, version, system, shape, spacing, labels, the picture's provenance
mask.u8       rows x columns label ids, one byte each
picture.f32   rows x columns grey values, little-endian float32 (only with a picture)
base.f32      the opened picture that a region was drawn into, likewise
made_N.u8     the mask of the Nth walk that made the picture
region_N.u8   1 where that walk drew, 0 where it kept the picture (only of walks in a region)
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document.document import Document, LabelState, Made, Picture
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, atomic_write
from xgen_studio.imaging.limits import check_size
from xgen_studio.tables import from_table

FORMAT, VERSION = "XGen Studio document", 1
CARD, MASK, PICTURE, BASE = "xgen.json", "mask.u8", "picture.f32", "base.f32"
MADE, REGION = "made_{}.u8", "region_{}.u8"
SPACING_MM = (1e-3, 100.0)
LONGEST_RECIPE = 1000  # walks
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
class WalkCard:
    """One walk of the picture's recipe."""

    provenance: dict[str, Any]
    has_region: bool = False


@dataclass(frozen=True)
class PictureCard:
    """Where the picture comes from; `recipe` is empty where it was opened."""

    source: str = ""
    recipe: tuple[WalkCard, ...] = ()
    has_base: bool = False
    synthetic: bool = False


@dataclass(frozen=True)
class DocumentCard:
    """The JSON of an `.xgen` file."""

    format: str
    version: int
    system: str
    shape: tuple[int, int]
    labels: tuple[LabelCard, ...]
    spacing: tuple[float, ...] = ()  # mm, (x, y); empty where unknown
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
                "id": state.label.id,
                "name": state.label.name,
                "colour": list(state.label.colour),
                "visible": state.visible,
                "locked": state.locked,
            }
            for state in document.labels
        ],
        "has_picture": picture is not None,
        "picture": {
            "source": picture.source,
            "has_base": picture.base is not None,
            "synthetic": picture.synthetic,
            "recipe": [
                {"provenance": made.provenance, "has_region": made.region is not None}
                for made in picture.recipe
            ],
        }
        if picture
        else {},
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
        archive.writestr(MASK, document.mask.tobytes())
        if picture is not None:
            archive.writestr(PICTURE, picture.pixels.astype("<f4").tobytes())
            if picture.base is not None:
                archive.writestr(BASE, picture.base.astype("<f4").tobytes())
            for i, made in enumerate(picture.recipe):
                archive.writestr(MADE.format(i), made.mask.tobytes())
                if made.region is not None:
                    archive.writestr(REGION.format(i), made.region.astype(np.uint8).tobytes())


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
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise InputError(
            f"{path}: is damaged, cut short or no XGen Studio document; open an older copy"
        ) from error


def _read(archive: zipfile.ZipFile, path: Path) -> tuple[Document, dict[str, Any]]:
    names = archive.namelist()
    if CARD not in names:
        raise InputError(f"{path}: is a ZIP file, but no XGen Studio document")
    try:
        values = json.loads(_bytes(archive, CARD, LARGEST_CARD, path).decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path}: its {CARD} is damaged; open an older copy") from error
    card = _card(values, path)
    foreign = sorted(set(names) - _entries(card))
    if foreign or len(names) != len(set(names)):
        raise InputError(
            f"{path}: holds {', '.join(map(repr, foreign[:3])) or 'an entry twice'}, which no XGen"
            " Studio document does; it was not opened"
        )
    rows, columns = card.shape
    check_size((rows, columns), path)
    table = LabelTable(Label(c.id, c.name, c.colour) for c in card.labels)
    document = Document((rows, columns), table, card.system, _spacing(card, path))
    document.labels = tuple(LabelState(table[c.id], c.visible, c.locked) for c in card.labels)
    reader = _Arrays(archive, path, (rows, columns), frozenset({0, *table.ids}))
    document.mask[...] = reader.labels(MASK)
    if card.has_picture:
        recipe = tuple(
            Made(
                reader.labels(MADE.format(i)),
                walk.provenance,
                reader.region(REGION.format(i)) if walk.has_region else None,
            )
            for i, walk in enumerate(card.picture.recipe)
        )
        base = reader.grey(BASE) if card.picture.has_base else None
        document.picture = Picture(
            reader.grey(PICTURE), recipe, base, card.picture.source, card.picture.synthetic
        )
    return document, card.settings


def _entries(card: DocumentCard) -> set[str]:
    """The names that a document of this card may hold."""
    names = {CARD, MASK}
    if card.has_picture:
        names |= {PICTURE} | ({BASE} if card.picture.has_base else set())
        for i, walk in enumerate(card.picture.recipe):
            names |= {MADE.format(i)} | ({REGION.format(i)} if walk.has_region else set())
    return names


@dataclass(frozen=True)
class _Arrays:
    """Reads the arrays of a document: of the stated size, with sound values, or InputError."""

    archive: zipfile.ZipFile
    path: Path
    shape: tuple[int, int]
    ids: frozenset[int]

    def labels(self, name: str) -> NDArray[np.uint8]:
        """Label ids that the document names."""
        found = self._read(name, np.dtype(np.uint8))
        unknown = sorted(set(np.unique(found).tolist()) - self.ids)
        if unknown:
            raise InputError(
                f"{self.path}: its {name} holds labels {unknown[:5]} that it does not name"
            )
        return found

    def grey(self, name: str) -> NDArray[np.float32]:
        """Finite grey values."""
        pixels = self._read(name, np.dtype("<f4")).astype(np.float32)
        if not np.isfinite(pixels).all():
            raise InputError(f"{self.path}: its {name} holds NaN or infinite values")
        return pixels

    def region(self, name: str) -> NDArray[np.bool_]:
        """Where a walk drew."""
        return self._read(name, np.dtype(np.uint8)) != 0

    def _read(self, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
        size = self.shape[0] * self.shape[1] * kind.itemsize
        raw = _bytes(self.archive, name, size, self.path, exact=True)
        return np.frombuffer(raw, kind).reshape(self.shape)


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
    if len(card.picture.recipe) > LONGEST_RECIPE:
        raise InputError(f"{path}: its picture was made in more than {LONGEST_RECIPE} walks")
    if not card.labels or max(label.id for label in card.labels) > 255:
        raise InputError(f"{path}: needs labels with ids from 1 to 255")
    return card


def _spacing(card: DocumentCard, path: Path) -> tuple[float, float] | None:
    if not card.spacing:
        return None
    low, high = SPACING_MM
    if len(card.spacing) != 2 or not all(low <= value <= high for value in card.spacing):
        raise InputError(
            f"{path}: its spacing {card.spacing} is not two numbers of mm from {low} to {high}"
        )
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
