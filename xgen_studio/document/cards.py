"""A mask document as JSON and arrays: what is written, and what is believed of what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document.picture import LabelState, Made, Picture
from xgen_studio.document.work import Array, Arrays
from xgen_studio.errors import InputError
from xgen_studio.imaging.limits import check_size
from xgen_studio.imaging.names import base_name
from xgen_studio.tables import from_table

SPACING_MM = (1e-3, 100.0)
LONGEST_RECIPE = 1000  # walks


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
    """The JSON of a mask document."""

    system: str  # the wing
    shape: tuple[int, int]
    labels: tuple[LabelCard, ...]
    spacing: tuple[float, ...] = ()  # mm, (x, y); empty where unknown
    picture: PictureCard = PictureCard()
    has_picture: bool = False

    def millimetres(self, where: str) -> tuple[float, float] | None:
        """The spacing; InputError where it is none."""
        if not self.spacing:
            return None
        low, high = SPACING_MM
        if len(self.spacing) != 2 or not all(low <= value <= high for value in self.spacing):
            raise InputError(
                f"{where}: its spacing {self.spacing} is not two numbers of mm from {low} to {high}"
            )
        return self.spacing[0], self.spacing[1]


def label_cards(labels: Sequence[LabelState]) -> list[dict[str, Any]]:
    """Labels in the file, see `LabelCard`."""
    return [
        {
            "id": state.label.id,
            "name": state.label.name,
            "colour": list(state.label.colour),
            "visible": state.visible,
            "locked": state.locked,
        }
        for state in labels
    ]


def document_card(
    wing: str,
    shape: tuple[int, int],
    labels: Sequence[LabelState],
    spacing: tuple[float, float] | None,
    picture: Picture | None,
) -> dict[str, Any]:
    """The card of a document, see `DocumentCard`."""
    return {
        "system": wing,
        "shape": list(shape),
        "spacing": list(spacing or ()),
        "labels": label_cards(labels),
        "has_picture": picture is not None,
        "picture": {
            "source": base_name(picture.source),
            "has_base": picture.base is not None,
            "synthetic": picture.synthetic,
            "recipe": [
                {"provenance": made.provenance, "has_region": made.region is not None}
                for made in picture.recipe
            ],
        }
        if picture
        else {},
    }


def picture_arrays(picture: Picture | None) -> dict[str, Array]:
    """The arrays of a picture and of what made it."""
    if picture is None:
        return {}
    found: dict[str, Array] = {"picture": picture.pixels}
    if picture.base is not None:
        found["base"] = picture.base
    for i, made in enumerate(picture.recipe):
        found[f"made_{i}"] = made.mask
        if made.region is not None:
            found[f"region_{i}"] = made.region
    return found


def read_card(table: Mapping[str, Any], where: str) -> DocumentCard:
    """A card that can be believed; InputError where it cannot."""
    card = from_table(DocumentCard, dict(table), where)
    check_size(card.shape, where)
    if len(card.picture.recipe) > LONGEST_RECIPE:
        raise InputError(f"{where}: its picture was made in more than {LONGEST_RECIPE} walks")
    if not card.labels or max(label.id for label in card.labels) > 255:
        raise InputError(f"{where}: needs labels with ids from 1 to 255")
    return card


def read_picture(card: DocumentCard, arrays: Arrays, ids: frozenset[int]) -> Picture | None:
    """The picture of a document whose labels have these ids."""
    if not card.has_picture:
        return None
    shape = card.shape
    recipe = tuple(
        Made(
            checked_labels(arrays, f"made_{i}", shape, ids),
            walk.provenance,
            arrays.take(f"region_{i}", "?", shape) if walk.has_region else None,
        )
        for i, walk in enumerate(card.picture.recipe)
    )
    base = _grey(arrays, "base", shape) if card.picture.has_base else None
    pixels = _grey(arrays, "picture", shape)
    return Picture(pixels, recipe, base, card.picture.source, card.picture.synthetic)


def checked_labels(
    arrays: Arrays, name: str, shape: tuple[int, int], ids: frozenset[int]
) -> NDArray[np.uint8]:
    """Label ids that the document names."""
    found: NDArray[np.uint8] = arrays.take(name, "u1", shape)
    unknown = sorted(set(np.unique(found).tolist()) - ids)
    if unknown:
        raise InputError(
            f"{arrays.where}: its {name} holds labels {unknown[:5]} that it does not name"
        )
    return found


def _grey(arrays: Arrays, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Finite grey values."""
    pixels: NDArray[np.float32] = arrays.take(name, "<f4", shape)
    if not np.isfinite(pixels).all():
        raise InputError(f"{arrays.where}: its {name} holds NaN or infinite values")
    return pixels
