"""Live drawing: one request in flight, the newest mask wins, a finished sample after the stroke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from xgen_studio.document import Document, Made, Picture
from xgen_studio.studio.engine.client import DIED, Engine
from xgen_studio.studio.engine.protocol import Answer, Failed, Told
from xgen_studio.tasks.drawing import Draw, Drawing, Drawn, Edit
from xgen_studio.tasks.export import drawn_by_model

PREVIEW_STEPS = 2  # network evaluations of a preview
LATE = 5000  # ms without a word of the worker
SILENT = (
    "No word from the drawing process for 5 s: it is stopped, or the machine is busy. The picture"
    " is the one of before."
)


@dataclass(frozen=True)
class RegionEdit:
    """A region (H, W) of a picture that alone is drawn anew while it is set."""

    base: Picture
    region: NDArray[np.bool_]


@dataclass(frozen=True)
class Request:
    """What was asked of the worker, and the picture it was to change."""

    draw: Draw
    edit: RegionEdit | None = None

    def picture(self, drawn: Drawn) -> Picture:
        """The answer with the recipe that makes it again."""
        mask = np.asarray(self.draw.mask.labels, np.uint8)
        if self.edit is None:
            return Picture(drawn.pixels, (Made(mask, drawn.provenance),))
        base = self.edit.base
        made = Made(mask, drawn.provenance, self.edit.region)
        opened = base.base if base.recipe else base.pixels
        return Picture(drawn.pixels, (*base.recipe, made), opened, base.source, base.synthetic)


@dataclass(frozen=True)
class Result:
    """A picture to show: finished, or a preview; seconds it took."""

    picture: Picture
    final: bool
    seconds: float


class Live(QObject):
    """Follows a document: a preview while the pen is down, a finished sample when it is lifted.

    The seed stays, so that the picture changes only where the drawing does.
    """

    shown = Signal(object)  # Result: preview or finished
    finished = Signal(object)  # Result, final
    edit_changed = Signal()
    silent = Signal(str)  # the worker does not answer
    cleared = Signal()  # there is nothing to draw
    failed = Signal(str)

    def __init__(
        self,
        engine: Engine,
        document: Document,
        in_stroke: Callable[[], bool],
        drawing: Drawing,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.engine, self.document, self.in_stroke = engine, document, in_stroke
        self.drawing = drawing
        self.edit: RegionEdit | None = None
        self.enabled = True
        self.preview_steps = PREVIEW_STEPS
        self._flying: Request | None = None
        self._number = 0  # of the request that is flying
        self._flown = -1  # revision of the document that is drawn or being drawn
        self._final = True  # whether that is a finished sample
        self._showing = False  # a picture of this document was drawn
        self._ready = False
        self._late = QTimer(self, singleShot=True, interval=LATE)
        self._late.timeout.connect(self._say_silent)
        document.mask_touched.connect(self._touched)
        engine.ready.connect(self.become_ready)
        engine.died.connect(self._died)

    def close(self) -> None:
        """Let the document and the engine go."""
        self.document.mask_touched.disconnect(self._touched)
        self.engine.ready.disconnect(self.become_ready)
        self.engine.died.disconnect(self._died)
        if self._flying:
            self.engine.stop_live()

    def set_drawing(self, **values: Any) -> None:
        """Change model, method, sampler, steps, seed, options or device, and draw again."""
        self.drawing = replace(self.drawing, **values)
        self.again()

    def set_edit(self, edit: RegionEdit | None) -> None:
        """Hold drawing to a region of a picture, or let the next change draw all again."""
        self.edit = edit
        self.edit_changed.emit()
        if edit is not None:
            self.again()

    def set_enabled(self, enabled: bool) -> None:
        """Follow the document, or stop at once."""
        self.enabled = enabled
        if enabled:
            self.again()
        else:
            self._flying = None
            self.engine.stop_live()

    def again(self) -> None:
        """Draw the document as it is."""
        self._flown = -1
        self.poke(force=True)

    def request(self, final: bool) -> Request:
        """The document as it is, as a request."""
        drawing, edit = self.drawing, self.edit
        if not final:
            drawing = replace(drawing, steps=self.preview_steps)
        held = None
        if edit:
            synthetic = bool(drawn_by_model(edit.base).all())
            held = Edit(edit.base.pixels, edit.region, synthetic)
        return Request(Draw(drawing, self.document.as_mask(), final, held), edit)

    def _touched(self, _box: object) -> None:
        self.poke()

    def poke(self, force: bool = False) -> None:
        """Something changed: send the newest mask unless a preview is in flight."""
        if not self.enabled or not self._ready:
            if self.enabled:
                self.engine.start()
            return
        final = not self.in_stroke()
        if self._flown == self.document.revision and (self._final or not final):
            return
        if self._flying is not None and not (self._flying.draw.final or force):
            return  # looks again when it lands
        if not self.document.mask.any():
            if self._flying is not None or self._showing:
                self._flying = None
                self._showing = False
                self.engine.stop_live()
                self.cleared.emit()
            self._flown = -1
            return
        self._flying = self.request(final)
        self._flown, self._final = self.document.revision, final
        self._number = self.engine.ask(self._flying.draw, self._heard)
        if not self._late.isActive():
            self._late.start()

    def _say_silent(self) -> None:
        if self._flying is not None:
            self.silent.emit(SILENT)

    def become_ready(self) -> None:
        """The worker can be asked from now on."""
        self._ready = True
        self.again()

    def _heard(self, answer: Answer) -> None:
        if self._flying is None or answer.number != self._number:
            return
        self._late.start()
        if isinstance(answer, Told):
            self._drawn(answer.what)
        elif isinstance(answer, Failed):
            self._flying = None
            self.failed.emit(answer.message)

    def _drawn(self, drawn: Drawn) -> None:
        assert self._flying is not None
        result = Result(self._flying.picture(drawn), drawn.final, drawn.seconds)
        self._flying = None
        self._showing = True
        self.shown.emit(result)
        if drawn.final:
            self.finished.emit(result)
        self.poke()

    def _died(self) -> None:
        self._ready, self._flying = False, None
        self.failed.emit(DIED)
