"""What a canvas shows, lowest first: a grey picture, a mask, a heatmap, landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, qRgba

from xgen_studio.document import LabelState


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
        self._image = QImage(self._grey.data, width, height, width, QImage.Format.Format_Grayscale8)

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

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Draw all of it into `target` (widget pixels), as far as the painter's clip lets it."""
        if not self.visible or self.peeking or self.opacity <= 0:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(target, self._image)


class HeatLayer:
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

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Draw all of it into `target` (widget pixels)."""
        if not self._image.isNull() and self.opacity > 0:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
            painter.drawImage(target, self._image)


@dataclass(frozen=True)
class Landmark:
    """A named point (x, y) in picture pixels; an occluded one is drawn hollow."""

    name: str
    x: float
    y: float
    occluded: bool = False


class LandmarkLayer:
    """Points with names, and the skeleton that joins them."""

    def __init__(self, edges: Sequence[tuple[int, int]] = ()) -> None:
        self.points: Sequence[Landmark] = ()
        self.edges = edges  # pairs of indices into `points`
        self.opacity = 1.0
        self.names_shown = True
        self.selected: int | None = None

    def paint(
        self, painter: QPainter, to_widget: Callable[[float, float], tuple[float, float]]
    ) -> None:
        """Draw the points at their place in the widget, in a size that does not zoom."""
        if not self.points or self.opacity <= 0:
            return
        painter.setOpacity(self.opacity)
        at = [QPointF(*to_widget(p.x, p.y)) for p in self.points]
        painter.setPen(QPen(QColor(120, 220, 255, 150), 1.2))
        for a, b in self.edges:
            if max(a, b) < len(at):
                painter.drawLine(at[a], at[b])
        for i, (point, place) in enumerate(zip(self.points, at, strict=True)):
            colour = QColor(255, 214, 92) if i == self.selected else QColor(120, 220, 255)
            painter.setPen(QPen(QColor(0, 0, 0, 200) if not point.occluded else colour, 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush if point.occluded else colour)
            painter.drawEllipse(place, 4.0, 4.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if self.names_shown or i == self.selected:
                painter.setPen(QColor(0, 0, 0))
                painter.drawText(place + QPointF(7, 5), point.name)
                painter.setPen(colour)
                painter.drawText(place + QPointF(6, 4), point.name)
        painter.setOpacity(1.0)
