"""Real radiographs: read in the worker, which also proposes their mask."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from xgen_studio.document import Picture
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import OVER, Answer, Failed, Told
from xgen_studio.wings.knee.pages.documents import new_document
from xgen_studio.wings.knee.tasks.asks import OpenedRadiograph, OpenRadiograph

MASKS = "Masks (*.png *.tif *.tiff *.bmp *.nii *.nii.gz *.mha *.nrrd)"
RADIOGRAPHS = "Radiographs (*.png *.tif *.tiff *.bmp *.jpg *.jpeg *.dcm *)"
PROPOSER = "knee-xray"  # the bundle that holds the mask network


class Opening(QObject):
    """Asks for one radiograph at a time, and lays it on the desk."""

    def __init__(self, engine: Engine, desk: Desk) -> None:
        super().__init__(desk)
        self.engine, self.desk = engine, desk
        self.number = 0  # of the radiograph that is awaited; 0: none is
        self._asked = (0, 0, False)  # the document's state when it was asked for
        desk.work_changed.connect(self._forget)

    def open(self, path: Path) -> None:
        """Read a radiograph."""
        self._asked = self._state()
        self.desk.message.emit(f"Opening {path.name} and proposing its mask ...", 0)
        ask = OpenRadiograph(path, PROPOSER, new_document().shape)
        self.number = self.engine.ask(ask, self._heard)

    def _state(self) -> tuple[int, int, bool]:
        """Tells whether anything was done in the meantime."""
        work = self.desk.work
        return getattr(work, "revision", 0), len(work.history), work.history.modified

    def _forget(self) -> None:
        """No radiograph is awaited any more."""
        if self.number:
            self.number = 0
            self.desk.message.emit("", 0)

    def _heard(self, answer: Answer) -> None:
        if answer.number != self.number:
            return
        if isinstance(answer, Told):
            self._opened(answer.what)
        elif isinstance(answer, Failed):
            self._forget()
            self.desk.warn(answer.message)
        elif isinstance(answer, OVER):
            self._forget()

    def _opened(self, opened: OpenedRadiograph) -> None:
        self._forget()
        if self._asked != self._state() and not self.desk.may_leave():
            return  # something was drawn while the radiograph was being read, and it stays
        document = new_document(spacing=opened.spacing)
        document.mask[...] = opened.labels
        document.picture = Picture(
            opened.pixels, source=opened.file.name, synthetic=opened.synthetic
        )
        self.desk.put(document, None)
        self.desk.recent.add(opened.file)
        if opened.notes:
            self.desk.message.emit(f"{opened.file.name}: {'; '.join(opened.notes)}", 15_000)
        if opened.doubt:
            self.desk.warn(f"The proposed mask is doubtful: {opened.doubt}. Look at it closely.")
