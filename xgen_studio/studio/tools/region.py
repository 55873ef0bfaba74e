"""Choose a region of the picture that alone is drawn anew."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from xgen_studio.document.regions import Point, polygon
from xgen_studio.studio.canvas import Canvas, Tool, Touch

LEAST = 30  # px of a region: less is a slip of the easel


class RegionTool(Tool):
    """Drag around a part of the picture; Esc frees the whole picture again."""

    def __init__(self, chosen: Callable[[NDArray[np.bool_] | None], None]) -> None:
        self._chosen = chosen
        self._points: list[Point] = []
        self.outline: list[Point] = []  # of the region that is set

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self._points = [touch.point]

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._points and math.dist(touch.point, self._points[-1]) * canvas.view.zoom >= 1.5:
            self._points.append(touch.point)
            canvas.update()

    def release(self, canvas: Canvas, touch: Touch) -> None:
        points, self._points = self._points, []
        shape = (canvas.view.rows, canvas.view.columns)
        region = polygon(points, shape)
        if region.inside.sum() >= LEAST:
            inside = np.zeros(shape, dtype=bool)
            inside[region.window] = region.inside
            self.outline = points
            self._chosen(inside)
        canvas.update()

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and (self._points or self.outline):
            self._points = []
            self.free()
            canvas.update()
            return True
        return False

    def free(self) -> None:
        """Draw the whole picture again."""
        self.outline = []
        self._chosen(None)

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self._points:
            paint_region(canvas, painter, self._points)
        elif not self.outline:
            canvas.note(painter, "Drag around the part that may change: the rest will stay")


def paint_region(canvas: Canvas, painter: QPainter, points: list[Point]) -> None:
    """The outline of a region, in dashes that show on black and white."""
    line = QPolygonF([QPointF(*canvas.view.to_widget(*p)) for p in points])
    painter.setPen(QPen(QColor(0, 0, 0, 190), 2.4))
    painter.drawPolygon(line)
    painter.setPen(QPen(QColor(255, 214, 92), 1.4, Qt.PenStyle.DashLine))
    painter.drawPolygon(line)
