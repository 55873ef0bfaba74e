"""The loss of a training, step by step, and the figures of its validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QPalette

SMOOTH = 0.97  # of the drawn mean, a logged step
COLOURS = ("#4c9be8", "#e0b050", "#3fae6a", "#d2564c", "#a07ad0")
NOT_FIGURES = {"step", "rate", "seconds", "steps_per_second"}


class LossCurve(pg.PlotWidget):
    """Every figure of the events that is no setting, faint as it is, bright as it is on average."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(180)
        self.setAccessibleName("loss by step")
        self.getPlotItem().addLegend(offset=(-10, 10))
        self.setMouseEnabled(x=True, y=True)
        self.setLabel("bottom", "step")
        self.getPlotItem().layout.setContentsMargins(4, 12, 12, 4)
        self.redress()

    def redress(self) -> None:
        """The colours of the theme."""
        self.setBackground(self.palette().color(QPalette.ColorRole.Base))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(self.palette().color(QPalette.ColorRole.Mid))
            axis.setTextPen(self.palette().color(QPalette.ColorRole.PlaceholderText))

    def put(self, events: Sequence[dict[str, Any]]) -> None:
        """Show a training's events."""
        self.clear()
        names = sorted({k for e in events for k in e} - NOT_FIGURES, key=lambda n: (n != "loss", n))
        for name, colour in zip(names, COLOURS, strict=False):
            known = [(e["step"], e[name]) for e in events if name in e and "step" in e]
            steps, values = np.array(known, float).T
            pen = pg.mkPen(colour, width=2)
            if name.startswith("validation"):
                self.plot(steps, values, pen=pen, symbol="o", symbolSize=5, name=name)
                continue
            faint = pg.mkColor(colour)
            faint.setAlpha(130)
            self.plot(steps, values, pen=pg.mkPen(faint))
            self.plot(steps, averaged(values), pen=pen, name=name)


def averaged(values: np.ndarray) -> np.ndarray:
    """The exponential mean of values (N,) so far, begun without a bias (Kingma 2015)."""
    mean, made = 0.0, np.empty(len(values))
    for i, value in enumerate(values):
        mean = SMOOTH * mean + (1 - SMOOTH) * value
        made[i] = mean / (1 - SMOOTH ** (i + 1))
    return made
