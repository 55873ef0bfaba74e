"""Looking without painting: drag pans, right drag changes the window."""

from __future__ import annotations

from PySide6.QtCore import Qt

from xgen_studio.studio.canvas import Canvas, Tool, Touch


class Pan(Tool):
    """Left drag moves the picture."""

    cursor = Qt.CursorShape.OpenHandCursor

    def __init__(self) -> None:
        self._from: Touch | None = None

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self._from = touch

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._from is not None:
            sx, sy = canvas.view.scale
            canvas.pan((touch.x - self._from.x) * sx, (touch.y - self._from.y) * sy)

    def release(self, canvas: Canvas, touch: Touch) -> None:
        self._from = None
