"""The knee workspace: mask documents, real radiographs, sample cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xgen_studio.document import Document
from xgen_studio.errors import InputError
from xgen_studio.studio.actions import Entry
from xgen_studio.studio.drawing.page import DrawingPage
from xgen_studio.studio.drawing.setup import Setup
from xgen_studio.studio.drawing.workspace import DrawingWorkspace
from xgen_studio.wings.knee.pages.documents import (
    DRR_GRID,
    FIRST_CASE,
    check_document,
    document_of_mask,
    model_for,
    new_document,
)
from xgen_studio.wings.knee.pages.opening import MASKS, RADIOGRAPHS, Opening
from xgen_studio.wings.knee.pages.proposing import Proposing
from xgen_studio.wings.knee.science.labels import FEMUR, XRAY_GRID
from xgen_studio.wings.knee.science.templates import templates
from xgen_studio.wings.knee.wing import GRADE, WING

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window

EMPTY = 'Paint a leg, or let a knee float in: Shapes > Whole knee (Ctrl+K, "whole")'


class KneeWorkspace(DrawingWorkspace):
    """Leg and bones above, the radiograph below."""

    def __init__(self, window: Window) -> None:
        super().__init__(window, "knee", document_of_mask(FIRST_CASE))
        self.opening = Opening(window.engine, self.desk)

    def setup_for(self, document: Document) -> Setup:
        model = model_for(document.shape)
        return Setup(
            "knee",
            model.name,
            noun="radiograph",
            options=(GRADE,) if model.graded else (),
            first_label=FEMUR,  # a bone: its first stroke already changes the picture
            shapes=templates(document.shape),
            hint=EMPTY,
        )

    def check(self, document: Document, where: str) -> None:
        check_document(document, where)

    def add_to(self, page: DrawingPage) -> None:
        graded = model_for(page.document.shape).graded
        page.proposing = Proposing(page.engine, page.document, graded, page.panel.say)
        for entry, call in (
            (Entry("file.new", "New knee, AP", ("Ctrl+N",), "new"), lambda: self.new(XRAY_GRID)),
            (
                Entry("file.new_drr", "New knee, any angle", ("Ctrl+Shift+N",)),
                lambda: self.new(DRR_GRID),
            ),
            (Entry("file.mask", "Open mask ..."), self.ask_mask),
            (
                Entry("file.radiograph", "Open radiograph ...", ("Ctrl+Shift+O",)),
                self.ask_radiograph,
            ),
            (
                Entry("mask.propose", "Propose the mask of the radiograph", ("Ctrl+M",)),
                page.proposing.ask,
            ),
        ):
            page.actions_.add(entry, lambda *_, call=call: call())
        for name, case in WING.cases.items():
            title = f"Sample case: {name.replace('_', ' ')}"
            page.actions_.add(Entry(f"case.{name}", title), lambda *_, path=case: self.take(path))

    # -- opening ---------------------------------------------------------------------------------

    def new(self, shape: tuple[int, int]) -> None:
        """An empty document of so many rows and columns."""
        if self.desk.may_leave():
            self.desk.put(new_document(shape), None)

    def take(self, path: Path) -> bool:
        """Open a mask or a radiograph, whichever the file is."""
        if path.is_dir() or not self.desk.may_leave():
            return not path.is_dir()
        try:
            told: list[str] = []
            document = document_of_mask(path, told.append)
        except InputError:
            self.opening.open(path)
        else:
            self.desk.put(document, None)
            self.desk.recent.add(path)
            self._tell(told)
        return True

    def _tell(self, notes: list[str]) -> None:
        """What was not plain in how a file was read."""
        if notes:
            self.desk.message.emit("; ".join(notes), 15_000)

    def ask_mask(self) -> None:
        """Choose a mask."""
        path = self.desk.ask_file("Open mask", MASKS)
        if path and self.desk.may_leave():
            told: list[str] = []
            self.desk.attempt(lambda: self.desk.put(document_of_mask(path, told.append), None))
            self._tell(told)

    def ask_radiograph(self) -> None:
        """Choose a radiograph."""
        path = self.desk.ask_file("Open", RADIOGRAPHS)
        if path and self.desk.may_leave():
            self.opening.open(path)


def make(window: Window) -> KneeWorkspace:
    """The knee workspace."""
    return KneeWorkspace(window)
