"""The long work of the page: a proposal, a report; one at a time, with progress and cancel."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from xgen_studio.studio.desk import Desk
from xgen_studio.studio.engine import Engine
from xgen_studio.wings.spine.pages.jobs import Proposing, Reporting, State
from xgen_studio.wings.spine.tasks.asks import BodiesProposed
from xgen_studio.wings.spine.tasks.report import FILE as REPORT_FILE
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

LOOK = "Look at every vertebra, its edges and its name, before you rely on a grade."


class Asking(QObject):
    """What is proposed or reported is of the work on the desk."""

    moved = Signal(object)  # State

    def __init__(self, engine: Engine, folder: Path, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self.proposing = Proposing(engine, folder, self)
        self.reporting = Reporting(engine, folder, self)
        for job in (self.proposing, self.reporting):
            job.moved.connect(self._moved)
            job.failed.connect(desk.warn)
        self.proposing.proposed.connect(self._proposed)
        self.reporting.written.connect(self._written)

    @property
    def work(self) -> SpineWork:
        """The work on the desk."""
        work = self.desk.work
        assert isinstance(work, SpineWork)
        return work

    def propose(self) -> None:
        """Propose the bodies of the CT."""
        if self.work.scan is None:
            self.desk.message.emit("Open a CT first", 5000)
            return
        self.reporting.cancel()
        self.proposing.ask(self.work)

    def report(self, out: Path) -> None:
        """Write the report of the mask into a folder, and open it."""
        self.work.settle()
        self.proposing.cancel()
        self.reporting.ask(self.work, out)

    def cancel(self) -> None:
        """Leave what is being done."""
        self.proposing.cancel()
        self.reporting.cancel()

    def _moved(self, state: State) -> None:
        self.desk.message.emit(state.text, 0)
        self.moved.emit(state)

    def _proposed(self, told: BodiesProposed) -> None:
        levels = ", ".join(told.centres)
        self.desk.message.emit(f"Proposed {levels}. {LOOK}", 15_000)

    def _written(self, out: Path, lines: tuple[str, ...]) -> None:
        self.desk.message.emit(f"Report in {out}. {lines[0] if lines else ''}", 15_000)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(out / REPORT_FILE)))
