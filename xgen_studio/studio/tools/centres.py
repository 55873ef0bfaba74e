"""Moving the centres of a volume: one drag is one step; elsewhere the cursor is taken along."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt

from xgen_studio.document import VolumeWork
from xgen_studio.studio.canvas import Canvas, Touch
from xgen_studio.studio.canvas.slice_layers import Centres
from xgen_studio.studio.canvas.slice_view import Go, SliceView
from xgen_studio.studio.tools.measure import NEAR


class CentreTool(Go):
    """Drags a centre within the plane; it keeps its place across the plane."""

    def __init__(self, work: VolumeWork, layer: Centres) -> None:
        self.work, self.layer = work, layer
        self._held: int | None = None
        self._before = dict(work.centres)

    def _under(self, canvas: Canvas, touch: Touch) -> int | None:
        """The label of the nearest centre under the pointer."""
        at = canvas.view.to_widget(*touch.point)
        far = {
            label: math.dist(at, canvas.view.to_widget(x, y))
            for label, (x, y, _) in self.layer.seen().items()
        }
        nearest = min(far, key=far.__getitem__, default=None)
        return nearest if nearest is not None and far[nearest] <= NEAR else None

    def press(self, canvas: Canvas, touch: Touch) -> None:
        self._held, self._before = self._under(canvas, touch), dict(self.work.centres)
        if self._held is None:
            super().press(canvas, touch)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._held is None:
            super().move(canvas, touch)
            return
        assert isinstance(canvas, SliceView)
        index = canvas.volume.mm_to_index(self._before[self._held])
        normal = canvas.plane.normal
        to = [p - 0.5 for p in canvas.voxel_at(*touch.point)]
        to[normal] = float(index[normal])
        x, y, z = canvas.volume.index_to_mm(to).tolist()
        self.work.drag_centre(self._held, (x, y, z))

    def release(self, canvas: Canvas, touch: Touch) -> None:
        self.put_down(canvas)

    def put_down(self, canvas: Canvas) -> None:
        held, self._held = self._held, None
        if held is not None:
            self.work.drop_centres(self._before, f"Move {self.work.state(held).label.name}")

    def hover(self, canvas: Canvas, touch: Touch) -> None:
        over = self._under(canvas, touch) is not None
        canvas.setCursor(Qt.CursorShape.SizeAllCursor if over else self.cursor)
