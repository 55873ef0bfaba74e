"""The scale bar: a round number of millimetres, or pixels where the spacing is unknown."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from xgen_studio.studio.canvas.viewport import Viewport

LONGEST = 140  # widget px
SCALE_BAR_HIGH = 44  # widget px above the lower edge that it may touch


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 x 10^n that is at most `most`."""
    if most <= 0:
        return 0.0
    power = 1.0
    while power > most:
        power /= 10
    while power * 10 <= most:
        power *= 10
    return next(power * step for step in (5, 2, 1) if power * step <= most)


def paint_scale_bar(painter: QPainter, widget: QWidget, view: Viewport, in_mm: bool) -> None:
    """Draw the bar and its length into the lower left corner."""
    unit = view.mm if in_mm else view.zoom
    length = round_length(LONGEST / unit)
    wide = length * unit
    text = f"{length:g} mm" if in_mm else f"{length:g} px"
    x, y = 14.0, widget.height() - 14.0
    for colour, width in ((QColor(0, 0, 0, 160), 4), (QColor(255, 255, 255, 220), 2)):
        painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(x, y), QPointF(x + wide, y))
    for colour, dx in ((QColor(0, 0, 0, 160), 1), (QColor(255, 255, 255, 220), 0)):
        painter.setPen(colour)
        painter.drawText(QPointF(x + dx, y - 6 + dx), text)
