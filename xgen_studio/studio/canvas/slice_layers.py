"""What lies over a slice: cursor lines, letters and numbers, labels, centres with their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from xgen_studio.document import LabelState
from xgen_studio.studio.canvas.layers import Layer, MaskLayer

if TYPE_CHECKING:
    from xgen_studio.studio.canvas.canvas import Canvas
    from xgen_studio.studio.canvas.slice_view import SliceView, Window

AMBER, WHITE, DARK = QColor(255, 214, 92), QColor(255, 255, 255, 225), QColor(0, 0, 0, 190)
GAP = 9.0  # widget px around the cursor that its lines leave free
ROOM = 260  # widget px that a view must be wide to say everything
REACH = 15.0  # mm from the slice at which a centre is no longer seen
DOT = 4.5  # widget px


def shadowed(painter: QPainter, box: QRectF, flags: Qt.AlignmentFlag, text: str) -> None:
    """Words in the pen's colour that can be read on any grey."""
    colour = painter.pen().color()
    shadow = QColor(DARK)
    shadow.setAlpha(DARK.alpha() * colour.alpha() // 255)
    painter.setPen(shadow)
    for dx, dy in ((1, 1), (-1, 0), (0, -1)):
        painter.drawText(box.translated(dx, dy), int(flags), text)
    painter.setPen(colour)
    painter.drawText(box, int(flags), text)


class Marks(Layer):
    """The other planes as lines, what lies where in letters, and the slice, slab and window in
    numbers."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self.lines = True

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        x, y = self._view.cursor_lines()
        target = canvas.target
        if self.lines:
            painter.setPen(QPen(QColor(120, 220, 255, 150), 1.0))
            for line in (
                QLineF(x, target.top(), x, max(y - GAP, target.top())),
                QLineF(x, min(y + GAP, target.bottom()), x, target.bottom()),
                QLineF(target.left(), y, max(x - GAP, target.left()), y),
                QLineF(min(x + GAP, target.right()), y, target.right(), y),
            ):
                painter.drawLine(line)
        font = painter.font()
        self._letters(canvas, painter)
        painter.setFont(font)
        self._numbers(canvas, painter)

    def _letters(self, canvas: Canvas, painter: QPainter) -> None:
        font = QFont(painter.font())
        font.setBold(True)
        font.setPixelSize(14)
        painter.setFont(font)
        painter.setPen(AMBER)
        inside = QRectF(canvas.rect()).adjusted(9, 6, -9, -6)
        flag = Qt.AlignmentFlag
        sides = (
            flag.AlignLeft | flag.AlignVCenter,
            flag.AlignRight | flag.AlignVCenter,
            flag.AlignTop | flag.AlignHCenter,
            flag.AlignBottom | flag.AlignHCenter,
        )
        for letter, side in zip(self._view.plane.edges, sides, strict=True):
            shadowed(painter, inside, side, letter)

    def _numbers(self, canvas: Canvas, painter: QPainter) -> None:
        view = self._view
        wide = canvas.width() >= ROOM
        name = f"{view.plane.name.capitalize()} " if wide else ""
        count = view.volume.shape[view.plane.normal]
        left = [f"{name}{view.index + 1} / {count}"]
        if view.slab_mm > 0:
            left.append(f"{view.slab} {view.slab_mm:g} mm")
        low, high = view.picture.low, view.picture.high
        right = [f"L {(low + high) / 2:.0f}  W {high - low:.0f}"]
        if view.picture.inverted:
            right.append("inverted")
        inside = QRectF(canvas.rect()).adjusted(9, 6, -9, -6)
        painter.setPen(WHITE)
        flag = Qt.AlignmentFlag
        shadowed(painter, inside, flag.AlignLeft | flag.AlignTop, "\n".join(left))
        if wide:
            shadowed(painter, inside, flag.AlignRight | flag.AlignTop, "\n".join(right))


def outlines(labels: NDArray[np.uint8]) -> dict[int, NDArray[np.float64]]:
    """The borders of each label of a slice (H, W) along the edges of its pixels: lines (n, 4) x0,
    y0, x1, y1 in pixels, as long as they go straight."""
    from scipy import ndimage

    found = {}
    for i, box in enumerate(ndimage.find_objects(labels)):
        if box is None:
            continue
        rows, columns = box
        inside = np.pad(labels[box] == i + 1, 1)
        top, left = rows.start - 1, columns.start - 1
        across = _runs(inside[1:] != inside[:-1])  # of borders between rows
        down = _runs((inside[:, 1:] != inside[:, :-1]).T)
        y, x0, x1 = across.T
        x, y0, y1 = down.T
        found[i + 1] = np.concatenate(
            [
                np.stack([x0 + left, y + top + 1, x1 + left, y + top + 1], 1),
                np.stack([x + left + 1, y0 + top, x + left + 1, y1 + top], 1),
            ]
        ).astype(np.float64)
    return found


def _runs(border: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Runs of true along the rows of a table: (n, 3) row, first, one after the last."""
    steps = np.diff(np.pad(border, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, firsts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return np.stack([rows, firsts, ends], 1)


class SliceMask(MaskLayer):
    """The slice of a labelled volume (D, H, W) that a view shows: coloured, or outlined."""

    def __init__(self, view: SliceView, voxels: NDArray[np.uint8]) -> None:
        self._view, self._voxels = view, voxels
        super().__init__(view.cut(voxels, view.index).copy())  # written to: no view of them
        self.outline = False
        self._borders: list[tuple[int, list[QLineF]]] | None = None
        view.sliced.connect(self.renew)

    def renew(self) -> None:
        """Another slice is shown."""
        self.mask[...] = self._view.cut(self._voxels, self._view.index)
        self._borders = None

    def put_away(self) -> None:
        """The view shows other labels from now on."""
        self._view.sliced.disconnect(self.renew)

    def refresh(self, window: Window) -> None:
        """A box of the volume changed: show so much of it as the slice cuts."""
        box = self._view.box_of(window)
        if box is None:
            return
        left, top, width, height = box
        part = slice(top, top + height), slice(left, left + width)
        self.mask[part] = self._view.cut(self._voxels, self._view.index)[part]
        self._borders = None
        self._view.mask_touched(box)

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self.outline:
            super().paint(canvas, painter)
        elif self.visible and not self.peeking:
            self._paint_borders(canvas, painter)

    def _paint_borders(self, canvas: Canvas, painter: QPainter) -> None:
        if self._borders is None:
            self._borders = [
                (label, [QLineF(*line) for line in lines.tolist()])
                for label, lines in outlines(self.mask).items()
            ]
        colours = {s.label.id: s.label.colour for s in self._labels if s.visible}
        painter.save()
        painter.translate(canvas.target.topLeft())
        painter.scale(*canvas.view.scale)
        for label, lines in self._borders:
            if label in colours:
                pen = QPen(QColor(*colours[label]), 1.6)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.drawLines(lines)
        painter.restore()


class Centres(Layer):
    """Named points of the volume: the nearer to the slice the clearer, unseen from `REACH` on."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self.visible = True
        self._points: dict[int, NDArray[np.float64]] = {}  # z, y, x in voxels, by label
        self._labels: dict[int, LabelState] = {}

    def put(
        self, centres: Mapping[int, tuple[float, float, float]], labels: Iterable[LabelState]
    ) -> None:
        """Centres (x, y, z) in mm by label."""
        self._points = {k: self._view.volume.mm_to_index(at) for k, at in centres.items()}
        self._labels = {state.label.id: state for state in labels}

    def seen(self) -> dict[int, tuple[float, float, float]]:
        """Where the centres are in the plane, in picture pixels, and how clear, 0 to 1."""
        view, plane = self._view, self._view.plane
        found = {}
        for label, index in self._points.items():
            mm = abs(index[plane.normal] - view.index) * view.spacing[plane.normal]
            if label in self._labels and self._labels[label].visible and mm < REACH:
                x, y = index[plane.across] + 0.5, view.row_of(index[plane.down] + 0.5)
                found[label] = float(x), float(y), float(1 - mm / REACH)
        return found

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if not self.visible:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(painter.font())
        font.setBold(True)
        painter.setFont(font)
        for label, (x, y, clear) in self.seen().items():
            state = self._labels[label]
            at = QPointF(*canvas.view.to_widget(x, y))
            colour = QColor(*state.label.colour)
            painter.setOpacity(0.25 + 0.75 * clear)
            painter.setPen(QPen(QColor(0, 0, 0, 210), 1.5))
            painter.setBrush(colour)
            painter.drawEllipse(at, DOT, DOT)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(WHITE)
            name = QRectF(at.x() + DOT + 4, at.y() - 12, 200, 24)
            beside = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            shadowed(painter, name, beside, state.label.name)
        painter.restore()
