"""Planes of one volume on several canvases, joined by a cursor: where one is clicked, the others
show the slice through that place."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent

from xgen_studio.document import Region
from xgen_studio.document.blocks import Block
from xgen_studio.imaging import Volume
from xgen_studio.studio.canvas.canvas import Canvas
from xgen_studio.studio.canvas.tool import Tool, Touch
from xgen_studio.studio.canvas.viewport import Viewport

PAGE = 10  # slices that Shift + Page Up or Down goes
AT_ONCE = 3  # slices along x that are quicker fetched one by one
MEAN, MAXIMUM = "mean", "max"  # of a slab

Window = tuple[slice, slice, slice]  # z, y, x


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
        self.look_into(shape)

    def look_into(self, shape: tuple[int, int, int]) -> None:
        """The middle of a volume of another shape; `moved` is not told."""
        self.shape = shape
        self.at = (shape[0] // 2, shape[1] // 2, shape[2] // 2)

    def go(self, axis: int, index: int) -> None:
        """Along one axis, as far as the volume goes."""
        self.go_to({axis: index})

    def go_to(self, places: dict[int, int]) -> None:
        """To places by axis, as far as the volume goes."""
        z, y, x = (
            min(max(places.get(axis, now), 0), self.shape[axis] - 1)
            for axis, now in enumerate(self.at)
        )
        if (z, y, x) != self.at:
            self.at = (z, y, x)
            self.moved.emit()


class SliceView(Canvas):
    """One plane of a volume in LPS through a cursor; further layers show slices of their own by
    `slice_of`.

    A drag takes the cursor along; the wheel and Page Up and Down go through the slices, Ctrl +
    wheel zooms, a double click asks for the whole room. The voxels stay as they are: a slice is cut
    out when it is shown.
    """

    sliced = Signal()  # another slice is shown, or the same anew
    windowed = Signal(float, float)  # the user dragged the window: from, to
    enlarged = Signal()  # a double click: show this view alone, or all again

    def __init__(self, volume: Volume, plane: Plane, cursor: Cursor) -> None:
        super().__init__(1, 1, (1.0, 1.0))
        self.plane, self.cursor_at = plane, cursor
        self.slab, self.slab_mm = MEAN, 0.0
        self.setAccessibleName(f"{plane.name.lower()} slice")
        self.use_tool(Go())
        self._turned = 0.0  # of the wheel, not yet a whole slice
        self._lines: tuple[float, float] = (0.0, 0.0)  # widget px, where the cursor was drawn
        self.put(volume)
        cursor.moved.connect(self._follow_cursor)

    def put(self, volume: Volume) -> None:
        """Show another volume, whose shape the cursor has already; zoom begins anew."""
        if volume.axis_codes != "LPS":
            raise ValueError(f"a volume of axes {volume.axis_codes}: call to_lps first")
        self.volume = volume
        self._kept: dict[int, NDArray[Any]] = {}  # slices of the slab that is shown
        across, down = self.plane.across, self.plane.down
        spacing = self.spacing
        self.view = Viewport(
            volume.shape[across], volume.shape[down], (spacing[across], spacing[down])
        )
        self.fit()
        self._slice()

    @property
    def spacing(self) -> tuple[float, float, float]:
        """mm of a voxel along z, y, x."""
        x, y, z = self.volume.spacing
        return z, y, x

    # -- from the volume to the plane and back ---------------------------------------------------

    @property
    def index(self) -> int:
        """Which slice is shown."""
        return self.cursor_at.at[self.plane.normal]

    def slice_of(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """The plane (rows, columns) of an array (D, H, W) at the cursor, as this view shows it."""
        return np.ascontiguousarray(self.cut(voxels, self.index))

    def cut(self, voxels: NDArray[Any], index: int) -> NDArray[Any]:
        """A slice (rows, columns), as a view of the array."""
        where: list[Any] = [slice(None)] * 3
        where[self.plane.normal] = index
        picked: NDArray[Any] = voxels[tuple(where)]
        return picked[::-1] if self.plane.down == 0 else picked

    @property
    def slab_range(self) -> tuple[int, int]:
        """The first slice of the slab, and the one after its last."""
        count = max(1, round(self.slab_mm / self.spacing[self.plane.normal]))
        low = self.index - (count - 1) // 2
        return max(low, 0), min(low + count, self.volume.shape[self.plane.normal])

    def row_of(self, z_or_y: float) -> float:
        """The row of the plane at a place along `plane.down`, and the other way round."""
        return self.volume.shape[0] - z_or_y if self.plane.down == 0 else z_or_y

    def place_of(self, x: float, y: float) -> dict[int, int]:
        """The voxel's places, by axis, under a point in picture pixels."""
        row = self.volume.shape[0] - 1 - math.floor(y) if self.plane.down == 0 else math.floor(y)
        return {self.plane.across: math.floor(x), self.plane.down: row}

    def voxel_at(self, x: float, y: float) -> tuple[float, float, float]:
        """The place (z, y, x), in voxels as `document.blocks` counts, of a point in picture pixels
        of the slice that is shown."""
        at = [0.0, 0.0, 0.0]
        at[self.plane.normal] = self.index + 0.5
        at[self.plane.across] = x
        at[self.plane.down] = self.row_of(y)
        return at[0], at[1], at[2]

    def mm_at(self, x: float, y: float) -> tuple[float, float, float]:
        """The place (x, y, z) in mm of a point in picture pixels."""
        index = np.array(self.voxel_at(x, y)) - 0.5
        found = self.volume.index_to_mm(index)
        return float(found[0]), float(found[1]), float(found[2])

    def block_of(self, region: Region) -> Block:
        """A region of the plane as voxels of the slice that is shown."""
        inside, top = region.inside, region.top
        if self.plane.down == 0:
            inside, top = inside[::-1], self.volume.shape[0] - top - inside.shape[0]
        first = [0, 0, 0]
        first[self.plane.normal] = self.index
        first[self.plane.across], first[self.plane.down] = region.left, top
        return Block((first[0], first[1], first[2]), np.expand_dims(inside, self.plane.normal))

    def box_of(self, window: Window) -> tuple[int, int, int, int] | None:
        """Left, top, width and height in the plane of a box of voxels; None where the slice that is
        shown does not cut it."""
        side = window[self.plane.normal]
        if not side.start <= self.index < side.stop:
            return None
        columns, rows = window[self.plane.across], window[self.plane.down]
        height = rows.stop - rows.start
        top = self.volume.shape[0] - rows.stop if self.plane.down == 0 else rows.start
        return columns.start, top, columns.stop - columns.start, height

    def middle(self) -> tuple[float, float]:
        """The cursor's voxel, its middle, in picture pixels."""
        at = self.cursor_at.at
        return at[self.plane.across] + 0.5, self.row_of(at[self.plane.down] + 0.5)

    # -- what is shown ---------------------------------------------------------------------------

    def set_slab(self, how: str, mm: float) -> None:
        """Show the mean or the maximum over so many mm; 0 is one slice."""
        self.slab, self.slab_mm = how, mm
        self._slice()

    def _slice(self) -> None:
        self._shown = self.index
        low, high = self.slab_range
        voxels = self.volume.voxels
        if high - low == 1:
            self._kept = {}
            pixels = self.slice_of(voxels)
        else:
            thick = self._thick(voxels, low, high)
            pixels = thick.max(0) if self.slab == MAXIMUM else thick.mean(0, dtype=np.float32)
        self.picture.put(pixels)
        self._smooth.start()  # coarse while slices fly by, smooth when they rest
        self.sliced.emit()
        self.update()

    def _thick(self, voxels: NDArray[Any], low: int, high: int) -> NDArray[Any]:
        """Slices (n, rows, columns). Those of the slab before are kept: a step fetches one."""
        new = [i for i in range(low, high) if i not in self._kept]
        if self.plane.normal == 2 and len(new) > AT_ONCE:
            fetched = dict(zip(range(low, high), _along_x(voxels, low, high), strict=True))
        else:
            fetched = {i: np.ascontiguousarray(self.cut(voxels, i)) for i in new}
        self._kept = {i: fetched[i] if i in fetched else self._kept[i] for i in range(low, high)}
        return np.stack(list(self._kept.values()))

    def _follow_cursor(self) -> None:
        if self.index != self._shown:
            self._slice()
            return
        for x, y in (self._lines, self.view.to_widget(*self.middle())):
            self.update(QRect(math.floor(x) - 2, 0, 5, self.height()))
            self.update(QRect(0, math.floor(y) - 2, self.width(), 5))

    def cursor_lines(self) -> tuple[float, float]:
        """Where the cursor's lines are drawn now, in widget px (x, y)."""
        self._lines = self.view.to_widget(*self.middle())
        return self._lines

    def step(self, slices: int) -> None:
        """Go so many slices on."""
        self.cursor_at.go(self.plane.normal, self.index + slices)

    def set_window(self, low: float, high: float) -> None:
        super().set_window(low, high)
        self.windowed.emit(low, high)

    def show_window(self, low: float, high: float) -> None:
        """Show the window that was set elsewhere."""
        if (low, high) != (self.picture.low, self.picture.high):
            super().set_window(low, high)

    # -- gestures --------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        for_the_canvas = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
        if event.modifiers() & for_the_canvas:  # the brush, the zoom
            super().wheelEvent(event)
            return
        self._turned += event.angleDelta().y() / 120
        whole = math.trunc(self._turned)
        self._turned -= whole
        if whole:
            self.step(whole)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_PageUp: 1, Qt.Key.Key_PageDown: -1}.get(Qt.Key(event.key()))
        if steps is None:
            super().keyPressEvent(event)
            return
        far = PAGE if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        self.step(steps * far)


def _along_x(voxels: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Sagittal slices (n, rows, columns). Their voxels lie far apart in memory: they are gathered
    a plane of z at a time, which is five times as fast as all at once."""
    depth, height, _ = voxels.shape
    thick = np.empty((high - low, depth, height), voxels.dtype)
    for z in range(depth):
        thick[:, depth - 1 - z] = voxels[z, :, low:high].T
    return thick


class Go(Tool):
    """Takes the cursor along."""

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self.move(canvas, touch)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        assert isinstance(canvas, SliceView)
        canvas.cursor_at.go_to(canvas.place_of(touch.x, touch.y))

    def double_click(self, canvas: Canvas, touch: Touch) -> bool:
        assert isinstance(canvas, SliceView)
        canvas.enlarged.emit()
        return True
