"""Works that hold a mask: its labels, strokes into it, and who hears what they change."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray
from psygnal import Signal

from xgen_studio.document.editing import Covered, MaskEditor, Pixels, Rules, Window, around
from xgen_studio.document.history import Change, Replace
from xgen_studio.document.picture import LabelState
from xgen_studio.document.work import Work, tiles_of
from xgen_studio.errors import InputError
from xgen_studio.imaging import LabelTable


class Labelled(Work):
    """A work with a mask (H, W) or (D, H, W) uint8, which stays the same array, and its labels.

    Signal, beside those of every work: `labels_changed`. `revision` counts the changes of the mask.
    """

    labels_changed = Signal()

    def __init__(self, mask: Pixels, table: LabelTable) -> None:
        super().__init__()
        self.mask = mask
        self.labels = tuple(LabelState(label) for label in table)
        self.revision = 0
        self._hushed: list[Window] | None = None
        self.editor = MaskEditor(mask, self._touched)

    @abstractmethod
    def _grey(self) -> NDArray[Any] | None:
        """The grey values under the mask, which a stroke may be limited by."""

    @abstractmethod
    def _tell(self, window: Window) -> None:
        """Tell those who show the mask what changed."""

    def _touched(self, window: Window) -> None:
        if self._hushed is not None:
            self._hushed.append(window)
            return
        self.revision += 1
        self.mark_edited("mask", tiles_of(self.mask.shape, window))
        self._tell(window)

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """What touches the mask within is told once, at the end, as one window."""
        self._hushed = []
        try:
            yield
        finally:
            windows, self._hushed = self._hushed, None
            if windows:
                self._touched(around(windows))

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

    # -- strokes ---------------------------------------------------------------------------------

    def begin_stroke(self, label: int, rules: Rules | None = None) -> None:
        """Start painting `label`; 0 erases. Locked labels are safe from it."""
        self.settle()
        self.editor.begin(label, self._with_locks(rules or Rules()), self._grey())

    def switch_label(self, label: int, rules: Rules | None = None) -> None:
        """Go on with the same stroke in another label."""
        self.editor.switch(label, self._with_locks(rules or Rules()))

    def _with_locks(self, rules: Rules) -> Rules:
        return replace(rules, locked=rules.locked | self.locked)

    def paint(self, region: Covered) -> bool:
        """Paint within the stroke; True when a pixel changed."""
        return self.editor.paint(region)

    def end_stroke(self, name: str) -> bool:
        """Finish the stroke; True when it changed something and can be undone."""
        return self._did(self.editor.end(name))

    def fill(self, region: Covered, label: int, name: str, rules: Rules | None = None) -> bool:
        """A stroke of one region."""
        self.begin_stroke(label, rules)
        self.paint(region)
        return self.end_stroke(name)

    def _did(self, change: Change | None) -> bool:
        if change is not None:
            self.history.did(change)
        return change is not None
