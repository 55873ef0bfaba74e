"""The picked column of a vertebra, drawn into the slices that it comes near."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from xgen_studio.studio.canvas.canvas import Canvas
from xgen_studio.studio.canvas.layers import Layer
from xgen_studio.studio.canvas.slice_view import SliceView
from xgen_studio.wings.spine.science.body import Body
from xgen_studio.wings.spine.science.frame import Floats

NEAR = 4.0  # mm from the slice within which it is seen
COLOUR = QColor("#57a5ff")


def ends_of(body: Body, row: int, column: int) -> tuple[Floats, Floats]:
    """Upper and lower end (3,) LPS mm of a column, which stands where row and column cross."""
    left, back = body.places()
    at = float(left[row, column]), float(back[row, column])
    top, bottom = (
        body.frame.to_patient([*at, float(field[row, column])]) for field in (body.top, body.bottom)
    )
    return top, bottom


class ColumnMark(Layer):
    """A line with two ends; `ends` LPS mm, or None."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self.ends: tuple[Floats, Floats] | None = None

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self.ends is None:
            return
        view, plane = self._view, self._view.plane
        index = [view.volume.mm_to_index(end) for end in self.ends]
        away = [(float(i[plane.normal]) - view.index) * view.spacing[plane.normal] for i in index]
        if min(away) > NEAR or max(away) < -NEAR:
            return
        points = [
            QPointF(
                *canvas.view.to_widget(
                    float(i[plane.across]) + 0.5, view.row_of(float(i[plane.down]) + 0.5)
                )
            )
            for i in index
        ]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in ((QColor(0, 0, 0, 190), 4.0), (COLOUR, 2.0)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(*points)
            for point in points:
                painter.drawEllipse(point, 2.5, 2.5)
        painter.restore()
