"""What the pointer does on a canvas: a point of a gesture, and the tool that hears it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QPainter

if TYPE_CHECKING:
    from xgen_studio.studio.canvas.canvas import Canvas


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
