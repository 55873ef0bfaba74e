"""Editing a region of the picture: only what was outlined is drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPainter

from xgen_studio.document import Picture
from xgen_studio.studio.canvas import Canvas, Layer
from xgen_studio.studio.engine.live import Live, RegionEdit
from xgen_studio.studio.tools import RegionTool
from xgen_studio.studio.tools.region import paint_region


class RegionEditing(Layer):
    """The tool, the region that is set, and, as a layer, its outline on every canvas."""

    def __init__(
        self, live: Live, base: Callable[[], Picture | None], say: Callable[[str], None], noun: str
    ) -> None:
        self.live, self._base, self._say, self._noun = live, base, say, noun
        self.tool = RegionTool(self._choose)

    def _choose(self, region: NDArray[np.bool_] | None) -> None:
        base = self._base()
        if region is None or base is None:
            if region is not None:
                self.tool.outline = []
                self._say(f"There is no finished {self._noun} to edit yet: draw one first.")
            self.live.set_edit(None)
        else:
            self.live.set_edit(RegionEdit(base, region))

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        if self.live.edit is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_region(canvas, painter, self.tool.outline)

    def title(self) -> str:
        """What the picture's bar says."""
        held = self.live.edit is not None
        if held:
            return "Only the region changes (Y keeps, Esc frees)"
        return f"{self._noun.capitalize()} (synthetic)"
