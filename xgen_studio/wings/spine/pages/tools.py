"""The tools of the planes: look and choose, move centres, brush, eraser; one brush for all."""

from __future__ import annotations

from collections.abc import Callable

from xgen_studio.studio.canvas import Canvas, Tool, Touch
from xgen_studio.studio.canvas.planes import Planes
from xgen_studio.studio.canvas.slice_view import Go, Plane, SliceView
from xgen_studio.studio.tools import Brush, CentreTool, easels
from xgen_studio.studio.tools.plane_easel import PlaneEasel
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

Voxel = tuple[int, int, int]


class Look(Go):
    """Takes the cursor along, and tells where it came to rest."""

    def __init__(self, rests: Callable[[Voxel], None]) -> None:
        self._rests = rests

    def release(self, canvas: Canvas, touch: Touch) -> None:
        assert isinstance(canvas, SliceView)
        self._rests(canvas.cursor_at.at)


class Toolbox:
    """Hands tools to the planes; `rests` hears the voxel at which a look ends."""

    def __init__(self, planes: Planes, rests: Callable[[Voxel], None]) -> None:
        self.planes, self._rests = planes, rests
        self.easels: dict[Plane, PlaneEasel] = {}
        self.in_use = "tool.look"
        self.work: SpineWork | None = None
        self.normal = Plane.AXIAL.normal  # of the plane that was painted on last

    def lay(self, work: SpineWork) -> PlaneEasel:
        """Other brushes for another work, as the ones before were; returns one of them."""
        old = self.easels.get(Plane.AXIAL)
        self.work = work
        self.easels = easels(work, self.planes.views)
        first = self.easels[Plane.AXIAL]
        if old is not None:
            first.use(radius=old.radius, label=old.label, ball=old.ball, limits=old.limits)
        for plane, easel in self.easels.items():
            easel.stroke_ended.connect(lambda _changed, p=plane: self._painted(p))
        self.take(self.in_use)
        return first

    def _painted(self, plane: Plane) -> None:
        self.normal = plane.normal

    def take(self, id: str) -> None:
        """Use a tool, by the id of its action."""
        self.in_use = id
        if self.work is None:
            return
        tools: dict[Plane, Tool] = {}
        for plane, easel in self.easels.items():
            if id == "tool.brush":
                tools[plane] = Brush(easel)
            elif id == "tool.eraser":
                tools[plane] = Brush(easel, erases=True)
            elif id == "tool.centres":
                tools[plane] = CentreTool(self.work, self.planes.centres_of(plane))
            else:
                tools[plane] = Look(self._rests)
        self.planes.use_tools(tools)

    @property
    def looks(self) -> bool:
        """Whether the pointer paints and moves nothing."""
        return self.in_use == "tool.look"

    def use(self, **values: object) -> None:
        """Change the brush."""
        if easel := self.easels.get(Plane.AXIAL):
            easel.use(**values)

    def resize(self, steps: int) -> None:
        """A larger or smaller brush."""
        if easel := self.easels.get(Plane.AXIAL):
            easel.resize(steps)

    def cancel_stroke(self) -> bool:
        """Take back what is being painted; False where nothing is."""
        for easel in self.easels.values():
            if easel.in_stroke:
                easel.cancel()
                return True
        return False
