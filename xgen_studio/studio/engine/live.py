"""Live drawing: one request in flight, the newest mask wins, a finished sample after the stroke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from xgen_studio.document import Document
from xgen_studio.studio.engine.client import Engine
from xgen_studio.studio.engine.protocol import Draw, Drawn, Failed, Stop

PREVIEW_STEPS = 2


@dataclass(frozen=True)
class Drawing:
    """How the user wants the picture."""

    model: str = "knee-xray"
    method: str = "ctm"
    sampler: str | None = None
    steps: int | None = None
    seed: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"


class Live(QObject):
    """Follows a document: a preview while the pen is down, a finished sample when it is lifted.

    The seed stays, so that the picture changes only where the drawing does.
    """

    shown = Signal(object)     # Drawn: preview or finished
    finished = Signal(object)  # Drawn, final
    busy = Signal(bool)
    failed = Signal(str)

    def __init__(
        self, engine: Engine, document: Document, in_stroke: Callable[[], bool]
    ) -> None:
        super().__init__()
        self.engine, self.document, self.in_stroke = engine, document, in_stroke
        self.drawing = Drawing()
        self.enabled = True
        self._number = 0
        self._flying: Draw | None = None
        self._flown = -1       # revision of the document that is drawn or being drawn
        self._final = True     # whether that is a finished sample
        self._ready = False
        document.mask_touched.connect(lambda _box: self.poke())
        engine.drawn.connect(self._drawn)
        engine.failed.connect(self._failed)
        engine.ready.connect(self.become_ready)
        engine.died.connect(self._died)

    def set_drawing(self, **values: Any) -> None:
        """Change model, method, sampler, steps, seed, options or device, and draw again."""
        self.drawing = replace(self.drawing, **values)
        self.again()

    def set_enabled(self, enabled: bool) -> None:
        """Follow the document, or stop at once."""
        self.enabled = enabled
        if enabled:
            self.again()
        else:
            self._land()
            self.engine.send(Stop())

    def again(self) -> None:
        """Draw the document as it is."""
        self._flown = -1
        self.poke(force=True)

    def poke(self, force: bool = False) -> None:
        """Something changed: send the newest mask unless a preview is in flight."""
        if not self.enabled or not self._ready:
            if self.enabled:
                self.engine.start()
            return
        final = not self.in_stroke()
        if self._flown == self.document.revision and (self._final or not final):
            return
        if self._flying is not None and not (self._flying.final or force):
            return  # looks again when it lands
        if not self.document.mask.any():
            return
        self._number += 1
        drawing = self.drawing
        self._flying = Draw(
            self._number, drawing.model, self.document.as_mask(), final, drawing.method,
            drawing.sampler, drawing.steps if final else PREVIEW_STEPS, drawing.seed,
            drawing.options, drawing.device,
        )  # fmt: skip
        self._flown, self._final = self.document.revision, final
        self.engine.send(self._flying)
        self.busy.emit(True)

    def become_ready(self) -> None:
        """The worker can be asked from now on."""
        self._ready = True
        self.again()

    def _drawn(self, drawn: Drawn) -> None:
        if self._flying is None or drawn.number != self._flying.number:
            return
        self._land()
        self.shown.emit(drawn)
        if drawn.final:
            self.finished.emit(drawn)
        self.poke()

    def _failed(self, failure: Failed) -> None:
        if self._flying is not None and failure.number == self._flying.number:
            self._land()
            self.failed.emit(failure.message)

    def _died(self) -> None:
        self._ready = False
        self._land()
        self.failed.emit(
            "The drawing process ended, most likely for lack of memory. Change the mask to start"
            " it again."
        )

    def _land(self) -> None:
        self._flying = None
        self.busy.emit(False)
