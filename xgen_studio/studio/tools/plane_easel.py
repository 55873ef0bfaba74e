"""Painting on the planes of a volume: brushes in mm, a disc on the slice or a ball in depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from xgen_studio.document import Region, VolumeWork
from xgen_studio.document.blocks import stroke
from xgen_studio.document.editing import Pixels
from xgen_studio.document.regions import Point
from xgen_studio.studio.canvas import Canvas
from xgen_studio.studio.canvas.slice_view import Plane, SliceView
from xgen_studio.studio.tools.easel import Strokes


class PlaneEasel(Strokes):
    """A slice of a volume on it, as one view shows it; the radius is in mm. What is changed on one
    easel of a volume (`easels`) is changed on all."""

    document: VolumeWork
    least, most, step = 0.3, 40.0, 0.25
    contrast = 1000.0  # HU: from fat to dense bone

    def __init__(self, work: VolumeWork, view: SliceView) -> None:
        super().__init__(work, 4.0)
        self.view = view
        self.ball = False  # paint in depth, too
        self.others: list[PlaneEasel] = []

    def use(self, **values: object) -> None:
        super().use(**values)
        for other in self.others:
            super(PlaneEasel, other).use(**values)

    @property
    def shape(self) -> tuple[int, int]:
        return self.view.view.rows, self.view.view.columns

    @property
    def mask(self) -> Pixels:
        return self.view.slice_of(self.document.mask)

    @property
    def grey(self) -> NDArray[Any] | None:
        scan = self.document.scan
        return self.view.slice_of(scan.voxels) if scan else None

    def scale(self, canvas: Canvas) -> tuple[float, float]:
        return canvas.view.mm, canvas.view.mm

    def paint(self, region: Region) -> None:
        """Paint within the stroke, on the slice that is shown."""
        if not region.empty:
            self.document.paint(self.view.block_of(region))

    def segment(self, start: Point, end: Point, radii: tuple[float, float]) -> None:
        work, flat = self.document, None if self.ball else self.view.plane.normal
        ends = self.view.voxel_at(*start), self.view.voxel_at(*end)
        self.document.paint(stroke(*ends, radii, work.spacing, work.shape, flat))


def easels(work: VolumeWork, views: Mapping[Plane, SliceView]) -> dict[Plane, PlaneEasel]:
    """An easel for each view of a volume: one brush, one label, one set of rules for all."""
    made = {plane: PlaneEasel(work, view) for plane, view in views.items()}
    for easel in made.values():
        easel.others = [other for other in made.values() if other is not easel]
    return made
