"""Choosing files: scans, masks, an earlier grading, the folder of a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from xgen_studio.errors import InputError
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.dialogs.discard import may_replace
from xgen_studio.wings.spine.pages.opening import SCANS, Opening
from xgen_studio.wings.spine.science.findings import Examination
from xgen_studio.wings.spine.tasks.grading_file import read_grading
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

GRADINGS = "Grading (grading.json *.json)"
REPORT = "spine-report"  # the folder's name that is offered


class Files:
    """The dialogs of the page. `report` is called with a folder."""

    def __init__(
        self, parent: QWidget, desk: Desk, opening: Opening, report: Callable[[Path], None]
    ) -> None:
        self.parent, self.desk, self.opening, self._report = parent, desk, opening, report
        self._prior: tuple[str, Examination | None] = ("", None)  # as it was read last

    @property
    def work(self) -> SpineWork:
        """The work on the desk."""
        return self.opening.work

    def _ask(self, title: str, kinds: str) -> Path | None:
        return self.desk.ask_file(title, kinds)

    def ask_scan(self) -> None:
        """Choose a CT or a mask."""
        if path := self._ask("Open CT or mask", SCANS):
            self.opening.open(path)

    def ask_folder(self) -> None:
        """Choose a folder of DICOM slices."""
        name = QFileDialog.getExistingDirectory(self.parent, "Open a folder of DICOM slices")
        if name:
            self.opening.open(Path(name))

    def ask_mask(self) -> None:
        """Choose a mask for the CT on the desk."""
        if path := self._ask("Open mask", SCANS):
            self.opening.open(path)

    def ask_mask_alone(self) -> None:
        """Choose a mask whose CT is not there."""
        if path := self._ask("Open mask without its CT", SCANS):
            self.opening.open(path, alone=True)

    def ask_found(self) -> None:
        """Choose the CT of the document on the desk."""
        if path := self._ask("Where does the CT lie now?", SCANS):
            self.opening.find_scan(path)

    # -- follow-up -------------------------------------------------------------------------------

    def ask_prior(self) -> None:
        """Choose the grading of an earlier scan."""
        if path := self._ask("The grading of an earlier scan of this patient", GRADINGS):
            self.compare_with(path)

    def compare_with(self, path: Path) -> None:
        """Show what changed since an earlier scan."""

        def take() -> None:
            read_grading(path)
            self.work.compare_with(path)

        self.desk.attempt(take)

    def no_prior(self) -> None:
        """Compare with no scan any more."""
        self.work.compare_with(None)

    def prior(self) -> Examination | None:
        """The earlier scan; None where there is none, or it cannot be read."""
        path = self.work.reading.prior
        if path != self._prior[0]:
            found = None
            if path:
                try:
                    found = read_grading(Path(path))
                except InputError as error:
                    self.desk.message.emit(str(error), 15_000)
            self._prior = path, found
        return self._prior[1]

    # -- the report ------------------------------------------------------------------------------

    def ask_report(self) -> None:
        """Choose where the report's folder shall be."""
        if not self.work.present:
            self.desk.message.emit("There is no mask to report on: open one, or propose it", 8000)
            return
        name, _ = QFileDialog.getSaveFileName(self.parent, "Folder for the report", REPORT)
        if not name:
            return
        out = Path(name)
        question = f"{out} is not empty. Replace what an earlier report wrote there?"
        empty = not out.is_dir() or not any(out.iterdir())
        if empty or may_replace(self.parent, "XGen Studio", question):
            self._report(out)
