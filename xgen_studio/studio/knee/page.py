"""The knee page: the drawing above, the radiograph below, both moved as one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QSplitter, QVBoxLayout, QWidget

from xgen_studio.anatomy.knee.framing import frame
from xgen_studio.anatomy.knee.labels import TABLE, XRAY_GRID
from xgen_studio.document import Document
from xgen_studio.document.document import Picture
from xgen_studio.errors import InputError
from xgen_studio.imaging import read_mask
from xgen_studio.paths import RESOURCES
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.canvas import Canvas, MaskLayer
from xgen_studio.studio.canvas.canvas import Tool, Touch
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.live import Live
from xgen_studio.studio.engine.protocol import Drawn
from xgen_studio.studio.knee.brush_bar import BrushBar
from xgen_studio.studio.panels.generate import Choice, GeneratePanel
from xgen_studio.studio.panels.history import HistoryPanel
from xgen_studio.studio.panels.labels import LabelPanel
from xgen_studio.studio.tools import Brush, Fill, Lasso, Look, Paint, Pick, PolygonTool, Wand

TOOLS = (
    Entry("tool.brush", "Brush", ("B", "P", "2"), "brush", True, "Brush: right drag erases"),
    Entry("tool.eraser", "Eraser", ("E", "1"), "eraser", True),
    Entry("tool.lasso", "Outline", ("O",), "lasso", True, "Outline: drag around, it fills itself"),
    Entry("tool.polygon", "Polygon", ("G", "3"), "polygon", True, "Polygon: click, Enter closes"),
    Entry("tool.fill", "Fill", ("F", "4"), "fill", True, "Fill; Shift fills every such area"),
    Entry("tool.wand", "Wand", ("W",), "wand", True, "Wand: like grey values, drag for more"),
    Entry("tool.pick", "Pick label", ("I",), "pick", True),
    Entry("tool.look", "Move", ("Z", "6"), "look", True, "Move the picture"),
)


FIRST_CASE = RESOURCES / "cases" / "knee" / "ap_right.png"


def new_document() -> Document:
    """An empty knee."""
    return Document(XRAY_GRID, TABLE, "knee")


def document_of_mask(path: Path) -> Document:
    """A document whose mask comes from a file of label ids or grey levels."""
    mask = read_mask(path, TABLE)
    if len(mask.shape) != 2:
        raise InputError(f"{path}: is a volume; the knee takes one picture")
    window = frame(mask.labels, XRAY_GRID)
    spacing = None
    if mask.spacing is not None:
        spacing = (
            mask.spacing[0] * window.columns / XRAY_GRID[1],
            mask.spacing[1] * window.rows / XRAY_GRID[0],
        )
    document = Document(XRAY_GRID, TABLE, "knee", spacing)
    document.mask[...] = window.taken_from(mask.labels, XRAY_GRID)
    return document


class KneePage(QMainWindow):
    """One knee: document, canvases, docks."""

    probed = Signal(str)  # what is under the pointer, in words

    def __init__(self, engine: Engine, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Widget)  # a page, not a window
        self.document = document
        self.hand = Paint(self.document)
        self.live = Live(engine, self.document, lambda: self.hand.in_stroke)
        self.drawn: Drawn | None = None
        self.actions_ = Actions(self)
        rows, columns = document.shape
        self.drawing = Canvas(columns, rows, document.spacing)
        self.radiograph = Canvas(columns, rows, document.spacing)
        self._canvases()
        self._tools()
        self._docks()
        self.live.shown.connect(self._shown)
        self.hand.stroke_ended.connect(lambda _changed: self.live.poke())
        self._repicture()

    # -- building --------------------------------------------------------------------------------

    def _canvases(self) -> None:
        self.mask_layer = MaskLayer(self.document.mask)
        self.mask_layer.put_labels(self.document.labels)
        self.drawing.mask_layer = self.mask_layer
        self.document.mask_touched.connect(self.drawing.mask_touched)
        self.document.labels_changed.connect(self._relabel)
        self.document.picture_changed.connect(self._repicture)
        self.drawing.viewport_changed.connect(self.radiograph.follow)
        self.radiograph.viewport_changed.connect(self.drawing.follow)
        self.drawing.brush_resized.connect(self.hand.resize)
        self.radiograph.use_tool(Look())
        self.radiograph.hint = "The radiograph appears here"
        for canvas in (self.drawing, self.radiograph):
            canvas.probed.connect(self._probe)
        split = QSplitter(Qt.Orientation.Vertical)
        for title, canvas in (
            ("Drawing", self.drawing), ("Radiograph (synthetic)", self.radiograph)
        ):  # fmt: skip
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            heading = QLabel(title)
            heading.setProperty("role", "faint")
            heading.setContentsMargins(10, 4, 10, 4)
            column.addWidget(heading)
            column.addWidget(canvas, 1)
            split.addWidget(box)
        split.setSizes([1000, 1000])
        self.setCentralWidget(split)

    def _tools(self) -> None:
        tools: tuple[Tool, ...] = (
            Brush(self.hand), Brush(self.hand, erases=True), Lasso(self.hand),
            PolygonTool(self.hand), Fill(self.hand), Wand(self.hand), Pick(self.hand), Look(),
        )  # fmt: skip
        bar = self.addToolBar("Tools")
        bar.setObjectName("tools")
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, bar)
        for entry, tool in zip(TOOLS, tools, strict=True):
            action = self.actions_.add(
                entry, lambda on, e=entry, t=tool: self._take(e.id, t) if on else None
            )
            bar.addAction(action)
        self.brush_bar = BrushBar(self.hand, self.drawing)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.brush_bar)
        add = self.actions_.add
        add(Entry("edit.undo", "Undo", ("Ctrl+Z",), "undo"), lambda: self.document.history.undo())
        add(
            Entry("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"),
            lambda: self.document.history.redo(),
        )
        add(Entry("view.fit", "Fit to the window", ("Ctrl+0",), "fit"), self.drawing.fit)
        under = Entry("view.under", "Radiograph under the drawing", ("U",), checkable=True)
        add(under, lambda _on: self._repicture()).setChecked(True)
        add(Entry("brush.larger", "Larger brush", ("]", "+")), lambda: self.hand.resize(1))
        add(Entry("brush.smaller", "Smaller brush", ("[", "-")), lambda: self.hand.resize(-1))
        add(Entry("mask.toggle", "Show or hide the mask", ("S",), "eye"), self._toggle_mask)
        add(Entry("draw.reroll", "Another seed", ("R",), "dice"), lambda: self.panel.new_seed())
        add(Entry("draw.keep", "Keep this radiograph", ("Y",), "accept"), self.keep)
        for i, state in enumerate(self.document.labels, start=1):
            add(
                Entry(f"label.{i}", f"Paint {state.label.name}", (f"Alt+{i}",)),
                lambda _=False, id=state.label.id: self.hand.use(label=id),
            )
        self.actions_["tool.brush"].setChecked(True)

    def _docks(self) -> None:
        models = (
            Choice("Knee radiograph", "knee-xray", "Trained on real AP radiographs"),
            Choice("Simulated radiograph", "knee-drr", "Trained on DRRs, any angle"),
        )
        self.panel = GeneratePanel(self.live, models[:1])
        self.panel.accept.clicked.connect(self.keep)
        self.labels = LabelPanel(self.hand)
        self.history = HistoryPanel(self.document)
        for title, widget in (
            ("Labels", self.labels), ("Radiograph", self.panel), ("History", self.history)
        ):  # fmt: skip
            dock = QDockWidget(title, self)
            dock.setObjectName(f"dock {title.lower()}")
            dock.setWidget(widget)
            self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)

    # -- what happens ----------------------------------------------------------------------------

    def _take(self, id: str, tool: Tool) -> None:
        for entry in TOOLS:
            self.actions_[entry.id].setChecked(entry.id == id)
        self.drawing.use_tool(tool)

    def keep(self) -> None:
        """Put the finished radiograph under the mask."""
        if self.drawn is not None and self.drawn.final:
            picture = Picture(self.drawn.pixels, self.drawn.provenance)
            self.document.put_picture(picture, "Keep radiograph")

    def _shown(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.radiograph.hint = ""
        self.radiograph.picture.put(drawn.pixels)
        self.radiograph.update()
        if self.document.picture is None:
            self._repicture()

    def _repicture(self) -> None:
        """Under the mask lies the picture that was kept or opened, else the newest drawn one."""
        under = self.document.picture or self.drawn
        self.drawing.picture.put(under.pixels if under and self.actions_["view.under"].isChecked()
                                 else None)  # fmt: skip
        self.drawing.update()

    def _relabel(self) -> None:
        self.mask_layer.put_labels(self.document.labels)
        self.drawing.update()

    def _toggle_mask(self) -> None:
        self.mask_layer.visible = not self.mask_layer.visible
        self.drawing.update()

    def _probe(self, touch: Touch | None) -> None:
        height, width = self.document.shape
        if touch is None or not (0 <= touch.x < width and 0 <= touch.y < height):
            self.probed.emit("")
            return
        column, row = int(touch.x), int(touch.y)
        id = int(self.document.mask[row, column])
        label = self.document.state(id).label.name if id else "background"
        text = f"column {column}  row {row} px    {label}"
        if self.drawn is not None:
            text += f"    grey {self.drawn.pixels[row, column]:.3f} of 1"
        self.probed.emit(text)
