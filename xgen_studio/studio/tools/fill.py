"""Tools of one click: fill an area, take like grey values, pick a label."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from xgen_studio.document.regions import NOTHING, Region, flood, wand
from xgen_studio.studio.canvas import Canvas, Tool, Touch
from xgen_studio.studio.tools.easel import Strokes


class Fill(Tool):
    """Fills the area of one label under the pointer; with Shift every area of that label."""

    def __init__(self, easel: Strokes) -> None:
        self.easel = easel

    def press(self, canvas: Canvas, touch: Touch) -> None:
        label = self.easel.label_for(touch)
        everywhere = bool(touch.modifiers & Qt.KeyboardModifier.ShiftModifier)
        region = flood(self.easel.mask, touch.point, connected=not everywhere)
        self.easel.fill(region, label, f"Fill {self.easel.name_of(label)}")


class Wand(Tool):
    """Takes the touching pixels of like grey; dragging up takes more, down less."""

    def __init__(self, easel: Strokes) -> None:
        self.easel = easel
        self.tolerance = 0.06
        self._start: Touch | None = None
        self._label = 0

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self._start, self._label = touch, self.easel.label_for(touch)
        self._take(canvas, self.tolerance)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._start is not None:
            up = (self._start.y - touch.y) * canvas.view.zoom
            self._take(canvas, min(max(self.tolerance + up / 1000, 0.005), 0.6))

    def release(self, canvas: Canvas, touch: Touch) -> None:
        self.put_down(canvas)

    def put_down(self, canvas: Canvas) -> None:
        if self._start is not None:
            self._start = None
            self.easel.end(f"Wand {self.easel.name_of(self._label)}")

    def _take(self, canvas: Canvas, tolerance: float) -> None:
        assert self._start is not None
        with self.easel.document.as_one():
            self.easel.restart(self._label)
            self.easel.paint(self._region(tolerance))
        canvas.update()

    def _region(self, tolerance: float) -> Region:
        grey = self.easel.grey
        if grey is None or self._start is None:
            return NOTHING
        return wand(grey, self._start.point, tolerance * self.easel.contrast)

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self.easel.grey is None:
            canvas.note(painter, "The wand needs a picture: open one, or keep a drawn one (Y)")


class Pick(Tool):
    """Takes the label under the pointer in use."""

    cursor = Qt.CursorShape.PointingHandCursor

    def __init__(self, easel: Strokes) -> None:
        self.easel = easel

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self.easel.pick(touch)
