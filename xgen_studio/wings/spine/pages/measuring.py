"""What is found of the mask on the desk: asked of the worker after each edit, the newest wins;
graded anew in the window when references or overruled grades change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from xgen_studio.errors import XGenError
from xgen_studio.imaging.geometry import triple
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Answer, Failed, Told
from xgen_studio.studio.threads import on_thread
from xgen_studio.wings.spine.science.findings import Examination, Finding
from xgen_studio.wings.spine.science.overruling import overruled
from xgen_studio.wings.spine.tasks.asks import Examined, ExamineMask, MaskOf
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

if TYPE_CHECKING:
    from xgen_studio.wings.spine.science.body import Body
    from xgen_studio.wings.spine.science.examination import Graded

PAUSE = 700  # ms without an edit before the mask is measured
FRESH, STALE, MEASURING, NOTHING = "fresh", "stale", "measuring", "nothing"


class Measuring(QObject):
    """Follows a work; `findings` are of `state`: fresh, stale, or being measured anew."""

    changed = Signal()

    def __init__(self, engine: Engine, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.engine, self.folder = engine, folder
        self.work: SpineWork | None = None
        self.state = NOTHING
        self.trouble = ""
        self.examined: Examined | None = None
        self.findings: tuple[Finding, ...] = ()
        self.computed: tuple[Finding, ...] = ()  # before they were overruled
        self.references: tuple[str, ...] = ()
        self.mask: MaskOf | None = None  # as it was measured last
        self._wanted: tuple[str, ...] | None = None  # references that the findings are of
        self._grades = 0  # gradings asked of a thread, the newest counts
        self._number = 0  # of the request that is awaited
        self._saves = 0
        self._pause = QTimer(self, singleShot=True, interval=PAUSE)
        self._pause.timeout.connect(self.measure)

    def lay(self, work: SpineWork) -> None:
        """Follow another work."""
        old = self.work
        if old is not None:
            old.voxels_touched.disconnect(self._edited)
            old.scan_changed.disconnect(self._edited)
            old.reading_changed.disconnect(self._read)
        self.work = work
        work.voxels_touched.connect(self._edited)
        work.scan_changed.connect(self._edited)
        work.reading_changed.connect(self._read)
        self._leave()
        self.examined, self.mask, self.trouble = None, None, ""
        self._grades += 1
        self.findings, self.computed, self.references = (), (), ()
        self._set(NOTHING)
        if work.present:
            self.measure()

    def _edited(self, _where: object = None) -> None:
        self._leave()
        self._pause.start()
        if self.state != STALE:
            self._set(STALE)

    def _leave(self) -> None:
        """What is on its way is of an older mask."""
        self._pause.stop()
        self._saves += 1
        if self._number:
            self.engine.cancel(self._number)
            self._number = 0

    def _set(self, state: str) -> None:
        self.state = state
        self.changed.emit()

    # -- asking ----------------------------------------------------------------------------------

    def measure(self) -> None:
        """Measure the mask as it is."""
        work = self.work
        assert work is not None
        if work.editor.active:  # a stroke is held down
            self._pause.start()
            return
        self._leave()
        if not work.present:
            self.examined, self.findings, self.computed = None, (), ()
            self._set(NOTHING)
            return
        self._set(MEASURING)
        voxels, count = work.mask, self._saves
        file = self.folder / f"mask-{count}.npy"

        def save() -> tuple[int, Path, str]:
            try:
                np.save(file, voxels)
            except OSError as error:
                return count, file, f"{file}: cannot be written ({error.strerror}); make room"
            return count, file, ""

        on_thread(save, self._saved)

    def _saved(self, came: tuple[int, Path, str]) -> None:
        count, file, trouble = came
        if count != self._saves or self.work is None:
            file.unlink(missing_ok=True)
            return
        if trouble:
            self._fail(trouble)
            return
        grid, reading = self.work.grid, self.work.reading
        turned = [triple(row) for row in grid.direction]
        mask = MaskOf(
            file,
            grid.spacing,
            grid.origin,
            (turned[0], turned[1], turned[2]),
            self.work.scan_file if self.work.scan is not None else None,
            self.work.mask_said,
            reading.doubts,
        )
        if self.mask is not None and self.mask.labels != file:
            self.mask.labels.unlink(missing_ok=True)
        self.mask = mask
        self._wanted = reading.references
        self._number = self.engine.ask(ExamineMask(mask, reading.references), self._heard)

    def _heard(self, answer: Answer) -> None:
        if answer.number != self._number:
            return
        if isinstance(answer, Told) and isinstance(answer.what, Examined):
            self._take(answer.what)
        elif isinstance(answer, Failed):
            self._number = 0
            self._fail(answer.message)

    def _fail(self, trouble: str) -> None:
        self.trouble = trouble
        self._set(STALE)

    def _take(self, examined: Examined) -> None:
        assert self.work is not None
        self._number = 0
        self._grades += 1  # what is being graded is of an older mask
        self.examined, self.trouble = examined, ""
        self.computed, self.references = examined.graded.findings, examined.graded.references
        if self.work.reading.references != self._wanted:  # chosen while it was measured
            self._wanted = self.work.reading.references
            self._grade(self._wanted)
        self._overrule()
        self._set(FRESH)

    # -- what the reader decides -----------------------------------------------------------------

    def _read(self) -> None:
        """Other references or grades; a mask that is measured just now comes with them later."""
        work = self.work
        if work is None or self.examined is None:
            return
        wanted = work.reading.references
        if wanted != self._wanted:
            self._wanted = wanted
            self._grade(wanted)
        self._overrule()
        self.changed.emit()

    def _grade(self, references: tuple[str, ...] | None) -> None:
        """Once more from the same measures; it takes a tenth of a second, on a thread."""
        assert self.work is not None and self.examined is not None
        told, grid = self.examined, self.work.grid
        bodies = told.graded.measured.bodies
        used = None if references is None else tuple(n for n in references if n in bodies)
        self._grades += 1
        count = self._grades

        def grade() -> tuple[int, Graded | str]:
            from xgen_studio.wings.spine.science.examination import examine
            from xgen_studio.wings.spine.science.models import shipped_models

            models, measured = shipped_models(), told.graded.measured
            try:
                return count, examine(measured, grid, models, used, told.flags, told.density_hu)
            except XGenError as error:
                return count, str(error)

        on_thread(grade, self._graded)

    def _graded(self, came: tuple[int, Graded | str]) -> None:
        count, graded = came
        if count != self._grades:
            return
        if isinstance(graded, str):
            self.trouble = graded
        else:
            self.trouble = ""
            self.computed, self.references = graded.findings, graded.references
            self._overrule()
        self.changed.emit()

    def _overrule(self) -> None:
        assert self.work is not None
        self.findings = overruled(self.computed, self.work.reading.overruled)

    # -- what pages ask --------------------------------------------------------------------------

    def of(self, level: str) -> Finding | None:
        """The finding of a level."""
        return next((f for f in self.findings if f.level == level), None)

    def body(self, level: str) -> Body | None:
        """The measured body of a level."""
        if self.examined is None:
            return None
        return self.examined.graded.measured.bodies.get(level)

    @property
    def reasons(self) -> dict[str, str]:
        """Why a level cannot be evaluated, by level."""
        return dict(self.examined.graded.measured.reasons) if self.examined else {}

    def examination(self) -> Examination:
        """All that is found now, for the report and the comparison."""
        told: Any = self.examined
        work = self.work
        return Examination(
            self.findings,
            self.reasons,
            work.mask_said if work else "",
            told.round_trip_mm if told else None,
            tuple(told.notes) if told else (),
            work.scan_file.name if work and work.scan_file else "",
        )
