"""Brush and eraser: a true-size ring, strokes without gaps, the pen's pressure as width."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from xgen_studio.document.regions import Point
from xgen_studio.studio.canvas import Canvas, Tool, Touch
from xgen_studio.studio.tools.easel import Strokes

LEAST_MOVE = 0.2  # px of the mask: pens send far more points than can be seen


class Brush(Tool):
    """Paints the label in use; as an eraser it paints background. Right drag or Ctrl erases.

    Alt + drag changes the radius, Alt + click takes the label under the pointer.
    """

    cursor = Qt.CursorShape.BlankCursor

    def __init__(self, easel: Strokes, erases: bool = False) -> None:
        self.easel, self.erases = easel, erases
        self._at: Point | None = None  # where the ring is
        self._last: Point = (0.0, 0.0)
        self._radius = 0.0
        self._label = 0
        self._sizing: Touch | None = None
        self._sized = False
        self._painting = False

    def press(self, canvas: Canvas, touch: Touch) -> None:
        if touch.modifiers & Qt.KeyboardModifier.AltModifier:
            self._sizing = touch
            return
        self._label = 0 if self.erases else self.easel.label_for(touch)
        self._last, self._radius = touch.point, self._radius_of(touch)
        self.easel.begin(self._label)
        self._painting = True
        self._draw(touch.point, self._radius)
        self._ring(canvas, touch.point)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._sizing is not None:
            grown = (touch.x - self._sizing.x) * canvas.view.scale[0] / self.easel.scale(canvas)[0]
            self._sizing, self._sized = touch, True
            self.easel.use(radius=self.easel.radius + grown)
            return
        self._ring(canvas, touch.point)
        if self.easel.in_stroke and math.dist(touch.point, self._last) >= LEAST_MOVE:
            self._draw(touch.point, self._radius_of(touch))

    def release(self, canvas: Canvas, touch: Touch) -> None:
        if self._sizing is not None:
            if not self._sized:
                self.easel.pick(touch)
            self._sizing, self._sized = None, False
            return
        self.put_down(canvas)

    def put_down(self, canvas: Canvas) -> None:
        self._sizing, self._sized = None, False
        painting, self._painting = self._painting, False
        if painting and self.easel.in_stroke:
            verb = "Erase" if self._label == 0 else f"Paint {self.easel.name_of(self._label)}"
            self.easel.end(verb)

    def hover(self, canvas: Canvas, touch: Touch) -> None:
        self._ring(canvas, touch.point)

    def leave(self, canvas: Canvas) -> None:
        self._ring(canvas, None)

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self.easel.in_stroke:
            self.easel.cancel()
            return True
        return False

    def _radius_of(self, touch: Touch) -> float:
        return self.easel.radius * max(touch.pressure, 0.05)

    def _draw(self, to: Point, radius: float) -> None:
        self.easel.segment(self._last, to, (self._radius, radius))
        self._last, self._radius = to, radius

    def _ring(self, canvas: Canvas, to: Point | None) -> None:
        """Move the ring: only where it was and where it is now is painted again."""
        for at in (self._at, to):
            if at is not None:
                canvas.update(self._outline(canvas, at).adjusted(-3, -3, 3, 3))
        self._at = to

    def _outline(self, canvas: Canvas, at: Point) -> QRect:
        x, y = canvas.view.to_widget(*at)
        sx, sy = self.easel.scale(canvas)
        r = self.easel.radius
        return QRectF(x - r * sx, y - r * sy, 2 * r * sx, 2 * r * sy).toAlignedRect()

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self._at is None:
            return
        x, y = canvas.view.to_widget(*self._at)
        sx, sy = self.easel.scale(canvas)
        rx, ry = self.easel.radius * sx, self.easel.radius * sy
        for colour, width in ((QColor(0, 0, 0, 170), 3.0), (QColor(255, 255, 255, 230), 1.2)):
            painter.setPen(QPen(colour, width))
            if self.easel.square:
                painter.drawRect(QRectF(x - rx, y - ry, 2 * rx, 2 * ry))
            else:
                painter.drawEllipse(QPointF(x, y), rx, ry)
            if min(rx, ry) < 4:  # too small to be seen: a cross marks it
                for dx, dy in ((7, 0), (0, 7)):
                    painter.drawLine(QPointF(x - dx, y - dy), QPointF(x + dx, y + dy))
