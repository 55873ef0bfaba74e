"""Compare two pictures of one grid: a slider between them, flicker, or their difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from xgen_studio.studio.canvas.layers import Layer, PictureLayer

if TYPE_CHECKING:
    from xgen_studio.studio.canvas.canvas import Canvas

SLIDER, FLICKER, DIFFERENCE = "slider", "flicker", "difference"
RANGE = 0.25  # grey difference shown in full colour
GRIP = 9.0


class Comparison(Layer):
    """The other picture, over the one the canvas shows."""

    def __init__(self, other: NDArray[np.float32], how: str) -> None:
        self.other = PictureLayer()
        self.other.put(other)
        self.how = how
        self.at = 0.5  # of the width: left of it the other picture shows
        self.shows_other = False  # while flickering
        self._colours = np.zeros((1, 1, 4), np.uint8)
        self._image = QImage()

    def window(self, low: float, high: float) -> None:
        self.other.window(low, high)

    def against(self, pixels: NDArray[np.float32] | None) -> None:
        """The picture that is compared: red where lighter than the other, blue where darker."""
        if self.how != DIFFERENCE or pixels is None or self.other.pixels is None:
            self._image = QImage()
            return
        apart = (pixels - self.other.pixels) / np.float32(RANGE)
        amount = np.clip(np.abs(apart), 0, 1)
        height, width = apart.shape
        colours = np.zeros((height, width, 4), np.uint8)
        colours[..., 0] = np.where(apart > 0, 235, 40)
        colours[..., 1] = 80
        colours[..., 2] = np.where(apart > 0, 40, 245)
        colours[..., 3] = (230 * amount).astype(np.uint8)
        self._colours = colours  # kept: the image wraps its memory
        self._image = QImage(
            self._colours.data, width, height, 4 * width, QImage.Format.Format_RGBA8888
        )

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        target = canvas.target
        if self.how == FLICKER:
            if self.shows_other:
                self.other.paint(canvas, painter)
        elif self.how == DIFFERENCE:
            if not self._image.isNull():
                painter.drawImage(target, self._image)
        else:
            part = QRectF(target)
            part.setWidth(target.width() * self.at)
            painter.save()
            painter.setClipRect(part, Qt.ClipOperation.IntersectClip)
            painter.fillRect(part, QColor(0, 0, 0))
            self.other.paint(canvas, painter)
            painter.restore()
            x = part.right()
            painter.setPen(QPen(QColor(255, 214, 92), 1.5))
            painter.drawLine(QPointF(x, target.top()), QPointF(x, target.bottom()))
            painter.setBrush(QColor(255, 214, 92))
            painter.drawEllipse(QPointF(x, target.center().y()), GRIP / 2, GRIP / 2)

    def grips(self, x: float, target: QRectF) -> bool:
        line = target.left() + target.width() * self.at
        return self.how == SLIDER and abs(x - line) <= GRIP

    def drag(self, x: float, target: QRectF) -> None:
        self.at = min(max((x - target.left()) / target.width(), 0.0), 1.0)
