"""What a canvas shows: a grey picture, and over it a mask in its labels' colours."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, qRgba

from xgen_studio.document.document import LabelState


class PictureLayer:
    """A grey picture (H, W) in any unit, shown through a window from `low` to `high`."""

    def __init__(self) -> None:
        self.pixels: NDArray[np.float32] | None = None
        self.low, self.high = 0.0, 1.0
        self.opacity = 1.0
        self._grey = np.zeros((1, 1), np.uint8)
        self._image = QImage()

    def put(self, pixels: NDArray[np.float32] | None) -> None:
        """Show other pixels through the same window."""
        self.pixels = pixels
        self._render()

    def window(self, low: float, high: float) -> None:
        """Grey values up to `low` are black, from `high` on white."""
        self.low, self.high = low, max(high, low + 1e-6)
        self._render()

    def _render(self) -> None:
        if self.pixels is None:
            self._image = QImage()
            return
        grey = (self.pixels - np.float32(self.low)) * np.float32(255 / (self.high - self.low))
        self._grey = np.clip(grey, 0, 255).astype(np.uint8)  # kept: the image wraps its memory
        height, width = self._grey.shape
        self._image = QImage(
            self._grey.data, width, height, width, QImage.Format.Format_Grayscale8
        )

    def paint(self, painter: QPainter, target: QRectF, smooth: bool) -> None:
        """Draw all of it into `target` (widget pixels), as far as the painter's clip lets it."""
        if self._image.isNull() or self.opacity <= 0:
            return
        painter.setOpacity(self.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, self._image)
        painter.setOpacity(1.0)


class MaskLayer:
    """A label image (H, W) uint8 that is painted in place: nothing is copied to show it."""

    def __init__(self, mask: NDArray[np.uint8]) -> None:
        self.mask = mask
        height, width = mask.shape
        self._image = QImage(mask.data, width, height, width, QImage.Format.Format_Indexed8)
        self.opacity = 0.45
        self.visible = True
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

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Draw all of it into `target` (widget pixels), as far as the painter's clip lets it."""
        if not self.visible or self.opacity <= 0:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(target, self._image)

