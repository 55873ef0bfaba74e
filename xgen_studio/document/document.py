"""The document: one picture, its mask and labels, and everything that was done to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from xgen_studio.document.cards import (
    checked_labels,
    document_card,
    picture_arrays,
    read_card,
    read_picture,
)
from xgen_studio.document.editing import Pixels, Window
from xgen_studio.document.history import Replace
from xgen_studio.document.labelled import Labelled
from xgen_studio.document.picture import LabelState, Picture
from xgen_studio.document.regions import Region, cropped, grown, smoothed
from xgen_studio.document.work import Array, Arrays
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, Mask


class Document(Labelled):
    """A mask (H, W) with its labels over a picture of the same grid; all changes can be undone.

    Signals, beside those of all labelled works: `mask_touched` (left, top, width, height) after
    each change of the mask, `picture_changed`.
    """

    kind = "masks"
    mask_touched = Signal(tuple)
    picture_changed = Signal()

    def __init__(
        self,
        shape: tuple[int, int],
        table: LabelTable,
        wing: str,
        spacing: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(np.zeros(shape, np.uint8), table)
        self.wing = wing
        self.spacing = spacing
        self.picture: Picture | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.mask.shape[0], self.mask.shape[1]

    def _grey(self) -> NDArray[np.float32] | None:
        return self.picture.pixels if self.picture else None

    def _tell(self, window: Window) -> None:
        rows, columns = window
        size = columns.stop - columns.start, rows.stop - rows.start
        self.mask_touched.emit((columns.start, rows.start, *size))

    # -- the mask --------------------------------------------------------------------------------

    def put_mask(self, labels: Pixels, name: str) -> bool:
        """Replace the whole mask, but for locked labels."""
        self.settle()
        if labels.shape != self.mask.shape:
            raise InputError(
                f"a mask of {labels.shape[1]} x {labels.shape[0]} px does not fit this picture of"
                f" {self.mask.shape[1]} x {self.mask.shape[0]} px"
            )
        return self._did(self.editor.replace(labels, name, self.locked))

    def reshape_label(self, id: int, how: str, pixels: float) -> bool:
        """'grow', 'shrink' or 'smooth' one label by so many pixels; what it leaves becomes what
        lies around it most. A locked label stays as it is."""
        self.settle()
        if id in self.locked:
            return False
        inside = self.mask == id
        if not inside.any():
            return False
        if how == "smooth":
            new = smoothed(inside, pixels)
        else:
            new = grown(inside, pixels if how == "grow" else -pixels)
        labels = self.mask.copy()
        left = inside & ~new
        if left.any():
            labels[left] = self._around(inside)
        labels[new] = id
        free = ~np.isin(self.mask, list(self.locked))
        labels[~free] = self.mask[~free]
        return self._did(
            self.editor.replace(labels, f"{how.capitalize()} {self.state(id).label.name}")
        )

    def _around(self, inside: NDArray[np.bool_]) -> int:
        """The id that most pixels around a region have."""
        ring = grown(inside, 1.5) & ~inside
        counts = np.bincount(self.mask[ring], minlength=256)
        return int(counts.argmax()) if ring.any() else 0

    def region_of(self, id: int) -> Region:
        """Where a label is."""
        return cropped(self.mask == id)

    def as_mask(self) -> Mask:
        """A copy of the mask as jobs take it."""
        return Mask(self.mask.copy(), self.table, self.spacing)

    def snapshot(self) -> Document:
        """A copy for saving on another thread."""
        copy = Document(self.shape, self.table, self.wing, self.spacing)
        copy.mask[...] = self.mask
        copy.labels, copy.picture = self.labels, self.picture
        return copy

    # -- the picture -----------------------------------------------------------------------------

    def put_picture(self, picture: Picture | None, name: str) -> None:
        """Accept a picture: it lies under the mask from now on."""
        if picture is not None and picture.pixels.shape != self.mask.shape:
            raise InputError("the picture does not have the size of this document")
        old = self.picture
        self._put_picture(picture)
        size = (picture.nbytes if picture else 0) + 200
        self.history.did(Replace(name, self._put_picture, old, picture, size))

    def _put_picture(self, picture: Any) -> None:
        self.picture = picture
        self.picture_changed.emit()

    # -- its file --------------------------------------------------------------------------------

    def card(self, file: Path | None = None) -> dict[str, Any]:
        return document_card(self.wing, self.shape, self.labels, self.spacing, self.picture)

    def arrays(self) -> dict[str, Array]:
        return {"mask": self.mask, **picture_arrays(self.picture)}

    @classmethod
    def restore(cls, card: Mapping[str, Any], arrays: Arrays) -> Document:
        said = read_card(card, arrays.where)
        table = LabelTable(Label(c.id, c.name, c.colour) for c in said.labels)
        document = cls(said.shape, table, said.system, said.millimetres(arrays.where))
        document.labels = tuple(LabelState(table[c.id], c.visible, c.locked) for c in said.labels)
        ids = frozenset({0, *table.ids})
        document.mask[...] = checked_labels(arrays, "mask", said.shape, ids)
        document.picture = read_picture(said, arrays, ids)
        return document
