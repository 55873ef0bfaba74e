"""Height loss over one vertebra: the axial map, and the curve from front to back."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QVBoxLayout, QWidget

from xgen_studio.wings.spine.science.findings import THIRDS, HeightMap
from xgen_studio.wings.spine.tasks.report_drawings import (
    FULL_SCALE,
    LOSS_BAND,
    LOSS_LINE,
    THRESHOLDS,
    curve_of,
    loss_colours,
)

HIGHEST = 60.0  # % at the top of the curve, where nothing lost more


class _Plot(pg.PlotWidget):
    """A plot without menus that is clicked, not dragged."""

    picked = Signal(float, float)  # in the plot's units

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(2, 4, 8, 2)
        self.scene().sigMouseClicked.connect(self._clicked)
        self.redress()

    def redress(self) -> None:
        """The colours of the theme."""
        self.setBackground(self.palette().color(QPalette.ColorRole.Base))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(self.palette().color(QPalette.ColorRole.Mid))
            axis.setTextPen(self.palette().color(QPalette.ColorRole.Text))

    def _clicked(self, event: object) -> None:
        self.pick_at(event.scenePos())  # type: ignore[attr-defined]

    def pick_at(self, scene: QPointF) -> None:
        """Somebody clicked at a point of the scene."""
        box = self.getPlotItem().vb
        if box.sceneBoundingRect().contains(scene):
            at = box.mapSceneToView(scene)
            self.picked.emit(at.x(), at.y())

    def text_colour(self) -> str:
        """Of words within the plot."""
        return str(self.palette().color(QPalette.ColorRole.PlaceholderText).name())


class LossPlots(QWidget):
    """Map above, curve below; a click picks a column."""

    picked = Signal(int, int)  # row from the front, column from the right

    def __init__(self) -> None:
        super().__init__()
        self.columns: HeightMap | None = None
        self.column = (0, 0)
        self.map = _Plot("axial map of height loss")
        self.curve = _Plot("height loss from front to back")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.map, 5)
        column.addWidget(self.curve, 5)
        self.map.setAspectLocked(True)
        self.map.invertY(True)
        self.map.setLabel("bottom", "patient's right to left, mm")
        self.map.setLabel("left", "front to back, mm")
        self.curve.setLabel("bottom", "front to back, mm")
        self.curve.setLabel("left", "height loss, %")
        self.map.setToolTip("Axial height-loss map, front above: click a column to see it")
        self.curve.setToolTip(
            "Height loss along the vertebra, mean from right to left, with its 90 % interval;"
            " dashed: the thirds. Click to see a column"
        )
        self.map.picked.connect(self._map_picked)
        self.curve.picked.connect(self._curve_picked)

    def redress(self) -> None:
        """Follow another theme."""
        for plot in (self.map, self.curve):
            plot.redress()
        self.put(self.columns)

    def put(self, columns: HeightMap | None) -> None:
        """Show the columns of a vertebra, or nothing."""
        if columns is not None and (self.columns is None or columns is not self.columns):
            rows, across = columns.real.shape
            row, col = self.column
            self.column = (row, col) if self.columns is not None else (rows // 2, across // 2)
        self.columns = columns
        self.map.clear()
        self.curve.clear()
        if columns is not None:
            self._draw_map(columns)
            self._draw_curve(columns)

    # -- drawing ---------------------------------------------------------------------------------

    def _draw_map(self, columns: HeightMap) -> None:
        rows, across = columns.real.shape
        with np.errstate(divide="ignore", invalid="ignore"):
            picture = loss_colours(columns.loss)
        self._image = pg.ImageItem(picture, axisOrder="row-major")
        wide, deep = across * columns.width, rows * columns.depth
        self._image.setRect(QRectF(0, 0, wide, deep))
        self.map.addItem(self._image)
        mark = pg.mkPen("#1d6fd0", width=2)
        row, column = self.column
        cell = pg.QtWidgets.QGraphicsRectItem(
            column * columns.width, row * columns.depth, columns.width, columns.depth
        )
        cell.setPen(mark)
        self.map.addItem(cell)
        loss = 100 * columns.loss[row, column]
        for text, x, anchor in (("R", -0.5, (1, 0.5)), ("L", wide + 0.5, (0, 0.5))):
            word = pg.TextItem(text, color=self.map.text_colour(), anchor=anchor)
            word.setPos(x, deep / 2)
            self.map.addItem(word)
        self._scale(wide, deep)
        self.map.setTitle(
            f"picked column: {loss:.0f} % lost"
            f" ({columns.real[row, column]:.1f} of {columns.healthy[row, column]:.1f} mm)",
            size="9pt",
            color=self.map.palette().color(QPalette.ColorRole.Text).name(),
        )
        self.map.setRange(QRectF(-2, 0, wide + 19, deep), padding=0.02)

    def _scale(self, wide: float, deep: float) -> None:
        """The colours and their per cent, beside the map."""
        steps = np.linspace(FULL_SCALE / 100, 0, 64)[:, None]
        bar = pg.ImageItem(loss_colours(steps), axisOrder="row-major")
        bar.setRect(QRectF(wide + 5, 0, 2.5, deep))
        self.map.addItem(bar)
        for value in (0, 20, 40, 50):
            said = f"{value} %" if value < FULL_SCALE else f"{value}+ %"
            word = pg.TextItem(said, color=self.map.text_colour(), anchor=(0, 0.5))
            word.setPos(wide + 7.5, deep * (1 - value / FULL_SCALE))
            self.map.addItem(word)

    def _draw_curve(self, columns: HeightMap) -> None:
        curve = curve_of(columns)
        if not len(curve.depth):
            return
        length = columns.real.shape[0] * columns.depth
        low, high = (pg.PlotCurveItem(curve.depth, y) for y in (curve.low, curve.high))
        self.curve.addItem(pg.FillBetweenItem(low, high, brush=pg.mkBrush(*LOSS_BAND, 110)))
        faint = self.curve.text_colour()
        for grade, value in enumerate(THRESHOLDS, 1):
            self.curve.addItem(
                pg.InfiniteLine(value, angle=0, pen=pg.mkPen(faint, style=Qt.PenStyle.DotLine))
            )
            word = pg.TextItem(f"grade {grade}", color=faint, anchor=(1, 1 if grade != 1 else 0))
            word.setPos(length, value)
            self.curve.addItem(word)
        for i in (1, 2):
            dashed = pg.mkPen(faint, style=Qt.PenStyle.DashLine)
            self.curve.addItem(pg.InfiniteLine(length * i / 3, angle=90, pen=dashed))
        top = max(HIGHEST, float(curve.high.max()) + 5)
        for i, name in enumerate(THIRDS):
            word = pg.TextItem(name, color=faint, anchor=(0.5, 0))
            word.setPos(length * (i + 0.5) / 3, top)
            self.curve.addItem(word)
        self.curve.plot(curve.depth, curve.loss, pen=pg.mkPen(LOSS_LINE, width=2))
        row, _ = self.column
        at = (row + 0.5) * columns.depth
        self.curve.addItem(pg.InfiniteLine(at, angle=90, pen=pg.mkPen("#1d6fd0", width=1.5)))
        bottom = min(-10.0, float(curve.low.min()) - 3)
        self.curve.setRange(xRange=(0, length), yRange=(max(bottom, -40.0), top), padding=0)

    # -- picking ---------------------------------------------------------------------------------

    def _map_picked(self, x: float, y: float) -> None:
        if self.columns is not None:
            self.pick(int(y // self.columns.depth), int(x // self.columns.width))

    def _curve_picked(self, x: float, _y: float) -> None:
        if self.columns is not None:
            self.pick(int(x // self.columns.depth), self.column[1])

    def pick(self, row: int, column: int) -> None:
        """Mark a column, and tell."""
        if self.columns is None:
            return
        rows, across = self.columns.real.shape
        if 0 <= row < rows and 0 <= column < across:
            self.column = (row, column)
            self.put(self.columns)
            self.picked.emit(row, column)
