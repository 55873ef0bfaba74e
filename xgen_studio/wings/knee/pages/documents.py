"""Knee documents: an empty one, one of a mask, and the model that draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xgen_studio.document import Document
from xgen_studio.errors import InputError
from xgen_studio.imaging import read_mask
from xgen_studio.wings.knee.science.files import CASES
from xgen_studio.wings.knee.science.framing import frame
from xgen_studio.wings.knee.science.labels import TABLE, XRAY_GRID

FIRST_CASE = CASES / "ap_right.png"
DRR_GRID = (256, 256)


@dataclass(frozen=True)
class KneeModel:
    """A model and the grid it draws on."""

    name: str
    grid: tuple[int, int]
    graded: bool  # takes a Kellgren-Lawrence grade


MODELS = (KneeModel("knee-xray", XRAY_GRID, True), KneeModel("knee-drr", DRR_GRID, False))


def model_for(shape: tuple[int, int]) -> KneeModel:
    """The model for a mask of this shape: square ones are DRRs, all others AP radiographs."""
    xray, drr = MODELS
    return drr if abs(shape[0] / shape[1] - 1) <= 0.06 else xray


def new_document(
    shape: tuple[int, int] = XRAY_GRID, spacing: tuple[float, float] | None = None
) -> Document:
    """An empty knee."""
    return Document(shape, TABLE, "knee", spacing)


def check_document(document: Document, path: str) -> None:
    """InputError where a document is not one that this window can draw."""
    grids = [model.grid for model in MODELS]
    if document.shape not in grids:
        known = " or ".join(f"{columns} x {rows}" for rows, columns in grids)
        rows, columns = document.shape
        raise InputError(f"{path}: has {columns} x {rows} px; this window draws {known} px")
    if document.table.ids != TABLE.ids:
        raise InputError(f"{path}: does not hold the labels of a knee ({', '.join(TABLE.names)})")


def document_of_mask(path: Path, tell: Callable[[str], None] = lambda note: None) -> Document:
    """A document whose mask comes from a file of label ids or grey levels; `tell` hears what was
    not plain in how it was read."""
    mask = read_mask(path, TABLE).as_picture()
    if mask.notes:
        tell(f"{path.name}: {'; '.join(mask.notes)}")
    grid = model_for((mask.shape[0], mask.shape[1])).grid
    window = frame(mask.labels, grid)
    document = new_document(grid, window.spacing(mask.spacing, grid))
    document.mask[...] = window.taken_from(mask.labels, grid)
    return document
