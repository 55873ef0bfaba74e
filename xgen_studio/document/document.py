"""The document: one picture, its mask and labels, and everything that was done to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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
from xgen_studio.document.editing import MaskEditor, Pixels, Rules
from xgen_studio.document.history import Change, Replace
from xgen_studio.document.picture import LabelState, Picture
from xgen_studio.document.regions import Region, cropped, grown, smoothed
from xgen_studio.document.work import Array, Arrays, Work, tiles_of
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, Mask


class Document(Work):
    """A mask (H, W) with its labels over a picture of the same grid; all changes can be undone.

    Signals, beside those of every work: `mask_touched` (left, top, width, height) after each change
    of the mask, `labels_changed`, `picture_changed`.
    """

    kind = "masks"
    mask_touched = Signal(tuple)
    labels_changed = Signal()
    picture_changed = Signal()

    def __init__(
        self,
        shape: tuple[int, int],
        table: LabelTable,
        wing: str,
        spacing: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.mask: Pixels = np.zeros(shape, np.uint8)
        self.wing = wing
        self.spacing = spacing
        self.labels = tuple(LabelState(label) for label in table)
        self.picture: Picture | None = None
        self.revision = 0
        self._hushed: list[tuple[int, int, int, int]] | None = None
        self.editor = MaskEditor(self.mask, self._touched)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.mask.shape[0], self.mask.shape[1]

    def _touched(self, box: tuple[int, int, int, int]) -> None:
        if self._hushed is not None:
            self._hushed.append(box)
            return
        self.revision += 1
        left, top, width, height = box
        rows, columns = slice(top, top + height), slice(left, left + width)
        self.mark_edited("mask", tiles_of(self.shape, (rows, columns)))
        self.mask_touched.emit(box)

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """What touches the mask within is told once, at the end, as one box."""
        self._hushed = []
        try:
            yield
        finally:
            boxes, self._hushed = self._hushed, None
            if boxes:
                left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
                right, bottom = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
                self._touched((left, top, right - left, bottom - top))

    def settle(self) -> None:
        """End a stroke that is still open: nothing may come between its parts."""
        if self.editor.active:
            self.settling.emit()
        if self.editor.active:  # nobody held it
            self.end_stroke("Paint")

    # -- labels ----------------------------------------------------------------------------------

    def state(self, id: int) -> LabelState:
        """The label of that id; InputError when there is none."""
        for state in self.labels:
            if state.label.id == id:
                return state
        raise InputError(f"label {id} is not in this document's table")

    @property
    def locked(self) -> frozenset[int]:
        """Ids that strokes must not change."""
        return frozenset(state.label.id for state in self.labels if state.locked)

    def change_label(self, id: int, done: str, **values: Any) -> None:
        """Change `visible`, `locked`, or the label's `name` or `colour`; `done` says so in the
        history, as in 'Rename femur'."""
        old = self.state(id)
        own = {k: values.pop(k) for k in ("name", "colour") if k in values}
        new = replace(old, label=replace(old.label, **own), **values)
        self._change_labels(tuple(new if s is old else s for s in self.labels), done)

    def show_only(self, id: int, done: str) -> None:
        """Hide all other labels: one step of the history, however many there are."""
        labels = tuple(replace(s, visible=s.label.id == id) for s in self.labels)
        self._change_labels(labels, done)

    def _change_labels(self, labels: tuple[LabelState, ...], done: str) -> None:
        if labels == self.labels:
            return
        LabelTable(state.label for state in labels)  # names must stay unique
        before = self.labels
        self._put_labels(labels)
        self.history.did(Replace(done, self._put_labels, before, labels))

    def _put_labels(self, labels: Any) -> None:
        self.labels = labels
        self.labels_changed.emit()

    @property
    def table(self) -> LabelTable:
        """The labels as files keep them."""
        return LabelTable(state.label for state in self.labels)

    # -- the mask --------------------------------------------------------------------------------

    def begin_stroke(self, label: int, rules: Rules | None = None) -> None:
        """Start painting `label`; 0 erases. Locked labels are safe from it."""
        self.settle()
        picture = self.picture.pixels if self.picture else None
        self.editor.begin(label, self._with_locks(rules or Rules()), picture)

    def switch_label(self, label: int, rules: Rules | None = None) -> None:
        """Go on with the same stroke in another label."""
        self.editor.switch(label, self._with_locks(rules or Rules()))

    def _with_locks(self, rules: Rules) -> Rules:
        return replace(rules, locked=rules.locked | self.locked)

    def paint(self, region: Region) -> bool:
        """Paint within the stroke; True when a pixel changed."""
        return self.editor.paint(region)

    def end_stroke(self, name: str) -> bool:
        """Finish the stroke; True when it changed something and can be undone."""
        return self._did(self.editor.end(name))

    def fill(self, region: Region, label: int, name: str, rules: Rules | None = None) -> bool:
        """A stroke of one region."""
        self.begin_stroke(label, rules)
        self.paint(region)
        return self.end_stroke(name)

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

    def _did(self, change: Change | None) -> bool:
        if change is not None:
            self.history.did(change)
        return change is not None
