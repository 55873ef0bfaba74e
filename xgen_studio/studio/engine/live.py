"""Live drawing: one request in flight, the newest mask wins, a finished sample after the stroke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from xgen_studio.document import Document, Made, Picture
from xgen_studio.studio.engine.client import Engine
from xgen_studio.studio.engine.protocol import Draw, Drawn, Failed, Stop

PREVIEW_STEPS = 2  # network evaluations of a preview


@dataclass(frozen=True)
class Drawing:
    """How the user wants the picture."""

    model: str = "knee-xray"
    method: str = "ctm"
    sampler: str | None = None  # None: the model's own
    steps: int | None = None
    seed: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"


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
        return Picture(drawn.pixels, (*base.recipe, made), opened, base.source)


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
    cleared = Signal()  # there is nothing to draw
    failed = Signal(str)

    def __init__(
        self,
        engine: Engine,
        document: Document,
        in_stroke: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.engine, self.document, self.in_stroke = engine, document, in_stroke
        self.drawing = Drawing()
        self.edit: RegionEdit | None = None
        self.enabled = True
        self.preview_steps = PREVIEW_STEPS
        self._flying: Request | None = None
        self._flown = -1  # revision of the document that is drawn or being drawn
        self._final = True  # whether that is a finished sample
        self._showing = False  # a picture of this document was drawn
        self._ready = False
        document.mask_touched.connect(self._touched)
        engine.drawn.connect(self._drawn)
        engine.failed.connect(self._failed)
        engine.ready.connect(self.become_ready)
        engine.died.connect(self._died)

    def close(self) -> None:
        """Let the document and the engine go."""
        self.document.mask_touched.disconnect(self._touched)
        for signal, call in (
            (self.engine.drawn, self._drawn),
            (self.engine.failed, self._failed),
            (self.engine.ready, self.become_ready),
            (self.engine.died, self._died),
        ):
            signal.disconnect(call)
        if self._flying:
            self.engine.send(Stop())

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
            self.engine.send(Stop())

    def again(self) -> None:
        """Draw the document as it is."""
        self._flown = -1
        self.poke(force=True)

    def request(self, final: bool) -> Request:
        """The document as it is, as a request."""
        drawing, edit = self.drawing, self.edit
        draw = Draw(
            self.engine.number(),
            drawing.model,
            self.document.as_mask(),
            final,
            drawing.method,
            drawing.sampler,
            drawing.steps if final else self.preview_steps,
            drawing.seed,
            drawing.options,
            drawing.device,
            edit.base.pixels if edit else None,
            edit.region if edit else None,
        )
        return Request(draw, edit)

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
                self.engine.send(Stop())
                self.cleared.emit()
            self._flown = -1
            return
        self._flying = self.request(final)
        self._flown, self._final = self.document.revision, final
        self.engine.send(self._flying.draw)

    def become_ready(self) -> None:
        """The worker can be asked from now on."""
        self._ready = True
        self.again()

    def _drawn(self, drawn: Drawn) -> None:
        if self._flying is None or drawn.number != self._flying.draw.number:
            return
        result = Result(self._flying.picture(drawn), drawn.final, drawn.seconds)
        self._flying = None
        self._showing = True
        self.shown.emit(result)
        if drawn.final:
            self.finished.emit(result)
        self.poke()

    def _failed(self, failure: Failed) -> None:
        if self._flying is not None and failure.number == self._flying.draw.number:
            self._flying = None
            self.failed.emit(failure.message)

    def _died(self) -> None:
        self._ready = False
        self._flying = None
        self.failed.emit(
            "The drawing process ended, most likely for lack of memory. Change the mask to start"
            " it again."
        )
