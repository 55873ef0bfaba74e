"""Ruler and angle: in mm where the picture says its spacing, else in pixels, and said so."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from xgen_studio.document.regions import Point
from xgen_studio.studio.canvas import Canvas, Tool, Touch

NEAR = 10.0  # widget px around an end that can be dragged


def length(canvas: Canvas, a: Point, b: Point) -> str:
    """The distance of two picture points in words."""
    sx, sy = canvas.view.spacing
    distance = math.hypot((b[0] - a[0]) * sx, (b[1] - a[1]) * sy)
    return f"{distance:.1f} mm" if canvas.spacing_known else f"{distance:.1f} px"


def angle(canvas: Canvas, a: Point, corner: Point, b: Point) -> float:
    """The angle at `corner`, in degrees 0 to 180, with the pixels' true aspect."""
    sx, sy = canvas.view.spacing
    first = math.atan2((a[1] - corner[1]) * sy, (a[0] - corner[0]) * sx)
    second = math.atan2((b[1] - corner[1]) * sy, (b[0] - corner[0]) * sx)
    apart = abs(math.degrees(first - second)) % 360
    return min(apart, 360 - apart)


class _Measure(Tool):
    """Points that are set by dragging and can be dragged again; Esc takes them away."""

    wanted = 2

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._held: int | None = None

    def press(self, canvas: Canvas, touch: Touch) -> None:
        at = canvas.view.to_widget(*touch.point)
        for i, point in enumerate(self.points):
            if math.dist(at, canvas.view.to_widget(*point)) <= NEAR:
                self._held = i
                return
        if len(self.points) >= self.wanted:
            self.points = []
        if not self.points:
            self.points = [touch.point]
        self.points.append(touch.point)
        self._held = len(self.points) - 1
        canvas.update()

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._held is not None:
            self.points[self._held] = touch.point
            canvas.update()

    def release(self, canvas: Canvas, touch: Touch) -> None:
        self._held = None

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self.points:
            self.points = []
            canvas.update()
            return True
        return False

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self.points:
            canvas.note(painter, self.hint)
            return
        ends = [QPointF(*canvas.view.to_widget(*p)) for p in self.points]
        for colour, width in ((QColor(0, 0, 0, 190), 3.5), (QColor(255, 214, 92), 1.6)):
            painter.setPen(QPen(colour, width))
            painter.drawPolyline(ends)
            for end in ends:
                painter.drawEllipse(end, 4, 4)
        canvas.tag(painter, ends[-1], self.words(canvas))

    hint = ""

    def words(self, canvas: Canvas) -> str:
        """What was measured."""
        return ""


class Ruler(_Measure):
    """Drag from one point to another."""

    hint = "Drag from one point to another"

    def words(self, canvas: Canvas) -> str:
        return length(canvas, *self.points[:2]) if len(self.points) > 1 else ""


class Angle(_Measure):
    """Drag the first leg, then drag the second from its end."""

    wanted = 3
    hint = "Drag the first leg of the angle, then click where the second ends"

    def words(self, canvas: Canvas) -> str:
        if len(self.points) < 3:
            return "now the second leg"
        a, corner, b = self.points
        return f"{angle(canvas, a, corner, b):.1f}°"
