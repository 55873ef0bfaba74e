"""Outlines that fill themselves: a polygon by clicks, a lasso by one drag."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from xgen_studio.document.regions import Point, polygon
from xgen_studio.studio.canvas import Canvas, Tool, Touch
from xgen_studio.studio.tools.easel import Strokes

NEAR = 9.0  # widget px: a click so close to the first point closes the polygon


def _paint_outline(
    canvas: Canvas, painter: QPainter, points: list[Point], closing: bool, dots: bool
) -> None:
    line = QPolygonF([QPointF(*canvas.view.to_widget(*p)) for p in points])
    for colour, width in ((QColor(0, 0, 0, 170), 3.0), (QColor(255, 255, 255, 235), 1.3)):
        painter.setPen(QPen(colour, width))
        painter.drawPolyline(line)
        if closing and len(points) > 2:
            painter.setPen(QPen(colour, width / 1.3, Qt.PenStyle.DashLine))
            painter.drawLine(line.last(), line.first())
    if dots:
        painter.setPen(QPen(QColor(0, 0, 0, 200), 1))
        painter.setBrush(QColor(255, 255, 255))
        for i in range(line.size()):
            painter.drawEllipse(line.at(i), 4.0 if i == 0 else 2.5, 4.0 if i == 0 else 2.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)


class Lasso(Tool):
    """Drag around an area: it closes and fills itself. Right drag or Ctrl erases it."""

    def __init__(self, easel: Strokes) -> None:
        self.easel = easel
        self._points: list[Point] = []
        self._label = 0

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self._points, self._label = [touch.point], self.easel.label_for(touch)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._points and math.dist(touch.point, self._points[-1]) * canvas.view.zoom >= 1.5:
            self._points.append(touch.point)
            canvas.update()

    def release(self, canvas: Canvas, touch: Touch) -> None:
        self.put_down(canvas)

    def put_down(self, canvas: Canvas) -> None:
        points, self._points = self._points, []
        region = polygon(points, self.easel.shape)
        if not region.empty:
            name = self.easel.name_of(self._label)
            self.easel.fill(region, self._label, f"Outline {name}" if self._label else "Cut out")
        canvas.update()

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self._points:
            self._points = []
            canvas.update()
            return True
        return False

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self._points:
            _paint_outline(canvas, painter, self._points, closing=True, dots=False)


class PolygonTool(Tool):
    """Click corner by corner. Enter, a double click or a click on the first corner fills it;
    Backspace or a right click takes the last corner back; Esc drops all."""

    def __init__(self, easel: Strokes) -> None:
        self.easel = easel
        self._points: list[Point] = []
        self._at: Point | None = None

    def press(self, canvas: Canvas, touch: Touch) -> None:
        if touch.buttons & Qt.MouseButton.RightButton:
            self._back(canvas)
            return
        if len(self._points) > 2:
            first = canvas.view.to_widget(*self._points[0])
            if math.dist(first, canvas.view.to_widget(*touch.point)) < NEAR:
                self._close(canvas)
                return
        self._points.append(touch.point)
        canvas.update()

    def hover(self, canvas: Canvas, touch: Touch) -> None:
        self._at = touch.point
        if self._points:
            canvas.update()

    move = hover

    def double_click(self, canvas: Canvas, touch: Touch) -> bool:
        self._close(canvas)
        return True

    def put_down(self, canvas: Canvas) -> None:
        self._close(canvas)

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        if not self._points:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._close(canvas)
        elif event.key() == Qt.Key.Key_Backspace:
            self._back(canvas)
        elif event.key() == Qt.Key.Key_Escape:
            self._points = []
            canvas.update()
        else:
            return False
        return True

    def leave(self, canvas: Canvas) -> None:
        self._at = None
        canvas.update()

    def _back(self, canvas: Canvas) -> None:
        if self._points:
            self._points.pop()
            canvas.update()

    def _close(self, canvas: Canvas) -> None:
        region = polygon(self._points, self.easel.shape)
        self._points = []
        if not region.empty:
            label = self.easel.label
            self.easel.fill(region, label, f"Outline {self.easel.name_of(label)}")
        canvas.update()

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self._points:
            ahead = [self._at] if self._at is not None else []
            _paint_outline(canvas, painter, self._points + ahead, closing=True, dots=False)
            _paint_outline(canvas, painter, self._points, closing=False, dots=True)
