"""From mouse and pen events to one gesture at a time: it belongs to the tool, to a layer with a
handle, or to the canvas, which pans and changes its window."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QTabletEvent

from xgen_studio.studio.canvas.layers import Layer
from xgen_studio.studio.canvas.tool import Touch

if TYPE_CHECKING:
    from xgen_studio.studio.canvas.canvas import Canvas

ECHO = 0.3  # s: drivers tell a pen's press again, as the mouse's
NONE, TOOL, PAN, HANDLE, WINDOW = "", "tool", "pan", "handle", "window"


class Gestures:
    """The gesture that is under way, from the button that began it until that button is up."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._kind = NONE
        self._space = False
        self._begun_by = Qt.MouseButton.NoButton
        self._pen = False  # held by a pen, not the mouse
        self._heard = -math.inf  # when the pen was last down, s
        self._last = QPointF()
        self._touch: Touch | None = None  # the gesture's last point
        self._handle: Layer | None = None

    @property
    def active(self) -> bool:
        """Whether a button holds one."""
        return self._kind != NONE

    def drop_tool(self) -> None:
        """Another tool was taken: the old one hears no more of its gesture."""
        if self._kind == TOOL:
            self._kind = NONE

    def hold_space(self, held: bool) -> None:
        """While Space is down, every drag pans."""
        self._space = held
        if self._kind != PAN:
            self._show_cursor()

    def forget_space(self) -> None:
        """Its release will not be heard: the focus went elsewhere."""
        self._space = False

    def _show_cursor(self) -> None:
        tool = self._canvas.tool
        self._canvas.setCursor(Qt.CursorShape.OpenHandCursor if self._space else tool.cursor)

    def touch(self, event: QMouseEvent | QTabletEvent, pressure: float = 1.0) -> Touch:
        """The event's point, in picture pixels."""
        x, y = self._canvas.view.to_picture(event.position().x(), event.position().y())
        return Touch(x, y, event.buttons() | event.button(), event.modifiers(), pressure)

    def double_click(self, event: QMouseEvent) -> None:
        """A tool may take it; else it is a press like any other."""
        left = event.button() == Qt.MouseButton.LeftButton and not self._space
        if not (left and self._canvas.tool.double_click(self._canvas, self.touch(event))):
            self.begin(event)

    def pen(self, event: QTabletEvent) -> None:
        """What a pen does, with its pressure."""
        kind = event.type()
        if event.buttons() | event.button():
            self._heard = time.monotonic()
        if kind == QEvent.Type.TabletPress:
            self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
            self.begin(event, event.pressure())
        elif kind == QEvent.Type.TabletMove:
            self.go_on(event, event.pressure())
        elif kind == QEvent.Type.TabletRelease:
            self.finish(event, event.pressure())

    def begin(self, event: QMouseEvent | QTabletEvent, pressure: float = 1.0) -> None:
        """A button went down."""
        canvas = self._canvas
        if self._kind and self._holds(event):
            return  # a second button during a gesture
        if isinstance(event, QMouseEvent) and time.monotonic() - self._heard < ECHO:
            return  # what the pen did, told once more
        self._end()  # one whose end was never heard
        self._last, self._touch = event.position(), self.touch(event, pressure)
        self._begun_by, self._pen = event.button(), isinstance(event, QTabletEvent)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._handle = canvas.handle_at(self._last.x())
        if event.button() == Qt.MouseButton.MiddleButton or self._space:
            self._kind = PAN
            canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.RightButton and shift:
            self._kind = WINDOW
        elif self._handle is not None:
            self._kind = HANDLE
        else:
            self._kind = TOOL
            canvas.tool.press(canvas, self._touch)

    def _holds(self, event: QMouseEvent | QTabletEvent) -> bool:
        """Whether the button is still down that began the gesture."""
        return bool((event.buttons() & ~event.button()) & self._begun_by)

    def go_on(self, event: QMouseEvent | QTabletEvent, pressure: float = 1.0) -> None:
        """The pointer moved, with or without a button."""
        canvas = self._canvas
        if self._kind and self._pen != isinstance(event, QTabletEvent):
            return  # the mouse while a pen draws, or a pen while the mouse does
        if self._kind and not event.buttons() & self._begun_by:
            self._end()  # its end was never heard, and where it is now is no part of it
        touch = self.touch(event, pressure)
        step = event.position() - self._last
        self._last = event.position()
        if self._kind == PAN:
            canvas.pan(step.x(), step.y())
        elif self._kind == WINDOW:
            self._drag_window(step.x(), step.y())
        elif self._kind == HANDLE and self._handle is not None:
            self._handle.drag(self._last.x(), canvas.target)
            canvas.update()
        elif self._kind == TOOL:
            self._touch = touch
            canvas.tool.move(canvas, touch)
        else:
            canvas.tool.hover(canvas, touch)
        canvas.probed.emit(touch)

    def finish(self, event: QMouseEvent | QTabletEvent, pressure: float = 1.0) -> None:
        """A button went up."""
        same = self._pen == isinstance(event, QTabletEvent)
        if same and event.button() == self._begun_by:
            self._touch = self.touch(event, pressure)
            self._end()

    def _end(self) -> None:
        if self._kind == TOOL and self._touch is not None:
            self._canvas.tool.release(self._canvas, self._touch)
        self._kind, self._handle, self._touch = NONE, None, None
        self._show_cursor()

    def _drag_window(self, dx: float, dy: float) -> None:
        """Left-right changes the width, up-down the level; the whole widget is one range."""
        canvas = self._canvas
        low, high = canvas.picture.low, canvas.picture.high
        width = max((high - low) * math.exp(dx / max(canvas.width(), 1) * 3), 1e-3)
        level = (high + low) / 2 - dy / max(canvas.height(), 1) * width
        canvas.set_window(level - width / 2, level + width / 2)
