"""The canvas widget: shows layers, paints only what changed, hands gestures on."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from xgen_studio.studio.canvas.gestures import Gestures
from xgen_studio.studio.canvas.layers import Layer, PictureLayer
from xgen_studio.studio.canvas.scale_bar import SCALE_BAR_HIGH, paint_scale_bar
from xgen_studio.studio.canvas.tool import Tool
from xgen_studio.studio.canvas.viewport import Viewport

L = TypeVar("L", bound=Layer)
ZOOM_STEP = 1.2
SMOOTH_AFTER = 100  # ms of rest before a moved picture is drawn smoothly


class Canvas(QWidget):
    """Shows `layers` of one grid, the first lowest: `picture`, and what is put over it.

    Wheel zooms at the pointer, middle drag or Space + drag pans; with Shift + right drag the
    window changes (left-right: contrast, up-down: brightness); all else goes to `tool`.
    """

    probed = Signal(object)  # Touch under the pointer, or None
    viewport_changed = Signal(object)
    brush_resized = Signal(int)  # steps up or down, by Shift + wheel
    peeked = Signal(bool)  # H is held down: what lies under the mask?

    def __init__(self, columns: int, rows: int, spacing: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.spacing_known = spacing is not None
        self.view = Viewport(columns, rows, spacing or (1.0, 1.0))
        self.picture = PictureLayer()
        self.layers: list[Layer] = [self.picture]
        self.tool = Tool()
        self.hint = ""
        self._fitted = True
        self._gestures = Gestures(self)
        self._smooth = QTimer(self, singleShot=True, interval=SMOOTH_AFTER)
        self._smooth.timeout.connect(self.update)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)

    # -- what is shown ---------------------------------------------------------------------------

    def use_tool(self, tool: Tool) -> None:
        """Take another tool."""
        if tool is not self.tool:
            self.tool.leave(self)
            self.tool.put_down(self)
            self._gestures.drop_tool()
        self.tool = tool
        self.setCursor(tool.cursor)
        self.update()

    def layer(self, kind: type[L]) -> L | None:
        """The topmost layer of a kind, None where there is none."""
        return next((layer for layer in reversed(self.layers) if isinstance(layer, kind)), None)

    def handle_at(self, x: float) -> Layer | None:
        """The topmost layer with a handle within reach of a widget x."""
        return next((y for y in reversed(self.layers) if y.grips(x, self.target)), None)

    @property
    def resting(self) -> bool:
        """Whether nothing moved for a while: time to draw smoothly."""
        return not self._smooth.isActive()

    @property
    def target(self) -> QRectF:
        """Where the whole picture lies, in widget pixels."""
        return QRectF(self.view.left, self.view.top, *self.view.size)

    def mask_touched(self, box: tuple[int, int, int, int]) -> None:
        """Repaint a box (left, top, width, height) of the mask, and no more."""
        left, top, width, height = box
        x0, y0 = self.view.to_widget(left - 1, top - 1)
        x1, y1 = self.view.to_widget(left + width + 1, top + height + 1)
        self.update(
            QRect(math.floor(x0), math.floor(y0), math.ceil(x1 - x0) + 2, math.ceil(y1 - y0) + 2)
        )

    def fit(self) -> None:
        """Show everything; stays fitted while the widget is resized, until the user zooms."""
        self._fitted = True
        self.view.fit(self.width(), self.height())
        self._moved()

    def zoom_to(self, zoom: float) -> None:
        """Widget pixels for a picture pixel, about the middle."""
        self._fitted = False
        self.view.zoom_at(self.width() / 2, self.height() / 2, zoom / self.view.zoom)
        self._moved()

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by widget pixels."""
        self._fitted = False
        self.view.pan(dx, dy)
        self._moved()

    def follow(self, view: Viewport) -> None:
        """Show the same part as another canvas of this size."""
        if (view.zoom, view.left, view.top) != (self.view.zoom, self.view.left, self.view.top):
            self.view.zoom, self.view.left, self.view.top = view.zoom, view.left, view.top
            self._fitted = False
            self._smooth.start()
            self.update()

    def _moved(self) -> None:
        self.view.keep_visible(self.width(), self.height())
        self._smooth.start()
        self.update()
        self.viewport_changed.emit(self.view)

    # -- painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        dirty = event.rect()
        painter.setClipRect(dirty)
        painter.fillRect(dirty, self.palette().color(QPalette.ColorRole.Dark))
        painter.fillRect(self.target, QColor(0, 0, 0))
        for layer in self.layers:
            layer.paint(self, painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.tool.paint(self, painter)
        if dirty.bottom() > self.height() - SCALE_BAR_HIGH:
            paint_scale_bar(painter, self, self.view, self.spacing_known)
        if self.hint:
            painter.setPen(QColor(255, 255, 255, 190))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.hint)

    def note(self, painter: QPainter, text: str) -> None:
        """A line of help at the foot of the canvas."""
        above_the_scale_bar = QPointF(self.width() / 2, self.height() - 36.0)
        self.tag(painter, above_the_scale_bar, text, centred=True)

    def tag(self, painter: QPainter, at: QPointF, text: str, centred: bool = False) -> None:
        """Words on a dark plate near a point of the widget, kept inside it."""
        if not text:
            return
        wrap = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignCenter)
        room = QRect(0, 0, max(80, self.width() - 30), 200)
        box = QRectF(painter.fontMetrics().boundingRect(room, wrap, text)).adjusted(-7, -4, 7, 4)
        left = at.x() - box.width() / 2 if centred else at.x() + 10
        top = at.y() - box.height() - (0 if centred else 6)
        left = min(max(left, 4.0), max(4.0, self.width() - box.width() - 4))
        box.moveTo(left, min(max(top, 4.0), self.height() - box.height() - 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 18, 22, 215))
        painter.drawRoundedRect(box, 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QColor(255, 255, 255, 235))
        painter.drawText(box.adjusted(7, 4, -7, -4), wrap, text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._fitted:
            self.fit()
        else:
            self._moved()

    # -- gestures --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._gestures.begin(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._gestures.go_on(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._gestures.finish(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._gestures.double_click(event)

    def tabletEvent(self, event: QTabletEvent) -> None:
        self._gestures.pen(event)
        event.accept()

    def set_window(self, low: float, high: float) -> None:
        """Show grey values from `low` (black) to `high` (white)."""
        for layer in self.layers:
            layer.window(low, high)
        self.update()

    def auto_window(self, in_sight: bool = False) -> None:
        """Contrast from the 1st to the 99th percentile of the picture, or of what is in sight."""
        part = self.picture.pixels
        if part is not None and in_sight:
            corners = self.view.to_picture(0, 0), self.view.to_picture(self.width(), self.height())
            (left, top), (right, bottom) = np.maximum(corners, 0).astype(int)
            part = part[top : bottom + 1, left : right + 1]
        if part is not None and part.size:
            low, high = np.percentile(part, (1, 99))
            self.set_window(float(low), float(max(high, low + 1e-3)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = (event.angleDelta().y() or event.angleDelta().x()) / 120  # Shift swaps the axes
        if not turn:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.brush_resized.emit(1 if turn > 0 else -1)
        else:
            self._fitted = False
            at = event.position()
            self.view.zoom_at(at.x(), at.y(), ZOOM_STEP**turn)
            self._moved()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._gestures.hold_space(True)
        elif event.key() == Qt.Key.Key_H and not event.modifiers():
            if not event.isAutoRepeat():
                self.peeked.emit(True)
        elif not self.tool.key(self, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._gestures.hold_space(False)
        elif event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.peeked.emit(False)
        else:
            super().keyReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if not self._gestures.active:
            self.tool.leave(self)
        self.probed.emit(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._gestures.forget_space()
        self.peeked.emit(False)
        super().focusOutEvent(event)
