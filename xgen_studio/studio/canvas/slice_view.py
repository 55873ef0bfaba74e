"""Planes of one volume on several canvases, joined by a cursor: where one is clicked, the others
show the slice through that place."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from xgen_studio.imaging import Volume
from xgen_studio.studio.canvas.canvas import Canvas
from xgen_studio.studio.canvas.layers import Layer
from xgen_studio.studio.canvas.tool import Tool, Touch

PAGE = 10  # slices that Shift + Page Up or Down goes


class Plane(Enum):
    """A plane of a volume whose axes z, y, x grow towards superior, posterior, left (`to_lps`).

    normal   the axis that is looked along
    across   the axis that grows to the right, as radiologists look: the patient's left is right
    down     the axis that grows downwards; z is shown upside down, the head above
    edges    what lies left, right, above, below
    """

    AXIAL = (0, 2, 1, "RLAP")
    CORONAL = (1, 2, 0, "RLSI")
    SAGITTAL = (2, 1, 0, "APSI")

    def __init__(self, normal: int, across: int, down: int, edges: str) -> None:
        self.normal, self.across, self.down, self.edges = normal, across, down, edges


class Cursor(QObject):
    """A voxel (z, y, x) that several views look at."""

    moved = Signal()

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape
        self.at = tuple(n // 2 for n in shape)

    def go(self, axis: int, index: int) -> None:
        """Along one axis, as far as the volume goes."""
        self.go_to({axis: index})

    def go_to(self, places: dict[int, int]) -> None:
        """To places by axis, as far as the volume goes."""
        now = list(self.at)
        for axis, index in places.items():
            now[axis] = min(max(index, 0), self.shape[axis] - 1)
        if tuple(now) != self.at:
            self.at = tuple(now)
            self.moved.emit()


class SliceView(Canvas):
    """One plane of a volume in LPS through a cursor; further layers show slices of their own by
    `slice_of`. A drag takes the cursor along, Page Up and Down go through the slices."""

    def __init__(self, volume: Volume, plane: Plane, cursor: Cursor) -> None:
        if volume.axis_codes != "LPS":
            raise ValueError(f"a volume of axes {volume.axis_codes}: call to_lps first")
        spacing = volume.spacing[::-1]  # z, y, x
        super().__init__(
            volume.shape[plane.across],
            volume.shape[plane.down],
            (spacing[plane.across], spacing[plane.down]),
        )
        self.volume, self.plane, self.cursor_at = volume, plane, cursor
        self.setAccessibleName(f"{plane.name.lower()} slice")
        self.layers.append(_Lines(self))
        self.use_tool(_Go())
        cursor.moved.connect(self._show)
        self._shown = -1
        self._show()

    def slice_of(self, voxels: NDArray[np.generic]) -> NDArray[np.generic]:
        """The plane (rows, columns) of an array (D, H, W) at the cursor, as this view shows it."""
        picked = np.take(voxels, self.cursor_at.at[self.plane.normal], self.plane.normal)
        return np.ascontiguousarray(picked[::-1] if self.plane.down == 0 else picked)

    def _show(self) -> None:
        index = self.cursor_at.at[self.plane.normal]
        if index != self._shown:
            self._shown = index
            self.picture.put(self.slice_of(self.volume.voxels).astype(np.float32))
        self.update()

    def place_of(self, x: float, y: float) -> dict[int, int]:
        """The voxel's places, by axis, under a point in picture pixels."""
        row = self.volume.shape[0] - 1 - int(np.floor(y)) if self.plane.down == 0 else int(y // 1)
        return {self.plane.across: int(np.floor(x)), self.plane.down: row}

    def middle(self) -> tuple[float, float]:
        """The cursor's voxel, its middle, in picture pixels."""
        at = self.cursor_at.at
        row = at[self.plane.down]
        row = self.volume.shape[0] - 1 - row if self.plane.down == 0 else row
        return at[self.plane.across] + 0.5, row + 0.5


class _Lines(Layer):
    """The other planes, and what lies where: letters as on every viewer."""

    def __init__(self, view: SliceView) -> None:
        self._view = view

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        x, y = canvas.view.to_widget(*self._view.middle())
        target = canvas.target
        painter.setPen(QPen(QColor(120, 220, 255, 130), 1.0))
        painter.drawLine(QPointF(x, target.top()), QPointF(x, target.bottom()))
        painter.drawLine(QPointF(target.left(), y), QPointF(target.right(), y))
        painter.setPen(QColor(255, 214, 92))
        inside = canvas.rect().adjusted(8, 6, -8, -6)
        sides = (
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter,
            Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter,
        )
        for letter, side in zip(self._view.plane.edges, sides, strict=True):
            painter.drawText(inside, int(side), letter)


class _Go(Tool):
    """Takes the cursor along."""

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self.move(canvas, touch)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        assert isinstance(canvas, SliceView)
        canvas.cursor_at.go_to(canvas.place_of(touch.x, touch.y))

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        assert isinstance(canvas, SliceView)
        steps = {Qt.Key.Key_PageUp: 1, Qt.Key.Key_PageDown: -1}.get(Qt.Key(event.key()))
        if steps is None:
            return False
        far = PAGE if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        axis = canvas.plane.normal
        canvas.cursor_at.go(axis, canvas.cursor_at.at[axis] + steps * far)
        return True


def three_planes(volume: Volume) -> Sequence[SliceView]:
    """Axial, coronal and sagittal views of a volume, joined."""
    whole = volume.to_lps()
    cursor = Cursor(whole.shape)
    views = [SliceView(whole, plane, cursor) for plane in Plane]
    cursor.setParent(views[0])
    return views
