"""The bar of tools at the left: one is in use, and the one before is remembered."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QToolBar

from xgen_studio.studio.actions import Actions
from xgen_studio.studio.canvas import Canvas, Tool
from xgen_studio.studio.drawing.commands import TOOLS, tools_of
from xgen_studio.studio.drawing.setup import Shape
from xgen_studio.studio.tools import Easel, ShapeTool
from xgen_studio.studio.tools.shape import Part


class ToolBar(QToolBar):
    """Hands tools to the canvas."""

    def __init__(self, actions: Actions, easel: Easel, canvas: Canvas) -> None:
        super().__init__("Tools")
        self.setObjectName("tools")
        self.actions_, self.easel, self.canvas = actions, easel, canvas
        self._ids = ["tool.brush", "tool.brush"]  # in use, and before it
        for entry, tool in zip(TOOLS, tools_of(easel), strict=True):
            action = actions.add(entry, partial(self._toggled, entry.id, tool))
            # a tool in use stays in use when its key is pressed again
            action.triggered.connect(partial(action.setChecked, True))
            self.addAction(action)

    def _toggled(self, id: str, tool: Tool, on: bool) -> None:
        if not on:
            return
        for entry in TOOLS:
            self.actions_[entry.id].setChecked(entry.id == id)
        if id != self._ids[0]:
            self._ids = [id, self._ids[0]]
        self.canvas.use_tool(tool)

    def last(self) -> None:
        """The tool that was in use before."""
        self.actions_[self._ids[1]].setChecked(True)

    def settle(self) -> None:
        """Finish what is half done: a stroke, a floating shape, an open polygon."""
        self.canvas.tool.put_down(self.canvas)

    def undo(self) -> None:
        """Take the running stroke or the floating shape back, or undo the last change."""
        if isinstance(self.canvas.tool, ShapeTool):
            self.canvas.tool.drop()
        elif self.easel.in_stroke:
            self.easel.cancel()
        else:
            self.easel.document.history.undo()

    def drop_shape(self, shape: Shape) -> None:
        """Let a shape float over the drawing, to be placed or dropped."""
        self.settle()
        parts = [Part(label, points.copy()) for label, points in shape.parts]
        for entry in TOOLS:
            self.actions_[entry.id].setChecked(False)
        name = shape.title.split(",")[0]
        self.canvas.use_tool(ShapeTool(self.easel, name, parts, self._shape_over))
        self.canvas.setFocus()

    def _shape_over(self) -> None:
        action = self.actions_[self._ids[0]]
        action.setChecked(False)
        action.setChecked(True)
