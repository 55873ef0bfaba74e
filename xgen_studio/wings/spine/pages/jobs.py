"""What the worker is asked for the page beside measuring: proposal, healthy vertebra, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from xgen_studio.errors import XGenError
from xgen_studio.imaging import Mask, write_mask
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import CANCELLED, Answer, Ended, Failed, Stepped, Told
from xgen_studio.studio.threads import on_thread
from xgen_studio.wings.spine.science.levels import NAMES
from xgen_studio.wings.spine.tasks.asks import (
    BodiesProposed,
    GradeScan,
    HealthyShown,
    MaskOf,
    Naming,
    ProposeBodies,
    ScanGraded,
    ShowHealthy,
)
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

DELAY = 120  # ms: who runs through the strip does not ask for each


@dataclass(frozen=True)
class State:
    """How far a job is; `text` is '' when there is none."""

    text: str = ""
    done: int = 0
    total: int = 0


class Job(QObject):
    """One long request at a time."""

    moved = Signal(object)  # State
    failed = Signal(str)

    def __init__(self, engine: Engine, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.engine, self.folder = engine, folder
        self.number = 0
        self.work: SpineWork | None = None  # that it was asked for
        self._title = ""
        self._out, self._lines = Path(), tuple[str, ...]()

    def cancel(self) -> None:
        """Leave it."""
        if self.number:
            self.engine.cancel(self.number)
        self._over()

    def _begin(self, title: str) -> None:
        self._title = title
        self.moved.emit(State(title))

    def _over(self) -> None:
        self.number, self.work = 0, None
        self.moved.emit(State())

    def _heard(self, answer: Answer) -> None:
        if answer.number != self.number:
            return
        if isinstance(answer, Stepped):
            said = f"{self._title} {answer.text}".strip()
            self.moved.emit(State(said, answer.done, answer.total))
        elif isinstance(answer, Told):
            self.told(answer.what)
        elif isinstance(answer, Failed):
            self._over()
            self.failed.emit(answer.message)
        elif isinstance(answer, Ended):
            self.ended(answer.how)

    def told(self, what: object) -> None:
        """The task tells something."""

    def ended(self, how: str) -> None:
        """The task is over."""
        self._over()


class Proposing(Job):
    """The bodies of the CT on the desk; they come as one step of its history."""

    proposed = Signal(object)  # BodiesProposed, whose labels are in the work already

    def ask(self, work: SpineWork) -> None:
        """Propose from the centres that the reader marked."""
        assert work.scan_file is not None
        self.cancel()
        self.work = work
        anchors = {
            NAMES[label]: at
            for label, at in work.centres.items()
            if NAMES[label] in work.reading.anchors
        }
        extra = tuple(name for name in ("T13", "L6") if name in anchors)
        naming = Naming(anchors, extra=extra)
        folder = self.folder / "proposal"
        folder.mkdir(exist_ok=True)
        self._begin("Proposing the vertebral bodies ...")
        self.number = self.engine.ask(ProposeBodies(work.scan_file, naming, folder), self._heard)

    def told(self, what: object) -> None:
        if not isinstance(what, BodiesProposed):
            return
        work = self.work

        def read() -> tuple[BodiesProposed, SpineWork | None, NDArray[np.uint8] | str]:
            try:
                return what, work, np.load(what.labels)
            except (OSError, ValueError) as error:
                return what, work, f"{what.labels}: cannot be read ({error})"

        on_thread(read, self._read)

    def ended(self, how: str) -> None:
        if how == CANCELLED:
            self._over()  # else the labels are being read

    def _read(self, came: tuple[BodiesProposed, SpineWork | None, NDArray[np.uint8] | str]) -> None:
        what, work, labels = came
        if work is None or work is not self.work:
            return
        self._over()
        if isinstance(labels, str):
            self.failed.emit(labels)
            return
        doubts = {**what.doubts, **({"": what.notes} if what.notes else {})}
        try:
            work.take_mask(labels, what.centres, doubts, what.source, "Propose the bodies")
        except XGenError as error:
            self.failed.emit(str(error))
            return
        self.proposed.emit(what)


class Reporting(Job):
    """The report of the mask on the desk, written into a folder."""

    written = Signal(Path, object)  # the folder, lines

    def ask(self, work: SpineWork, out: Path) -> None:
        """Save the mask beside, and grade it."""
        self.cancel()
        self.work = work
        self._begin("Writing the report ...")
        file = self.folder / "mask.nii.gz"
        ct = work.scan_file if work.scan is not None else None
        reading, grid = work.reading, work.grid
        ask = GradeScan(
            out,
            ct,
            file,
            prior=Path(reading.prior) if reading.prior else None,
            references=reading.references,
            overruled=reading.overruled,
            source=work.mask_said,
            doubts=reading.doubts,
            overwrite=True,
        )
        mask = Mask(work.mask, work.table, grid.spacing, grid.origin, grid.direction)

        def save() -> tuple[GradeScan, str]:
            try:
                write_mask(file, mask)
            except (XGenError, OSError) as error:
                return ask, str(error)
            return ask, ""

        on_thread(save, self._saved)

    def _saved(self, came: tuple[GradeScan, str]) -> None:
        ask, trouble = came
        if self.work is None:
            return
        if trouble:
            self._over()
            self.failed.emit(trouble)
            return
        self._out = ask.out
        self.number = self.engine.ask(ask, self._heard)

    def told(self, what: object) -> None:
        if isinstance(what, ScanGraded):
            self._lines = what.lines

    def ended(self, how: str) -> None:
        out, lines = self._out, self._lines
        self._over()
        if how != CANCELLED:
            self.written.emit(out, lines)


class Showing(QObject):
    """The healthy one beside the real one, of the level that was chosen last."""

    shown = Signal(object)  # HealthyShown
    waits = Signal(str)  # what the cell says meanwhile

    def __init__(self, engine: Engine, parent: QObject) -> None:
        super().__init__(parent)
        self.engine = engine
        self._ask: ShowHealthy | None = None
        self._number = 0
        self._timer = QTimer(self, singleShot=True, interval=DELAY)
        self._timer.timeout.connect(self._send)

    def show(self, mask: MaskOf, level: str, references: tuple[str, ...] | None) -> None:
        """Ask, unless that is what was asked last."""
        ask = ShowHealthy(mask, level, references)
        if ask == self._ask:
            return
        self._ask = ask
        self._number = 0
        self.waits.emit(f"Making {level} healthy ...")
        self._timer.start()

    @property
    def busy(self) -> bool:
        """Whether a vertebra is awaited."""
        return self._ask is not None

    def nothing(self, why: str) -> None:
        """There is nothing to show."""
        self._timer.stop()
        if self._number:
            self.engine.stop_live()
        self._ask, self._number = None, 0
        self.waits.emit(why)

    def _send(self) -> None:
        if self._ask is not None:
            self._number = self.engine.ask(self._ask, self._heard)

    def _heard(self, answer: Answer) -> None:
        if answer.number != self._number:
            return
        if isinstance(answer, Told) and isinstance(answer.what, HealthyShown):
            self.shown.emit(answer.what)
        elif isinstance(answer, Failed):
            self.waits.emit(answer.message)
