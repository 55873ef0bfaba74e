"""A floating shape: move it, stretch it, turn it, bend its edge; Enter paints it, Esc drops it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF

from xgen_studio.document import outline
from xgen_studio.document.outline import Points
from xgen_studio.document.regions import polygon
from xgen_studio.studio.canvas import Canvas, Tool, Touch
from xgen_studio.studio.tools.easel import Strokes

GRIP = 8.0  # widget px around a handle
REACH = 0.18  # of an outline's length that a pull bends
KNOB = 22.0  # widget px from the box to the knob that turns it


@dataclass(frozen=True)
class Part:
    """One outline and the label it will paint."""

    label: int
    points: Points


class ShapeTool(Tool):
    """The shape is in the mask all the while, as a stroke that is not finished: the picture
    follows each move, and one undo takes it out again."""

    cursor = Qt.CursorShape.ArrowCursor

    def __init__(
        self, easel: Strokes, title: str, parts: list[Part], over: Callable[[], None]
    ) -> None:
        self.easel, self.title, self.parts, self._over = easel, title, parts, over
        self._grip = ""  # move, bend, turn, or a corner: nw ne se sw
        self._bending = (0, 0)  # part, point
        self._last = (0.0, 0.0)
        self._apply()

    # -- the shape in the mask -------------------------------------------------------------------

    def _apply(self) -> None:
        with self.easel.document.as_one():
            self.easel.restart(self.parts[0].label)
            for part in self.parts:
                self.easel.switch(part.label)
                self.easel.paint(polygon(part.points.tolist(), self.easel.shape))

    def place(self) -> None:
        """Leave the shape in the mask."""
        if self.parts:
            self.parts = []
            self.easel.end(f"Place {self.title.lower()}")
            self._over()

    def drop(self) -> None:
        """Take it out again."""
        if self.parts:
            self.parts = []
            self.easel.cancel()
            self._over()

    def put_down(self, canvas: Canvas) -> None:
        self.place()

    def flip(self) -> None:
        """Mirror left and right, in place."""
        left, _, right, _ = self._box()
        middle = (left + right) / 2
        self._all(lambda p: outline.scaled(p, (middle, 0.0), -1.0, 1.0))

    def _all(self, change: Callable[[Points], Points]) -> None:
        self.parts = [Part(part.label, change(part.points)) for part in self.parts]
        self._apply()

    def _box(self) -> tuple[float, float, float, float]:
        return outline.box(np.concatenate([part.points for part in self.parts]))

    # -- gestures --------------------------------------------------------------------------------

    def _handles(self, canvas: Canvas) -> dict[str, tuple[float, float]]:
        """Where the handles are, in widget px; those out of sight come to the canvas' edge."""
        left, top, right, bottom = self._box()
        x0, y0 = canvas.view.to_widget(left, top)
        x1, y1 = canvas.view.to_widget(right, bottom)
        found = {"nw": (x0, y0), "ne": (x1, y0), "se": (x1, y1), "sw": (x0, y1)}
        found["turn"] = ((x0 + x1) / 2, y0 - KNOB)
        width, height = canvas.width(), canvas.height()
        return {
            name: (min(max(x, 10.0), width - 10.0), min(max(y, 10.0), height - 10.0))
            for name, (x, y) in found.items()
        }

    def _under(self, canvas: Canvas, touch: Touch) -> str:
        at = canvas.view.to_widget(*touch.point)
        for name, handle in self._handles(canvas).items():
            if math.dist(at, handle) <= GRIP + 2:
                return name
        near = [outline.nearest(part.points, *touch.point) for part in self.parts]
        part = int(np.argmin([distance for _, distance in near]))
        if near[part][1] * canvas.view.zoom <= GRIP * 1.6:
            self._bending = (part, near[part][0])
            return "bend"
        return "move"

    def press(self, canvas: Canvas, touch: Touch) -> None:
        if self.parts:
            self._grip, self._last = self._under(canvas, touch), touch.point

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if not self._grip or not self.parts:
            return
        (x0, y0), (x1, y1) = self._last, touch.point
        left, top, right, bottom = self._box()
        middle = ((left + right) / 2, (top + bottom) / 2)
        if self._grip == "move":
            self._all(lambda p: outline.moved(p, x1 - x0, y1 - y0))
        elif self._grip == "turn":
            turn = math.atan2(y1 - middle[1], x1 - middle[0]) - math.atan2(
                y0 - middle[1], x0 - middle[0]
            )
            self._all(lambda p: outline.turned(p, middle, turn))
        elif self._grip == "bend":
            index, point = self._bending
            bent = self.parts[index]
            reach = REACH * float(np.linalg.norm(np.diff(bent.points, axis=0), axis=1).sum())
            points = outline.bent(bent.points, point, x1 - x0, y1 - y0, reach)
            self.parts[index] = Part(bent.label, points)
            self._apply()
        else:
            fixed = (right if "w" in self._grip else left, bottom if "n" in self._grip else top)
            sx = (x1 - fixed[0]) / _nonzero(x0 - fixed[0])
            sy = (y1 - fixed[1]) / _nonzero(y0 - fixed[1])
            if not touch.modifiers & Qt.KeyboardModifier.ShiftModifier:
                sx = sy = (sx + sy) / 2  # Shift stretches one way
            if min(sx, sy) > 0.05:
                self._all(lambda p: outline.scaled(p, fixed, sx, sy))
        self._last = touch.point
        canvas.update()

    def release(self, canvas: Canvas, touch: Touch) -> None:
        self._grip = ""

    def double_click(self, canvas: Canvas, touch: Touch) -> bool:
        self.place()
        return True

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if not self.parts:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.place()
        elif event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.drop()
        elif event.key() == Qt.Key.Key_X:
            self.flip()
        elif event.key() in steps:
            far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dx, dy = steps[Qt.Key(event.key())]
            self._all(lambda p: outline.moved(p, dx * far, dy * far))
        else:
            return False
        canvas.update()
        return True

    # -- looks -----------------------------------------------------------------------------------

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self.parts:
            return
        dark, light = QColor(0, 0, 0, 170), QColor(255, 255, 255, 235)
        for part in self.parts:
            line = QPolygonF([QPointF(*canvas.view.to_widget(*p)) for p in part.points])
            for colour, width in ((dark, 3.0), (light, 1.2)):
                painter.setPen(QPen(colour, width))
                painter.drawPolygon(line)
        handles = self._handles(canvas)
        corners = [QPointF(*handles[name]) for name in ("nw", "ne", "se", "sw")]
        painter.setPen(QPen(light, 1, Qt.PenStyle.DashLine))
        painter.drawPolygon(QPolygonF(corners))
        painter.setPen(QPen(dark, 1))
        painter.setBrush(light)
        for corner in corners:
            painter.drawRect(int(corner.x()) - 4, int(corner.y()) - 4, 8, 8)
        painter.drawEllipse(QPointF(*handles["turn"]), 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        text = "Drag to move, the edge to bend, corners to scale, the knob to turn; X mirrors"
        canvas.note(painter, f"{text}. Enter places, Esc drops.")


def _nonzero(value: float) -> float:
    return value if abs(value) > 1e-6 else math.copysign(1e-6, value)
