"""What a canvas shows, lowest first: a grey picture, a mask, a heatmap, whatever a wing draws."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, qRgba

from xgen_studio.document import LabelState

if TYPE_CHECKING:
    from xgen_studio.studio.canvas.canvas import Canvas


class Layer:
    """Something a canvas shows. It may have a handle that is dragged, and a window of grey values.

    It draws as far as the painter's clip lets it, all of it, always: Qt visits only the clipped
    pixels, and samples them as in a full repaint, which pieces drawn by themselves would not be.
    """

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        """Draw into `canvas.target`, or at any place by `canvas.view`, in widget pixels."""

    def window(self, low: float, high: float) -> None:
        """Grey values up to `low` are black, from `high` on white."""

    def grips(self, x: float, target: QRectF) -> bool:
        """True where the handle is within reach of a widget x."""
        return False

    def drag(self, x: float, target: QRectF) -> None:
        """Take the handle to a widget x."""


class PictureLayer(Layer):
    """A grey picture (H, W) in any unit, shown through a window from `low` to `high`."""

    def __init__(self) -> None:
        self.pixels: NDArray[Any] | None = None
        self.low, self.high = 0.0, 1.0
        self.inverted = False
        self.opacity = 1.0
        self._grey = np.zeros((1, 1), np.uint8)
        self._image = QImage()

    def put(self, pixels: NDArray[Any] | None) -> None:
        """Show other pixels through the same window."""
        self.pixels = pixels
        self._render()

    def window(self, low: float, high: float) -> None:
        self.low, self.high = low, max(high, low + 1e-6)
        self._render()

    def invert(self, inverted: bool) -> None:
        """Whether large values are dark."""
        self.inverted = inverted
        self._render()

    def _render(self) -> None:
        if self.pixels is None:
            self._image = QImage()
            return
        grey = (self.pixels - np.float32(self.low)) * np.float32(255 / (self.high - self.low))
        levels = np.clip(grey, 0, 255, out=grey).astype(np.uint8)
        self._grey = ~levels if self.inverted else levels  # kept: the image wraps its memory
        height, width = self._grey.shape
        self._image = QImage(self._grey.data, width, height, width, QImage.Format.Format_Grayscale8)

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self._image.isNull():
            painter.setOpacity(self.opacity)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, canvas.resting)
            painter.drawImage(canvas.target, self._image)
            painter.setOpacity(1.0)


class MaskLayer(Layer):
    """A label image (H, W) uint8 that is painted in place: nothing is copied to show it."""

    def __init__(self, mask: NDArray[np.uint8]) -> None:
        self.mask = mask
        height, width = mask.shape
        self._image = QImage(mask.data, width, height, width, QImage.Format.Format_Indexed8)
        self.opacity = 0.45
        self.visible = True
        self.peeking = False  # hidden for a moment
        self._labels: tuple[LabelState, ...] = ()

    def put_labels(self, labels: Iterable[LabelState]) -> None:
        """Colours and visibility."""
        self._labels = tuple(labels)
        self._colour()

    def set_opacity(self, opacity: float) -> None:
        """From 0, unseen, to 1, hiding the picture."""
        self.opacity = min(max(opacity, 0.0), 1.0)
        self._colour()

    def _colour(self) -> None:
        table = [0] * 256
        for state in self._labels:
            if state.visible:
                table[state.label.id] = qRgba(*state.label.colour, round(255 * self.opacity))
        self._image.setColorTable(table)

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self.visible or self.peeking or self.opacity <= 0:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(canvas.target, self._image)


class HeatLayer(Layer):
    """A heatmap (H, W) in [0, 1] as an orange glow: unseen at 0, full at 1."""

    def __init__(self) -> None:
        self.opacity = 0.8
        self._levels = np.zeros((1, 1), np.uint8)
        self._image = QImage()

    def put(self, heat: NDArray[np.float32] | None) -> None:
        """Show a heatmap, or none."""
        if heat is None:
            self._image = QImage()
            return
        self._levels = np.clip(heat * np.float32(255), 0, 255).astype(np.uint8)
        height, width = self._levels.shape
        self._image = QImage(self._levels.data, width, height, width, QImage.Format.Format_Indexed8)
        self._colour()

    def set_opacity(self, opacity: float) -> None:
        """From 0, unseen, to 1."""
        self.opacity = min(max(opacity, 0.0), 1.0)
        if not self._image.isNull():
            self._colour()

    def _colour(self) -> None:
        self._image.setColorTable(
            [qRgba(255, 110 + i // 2, 30 + i // 4, round(i * self.opacity)) for i in range(256)]
        )

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self._image.isNull() and self.opacity > 0:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            painter.drawImage(canvas.target, self._image)
