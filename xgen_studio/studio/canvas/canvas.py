"""The canvas widget: paints only what changed, and gives gestures to the tool in use."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

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

from xgen_studio.studio.canvas.compare import Comparison
from xgen_studio.studio.canvas.layers import HeatLayer, LandmarkLayer, MaskLayer, PictureLayer
from xgen_studio.studio.canvas.scale_bar import SCALE_BAR_HIGH, paint_scale_bar
from xgen_studio.studio.canvas.viewport import Viewport

ZOOM_STEP = 1.2
SMOOTH_AFTER = 100  # ms of rest before a moved picture is drawn smoothly


@dataclass(frozen=True)
class Touch:
    """One point of a gesture, in picture pixels."""

    x: float
    y: float
    buttons: Qt.MouseButton
    modifiers: Qt.KeyboardModifier
    pressure: float = 1.0  # of a pen, 0 to 1; a mouse presses fully

    @property
    def point(self) -> tuple[float, float]:
        """(x, y)."""
        return self.x, self.y


class Tool:
    """What the pointer does. A tool hears a gesture and may draw over the canvas."""

    cursor = Qt.CursorShape.CrossCursor

    def press(self, canvas: Canvas, touch: Touch) -> None:
        """A button went down."""

    def move(self, canvas: Canvas, touch: Touch) -> None:
        """The pointer moved with a button down."""

    def release(self, canvas: Canvas, touch: Touch) -> None:
        """The button went up."""

    def hover(self, canvas: Canvas, touch: Touch) -> None:
        """The pointer moved with no button down."""

    def double_click(self, canvas: Canvas, touch: Touch) -> bool:
        """A second click right after the first; False where it is a press like any other."""
        return False

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        """A key went down; True when the tool used it."""
        return False

    def leave(self, canvas: Canvas) -> None:
        """The pointer left the canvas, or another tool was taken."""

    def put_down(self, canvas: Canvas) -> None:
        """Another tool was taken, or the document is saved: finish what is half done."""

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        """Draw over the picture, in widget coordinates."""


class Canvas(QWidget):
    """Shows a picture and a mask of one grid.

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
        self.mask_layer: MaskLayer | None = None
        self.tool = Tool()
        self.heat_layer: HeatLayer | None = None
        self.landmark_layer: LandmarkLayer | None = None
        self.comparison: Comparison | None = None
        self.overlay: Callable[[Canvas, QPainter], None] = lambda canvas, painter: None
        self.hint = ""
        self._fitted = True
        self._space = False
        self._gesture = ""  # '', 'tool', 'pan', 'slide' or 'window'
        self._begun_by = Qt.MouseButton.NoButton  # the button that holds it
        self._pen = False  # ... of a pen, not the mouse
        self._last = QPointF()
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
            if self._gesture == "tool":
                self._gesture = ""
        self.tool = tool
        self.setCursor(tool.cursor)
        self.update()

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
        view = self.view
        # The whole picture is drawn under a clip: Qt visits only the clipped pixels, and samples
        # them as in a full repaint, which pieces drawn by themselves would not be.
        target = self.target
        painter.fillRect(target, QColor(0, 0, 0))
        smooth = not self._smooth.isActive()
        self.picture.paint(painter, target, smooth)
        if self.comparison is not None:
            self.comparison.paint(painter, target, smooth)
        if self.mask_layer is not None:
            self.mask_layer.paint(painter, target)
        if self.heat_layer is not None:
            self.heat_layer.paint(painter, target)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.landmark_layer is not None:
            self.landmark_layer.paint(painter, view.to_widget)
        self.overlay(self, painter)
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

    def _touch(self, event: QMouseEvent | QTabletEvent, pressure: float = 1.0) -> Touch:
        x, y = self.view.to_picture(event.position().x(), event.position().y())
        return Touch(x, y, event.buttons() | event.button(), event.modifiers(), pressure)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._begin(event, 1.0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go_on(event, 1.0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._finish(event, 1.0)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton and not self._space
        if not (left and self.tool.double_click(self, self._touch(event))):
            self._begin(event, 1.0)

    def tabletEvent(self, event: QTabletEvent) -> None:
        kind = event.type()
        if kind == QEvent.Type.TabletPress:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._begin(event, event.pressure())
        elif kind == QEvent.Type.TabletMove:
            self._go_on(event, event.pressure())
        elif kind == QEvent.Type.TabletRelease:
            self._finish(event, event.pressure())
        event.accept()

    def _begin(self, event: QMouseEvent | QTabletEvent, pressure: float) -> None:
        if self._gesture and self._holds(event):
            return  # a second button during a gesture
        self._end(event, pressure)  # one whose end was never heard
        self._last = event.position()
        self._begun_by, self._pen = event.button(), isinstance(event, QTabletEvent)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.MiddleButton or self._space:
            self._gesture = "pan"
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.RightButton and shift:
            self._gesture = "window"
        elif self.comparison is not None and self.comparison.grips(self._last.x(), self.target):
            self._gesture = "slide"
        else:
            self._gesture = "tool"
            self.tool.press(self, self._touch(event, pressure))

    def _holds(self, event: QMouseEvent | QTabletEvent) -> bool:
        """Whether the button is still down that began the gesture."""
        return bool((event.buttons() & ~event.button()) & self._begun_by)

    def _go_on(self, event: QMouseEvent | QTabletEvent, pressure: float) -> None:
        if self._gesture and self._pen != isinstance(event, QTabletEvent):
            return  # the mouse while a pen draws, or a pen while the mouse does
        if self._gesture and not event.buttons() & self._begun_by:
            self._end(event, pressure)  # its end was never heard
        touch = self._touch(event, pressure)
        step = event.position() - self._last
        self._last = event.position()
        if self._gesture == "pan":
            self.pan(step.x(), step.y())
        elif self._gesture == "window":
            self._drag_window(step.x(), step.y())
        elif self._gesture == "slide" and self.comparison is not None:
            at = (self._last.x() - self.target.left()) / self.target.width()
            self.comparison.at = min(max(at, 0.0), 1.0)
            self.update()
        elif self._gesture == "tool":
            self.tool.move(self, touch)
        else:
            self.tool.hover(self, touch)
        self.probed.emit(touch)

    def _finish(self, event: QMouseEvent | QTabletEvent, pressure: float) -> None:
        same = self._pen == isinstance(event, QTabletEvent)
        if same and event.button() == self._begun_by:
            self._end(event, pressure)

    def _end(self, event: QMouseEvent | QTabletEvent, pressure: float) -> None:
        if self._gesture == "tool":
            self.tool.release(self, self._touch(event, pressure))
        self._gesture = ""
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._space else self.tool.cursor)

    def _drag_window(self, dx: float, dy: float) -> None:
        """Left-right changes the width, up-down the level; the whole widget is one range."""
        width = self.picture.high - self.picture.low
        level = (self.picture.high + self.picture.low) / 2
        width = max(width * math.exp(dx / max(self.width(), 1) * 3), 1e-3)
        level -= dy / max(self.height(), 1) * width
        self.set_window(level - width / 2, level + width / 2)

    def set_window(self, low: float, high: float) -> None:
        """Show grey values from `low` (black) to `high` (white)."""
        self.picture.window(low, high)
        if self.comparison is not None:
            self.comparison.window(low, high)
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
                self._space = True
                self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif event.key() == Qt.Key.Key_H and not event.modifiers():
            if not event.isAutoRepeat():
                self.peeked.emit(True)
        elif not self.tool.key(self, event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            if self._gesture != "pan":
                self.setCursor(self.tool.cursor)
        elif event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.peeked.emit(False)
        else:
            super().keyReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if not self._gesture:
            self.tool.leave(self)
        self.probed.emit(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        self.peeked.emit(False)
        super().focusOutEvent(event)
