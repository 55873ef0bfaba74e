"""Real, healthy and difference of one vertebra side by side, sagittal above, coronal below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from xgen_studio.studio.canvas.scale_bar import round_length
from xgen_studio.studio.canvas.slice_layers import outlines
from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.pages.colours import HEALTHY, REAL
from xgen_studio.wings.spine.tasks.asks import HealthyShown

TITLES = ("Real", "Healthy", "Difference")
CONTRAST = 400.0  # HU of difference at which its colours end
ROOM = 7.0  # mm around the healthy body that are shown
FAINT = 0.3  # of a difference outside of the bodies
HEAD, GAP, FOOT = 20, 4, 18  # px
MASK_GREY = 110  # of a body where there is no CT


@dataclass(frozen=True, eq=False)
class _Cut:
    """One section through a vertebra, the head above.

    real, healthy   (rows, columns) HU, or greys where there is no CT
    bodies          (rows, columns) where either body is
    box             left, top, right, bottom of the healthy body with some room, in pixels
    """

    real: NDArray[np.float32]
    healthy: NDArray[np.float32]
    bodies: NDArray[np.bool_]
    real_lines: NDArray[np.float64]
    healthy_lines: NDArray[np.float64]
    box: tuple[float, float, float, float]
    edges: str  # what lies left and right


def _lines(mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    return outlines(mask).get(1, np.zeros((0, 4)))


def _box(inside: NDArray[np.bool_], room: float) -> tuple[float, float, float, float]:
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    if not rows.size:
        return 0.0, 0.0, float(inside.shape[1]), float(inside.shape[0])
    left, top = float(columns[0]) - room, float(rows[0]) - room
    return left, top, float(columns[-1]) + 1 + room, float(rows[-1]) + 1 + room


def cuts_of(shown: HealthyShown) -> tuple[_Cut, _Cut]:
    """The sagittal and the coronal section through the middle of the block."""
    _, y, x = (n // 2 for n in shown.real_mask.shape)
    made = []
    for where, edges in (
        ((slice(None, None, -1), slice(None), x), "AP"),
        ((slice(None, None, -1), y, slice(None)), "RL"),
    ):
        real_mask, healthy_mask = (
            np.ascontiguousarray(m[where] > 0).astype(np.uint8)
            for m in (shown.real_mask, shown.healthy_mask)
        )
        greys = []
        for block, inside in ((shown.real, real_mask), (shown.healthy, healthy_mask)):
            cut = inside * np.float32(MASK_GREY) if block is None else block[where]
            greys.append(np.ascontiguousarray(cut, dtype=np.float32))
        bodies = (real_mask | healthy_mask).astype(bool)
        box = _box(healthy_mask > 0, ROOM / shown.spacing)
        lines = _lines(real_mask), _lines(healthy_mask)
        made.append(_Cut(greys[0], greys[1], bodies, *lines, box, edges))
    return made[0], made[1]


class _Pictures(QWidget):
    """Paints the sections. `blend` is how much of the healthy one lies in the first column."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(220, 180)
        self.shown: HealthyShown | None = None
        self.cuts: tuple[_Cut, ...] = ()
        self.blend = 0.0
        self.low, self.high = -500.0, 1300.0
        self.waiting = "Choose a vertebra in the strip"

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        painter.setPen(QColor(220, 224, 230))
        if self.shown is None:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.waiting)
            return
        wide = (self.width() - 2 * GAP) / 3
        tall = (self.height() - HEAD - GAP - FOOT) / 2
        first = "Real" if self.blend == 0 else f"Real + {100 * self.blend:.0f} % healthy"
        for column, title in enumerate((first, *TITLES[1:])):
            head = QRectF(column * (wide + GAP), 0, wide, HEAD)
            painter.drawText(head, Qt.AlignmentFlag.AlignCenter, title)
        columns, rows = (max(c.box[i + 2] - c.box[i] for c in self.cuts) for i in (0, 1))
        zoom = min(wide / columns, tall / rows)
        for row, cut in enumerate(self.cuts):
            for column in range(3):
                cell = QRectF(column * (wide + GAP), HEAD + row * (tall + GAP), wide, tall)
                self._cell(painter, cell, cut, column, zoom)
        self._foot(painter, zoom)

    def _cell(self, painter: QPainter, cell: QRectF, cut: _Cut, column: int, zoom: float) -> None:
        rows, columns = cut.real.shape
        left, top, right, bottom = cut.box
        target = QRectF(0, 0, columns * zoom, rows * zoom)
        middle = cell.center()
        target.moveLeft(middle.x() - (left + right) / 2 * zoom)
        target.moveTop(middle.y() - (top + bottom) / 2 * zoom)
        painter.save()
        painter.setClipRect(cell)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if column == 2:
            image = self._difference(cut)
        else:
            share = self.blend if column == 0 else 1.0
            image = self._grey((1 - share) * cut.real + share * cut.healthy)
        painter.drawImage(target, image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(target.topLeft())
        painter.scale(zoom, zoom)
        if column != 1:
            self._outline(painter, cut.real_lines, REAL, Qt.PenStyle.SolidLine)
        if column != 0 or self.blend > 0:
            self._outline(painter, cut.healthy_lines, HEALTHY, Qt.PenStyle.DashLine)
        painter.restore()
        painter.setPen(QColor(255, 214, 92))
        side = Qt.AlignmentFlag.AlignTop
        inside = cell.adjusted(4, 1, -4, 0)
        painter.drawText(inside, side | Qt.AlignmentFlag.AlignLeft, cut.edges[0])
        painter.drawText(inside, side | Qt.AlignmentFlag.AlignRight, cut.edges[1])
        painter.setPen(QColor(220, 224, 230))

    @staticmethod
    def _outline(
        painter: QPainter, lines: NDArray[np.float64], colour: QColor, style: Qt.PenStyle
    ) -> None:
        pen = QPen(colour, 1.3, style)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLines([QLineF(*line) for line in lines.tolist()])

    def _grey(self, hu: NDArray[np.float32]) -> QImage:
        alone = self.shown is not None and self.shown.real is None
        low, high = (0.0, 255.0) if alone else (self.low, self.high)
        grey = np.clip((hu - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
        rows, columns = grey.shape
        return QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)

    def _difference(self, cut: _Cut) -> QImage:
        """Red where the healthy one is denser, blue where the real one is."""
        scale = MASK_GREY if self.shown and self.shown.real is None else CONTRAST
        share = np.clip((cut.healthy - cut.real) / scale, -1, 1)
        share[~cut.bodies] *= FAINT  # what lies around moved along with the bodies
        rgb = np.zeros((*share.shape, 3), np.uint8)
        rgb[..., 0] = (np.maximum(share, 0) * 235).astype(np.uint8)
        rgb[..., 1] = (np.abs(share) * 70).astype(np.uint8)
        rgb[..., 2] = (np.maximum(-share, 0) * 255).astype(np.uint8)
        rows, columns = share.shape
        return QImage(rgb.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)

    def _foot(self, painter: QPainter, zoom: float) -> None:
        """The scale in mm, and what the lines and colours mean."""
        assert self.shown is not None
        y = self.height() - FOOT / 2
        unit = zoom / self.shown.spacing
        length = round_length(70 / unit)
        painter.setPen(QPen(QColor(235, 238, 242), 2))
        painter.drawLine(QLineF(6, y, 6 + length * unit, y))
        x = 6 + length * unit + 6
        line = QRectF(x, y - 8, self.width() - x, 16)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(line, middle, f"{length:g} mm")
        x += 52
        for colour, style, word in (
            (REAL, Qt.PenStyle.SolidLine, "real"),
            (HEALTHY, Qt.PenStyle.DashLine, "healthy"),
        ):
            painter.setPen(QPen(colour, 2, style))
            painter.drawLine(QLineF(x, y, x + 18, y))
            painter.setPen(QColor(235, 238, 242))
            painter.drawText(QRectF(x + 22, y - 8, 60, 16), middle, word)
            x += 70
        if self.shown.real is not None and self.width() > 400:
            said = f"red: healthy denser, full at {CONTRAST:.0f} HU"
            painter.drawText(QRectF(x + 14, y - 8, self.width() - x, 16), middle, said)


class HealthyView(QWidget):
    """The fourth cell of the planes: pictures, and a slider that blends real into healthy."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = _Pictures()
        self.title = Words()
        self.title.setProperty("role", "faint")
        self.slider = QSlider(Qt.Orientation.Horizontal, maximum=100)
        self.slider.setAccessibleName("blend from real to healthy")
        self.slider.setToolTip("Blend the real vertebra (left) into the healthy one (right)")
        self.slider.valueChanged.connect(self._blend)
        line = QHBoxLayout()
        line.setContentsMargins(8, 0, 8, 2)
        line.addWidget(self.title)
        line.addWidget(Words("real"))
        line.addWidget(self.slider, 1)
        line.addWidget(Words("healthy"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.pictures, 1)
        column.addLayout(line)

    def put(self, shown: HealthyShown | None, waiting: str = "") -> None:
        """Show a vertebra; without one, say what is waited for."""
        pictures = self.pictures
        pictures.shown, pictures.waiting = shown, waiting
        pictures.cuts = cuts_of(shown) if shown else ()
        alone = shown is not None and shown.real is None
        self.title.setText(f"{shown.level}{', masks alone' if alone else ''}" if shown else "")
        pictures.update()

    def say(self, text: str) -> None:
        """Words beside the picture, which is of before."""
        self.title.setText(text)

    def set_window(self, low: float, high: float) -> None:
        """Show HU from `low` (black) to `high` (white), as the planes do."""
        self.pictures.low, self.pictures.high = low, high
        self.pictures.update()

    def _blend(self, value: int) -> None:
        self.pictures.blend = value / 100
        self.pictures.update()
