"""The knee page: the drawing above, the radiograph below, both moved as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QSplitter, QVBoxLayout, QWidget

from xgen_studio.anatomy.knee.labels import FEMUR
from xgen_studio.anatomy.knee.templates import Template
from xgen_studio.document import Document, Picture
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.canvas import Canvas, MaskLayer
from xgen_studio.studio.canvas.canvas import Tool, Touch
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.live import Drawing, Live, RegionEdit, Result
from xgen_studio.studio.engine.queue import JobQueue
from xgen_studio.studio.icons import icon
from xgen_studio.studio.knee.brush_bar import BrushBar
from xgen_studio.studio.knee.commands import RESHAPE, TOOLS, add_actions, tools_of
from xgen_studio.studio.knee.documents import model_for
from xgen_studio.studio.knee.proof import Proof
from xgen_studio.studio.knee.taking_out import ask_export, ask_series, write_picture
from xgen_studio.studio.knee.view_bar import ViewBar
from xgen_studio.studio.panels.generate import GeneratePanel
from xgen_studio.studio.panels.history import HistoryPanel
from xgen_studio.studio.panels.jobs import JobsPanel
from xgen_studio.studio.panels.labels import LabelPanel
from xgen_studio.studio.panels.variations import VariationStrip
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.tools import Angle, Look, Paint, RegionTool, Ruler, ShapeTool
from xgen_studio.studio.tools.region import paint_region
from xgen_studio.studio.tools.shape import Part

EMPTY = "Paint a leg, or let a knee float in: Shapes > Whole knee (Ctrl+K, \"whole\")"


class KneePage(QMainWindow):
    """One knee: document, canvases, docks."""

    probed = Signal(str)  # what is under the pointer, in words

    def __init__(
        self,
        engine: Engine,
        queue: JobQueue,
        settings: Settings,
        document: Document,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Widget)  # a page, not a window
        self.engine, self.queue, self.settings, self.document = engine, queue, settings, document
        self.model = model_for(document.shape)
        self.hand = Paint(self.document)
        if document.mask.any():
            self.hand.use(label=FEMUR)  # a bone: its first stroke already changes the picture
        self.live = Live(engine, self.document, lambda: self.hand.in_stroke)
        self.live.drawing = Drawing(model=self.model.name)
        self.live.preview_steps = settings.now.preview_steps
        self.result: Result | None = None     # what the radiograph canvas shows
        self.actions_ = Actions(self, settings)
        rows, columns = document.shape
        self.drawing = Canvas(columns, rows, document.spacing)
        self.radiograph = Canvas(columns, rows, document.spacing)
        self._canvases()
        self._docks()
        self._tools()
        self.live.shown.connect(self._shown)
        self.live.edit_changed.connect(self._edit_changed)
        self.hand.stroke_ended.connect(lambda _changed: self.live.poke())
        self.proof = Proof(engine, self.panel.say)
        document.mask_touched.connect(self._hint)
        self._hint(None)
        self.repicture()

    def close_page(self) -> None:
        """Another document takes this one's place."""
        self.live.close()
        self.proof.close()

    # -- building --------------------------------------------------------------------------------

    def _canvases(self) -> None:
        self.mask_layer = MaskLayer(self.document.mask)
        self.mask_layer.put_labels(self.document.labels)
        self.drawing.mask_layer = self.mask_layer
        self.document.mask_touched.connect(self.drawing.mask_touched)
        self.document.labels_changed.connect(self._relabel)
        self.document.picture_changed.connect(self.repicture)
        self.drawing.viewport_changed.connect(self.radiograph.follow)
        self.radiograph.viewport_changed.connect(self.drawing.follow)
        self.drawing.brush_resized.connect(self.hand.resize)
        self.drawing.peeked.connect(lambda held: self.toggle_mask(not held))
        self.radiograph.hint = "The radiograph appears here"
        self.region_tool = RegionTool(self._choose_region)
        look = Look()
        self.view_bar = ViewBar(
            self.radiograph,
            {
                "look": ("look", "Move the picture", look),
                "region": ("region", "Edit a region: only it is drawn anew (L)", self.region_tool),
                "ruler": ("ruler", "Ruler", Ruler()),
                "angle": ("angle", "Angle", Angle()),
            },
            lambda folder: write_picture(self, folder),
        )
        self.radiograph.use_tool(look)
        for canvas in (self.drawing, self.radiograph):
            canvas.probed.connect(self._probe)
            canvas.overlay = self._paint_region
        heading = QLabel("Drawing")
        heading.setProperty("role", "faint")
        heading.setContentsMargins(10, 4, 10, 4)
        self.split = QSplitter(self._direction())
        for bar, canvas in ((heading, self.drawing), (self.view_bar, self.radiograph)):
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            bar.setFixedHeight(34)
            column.addWidget(bar)
            column.addWidget(canvas, 1)
            self.split.addWidget(box)
        self.split.setSizes([1000, 1000])
        self.setCentralWidget(self.split)

    def _direction(self) -> Qt.Orientation:
        """Wide pictures stand one above the other, square ones side by side."""
        rows, columns = self.document.shape
        wide = columns > 1.3 * rows
        return Qt.Orientation.Vertical if wide else Qt.Orientation.Horizontal

    def _tools(self) -> None:
        bar = self.addToolBar("Tools")
        bar.setObjectName("tools")
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, bar)
        self._tool_ids = ["tool.brush", "tool.brush"]  # in hand, and before it
        for entry, tool in zip(TOOLS, tools_of(self), strict=True):
            action = self.actions_.add(
                entry, lambda on, e=entry, t=tool: self._take(e.id, t) if on else None
            )
            bar.addAction(action)
        add_actions(self)
        self.actions_["tool.brush"].setChecked(True)

    def _docks(self) -> None:
        self.panel = GeneratePanel(self.live, self.queue, self.settings, self.model.graded)
        self.panel.accept.clicked.connect(self.keep)
        self.panel.again.clicked.connect(self.make_again)
        self.panel.many.clicked.connect(self.draw_many)
        self.labels = LabelPanel(self.hand)
        self.history = HistoryPanel(self.document)
        self.strip = VariationStrip(self.live, self.queue)
        self.strip.chosen.connect(self._choose_variation)
        self.jobs = JobsPanel(self.queue)
        self.brush_bar = BrushBar(self.hand, self.drawing)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.brush_bar)
        side = Qt.DockWidgetArea
        right, bottom = side.RightDockWidgetArea, side.BottomDockWidgetArea
        self.docks = {}
        for title, widget, area in (
            ("Labels", self.labels, right), ("Radiograph", self.panel, right),
            ("History", self.history, right), ("Jobs", self.jobs, right),
            ("Variations", self.strip, bottom),
        ):  # fmt: skip
            dock = QDockWidget(title, self)
            dock.setObjectName(f"dock {title.lower()}")
            dock.setWidget(widget)
            self.addDockWidget(area, dock)
            self.docks[title] = dock
        self.tabifyDockWidget(self.docks["History"], self.docks["Jobs"])
        self.docks["History"].raise_()
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        self.docks["Variations"].hide()

    # -- tools -----------------------------------------------------------------------------------

    def _take(self, id: str, tool: Tool) -> None:
        for entry in TOOLS:
            self.actions_[entry.id].setChecked(entry.id == id)
        if id != self._tool_ids[0]:
            self._tool_ids = [id, self._tool_ids[0]]
        self.drawing.use_tool(tool)

    def last_tool(self) -> None:
        """The tool that was in hand before."""
        self.actions_[self._tool_ids[1]].setChecked(True)

    def drop_shape(self, template: Template) -> None:
        """Let a bone float over the drawing, to be placed or dropped."""
        self.settle()
        parts = [Part(label, points.copy()) for label, points in template.parts]
        for entry in TOOLS:
            self.actions_[entry.id].setChecked(False)

        def over() -> None:
            action = self.actions_[self._tool_ids[0]]
            action.setChecked(False)
            action.setChecked(True)

        self.drawing.use_tool(ShapeTool(self.hand, template.title.split(",")[0], parts, over))
        self.drawing.setFocus()

    def settle(self) -> None:
        """Finish what is half done: a floating shape, an open polygon."""
        self.drawing.tool.put_down(self.drawing)

    def undo(self) -> None:
        """Take the running stroke back, or undo the last change."""
        if isinstance(self.drawing.tool, ShapeTool):
            self.drawing.tool.drop()
        elif self.hand.in_stroke:
            self.hand.cancel()
        else:
            self.document.history.undo()

    def step_label(self, by: int) -> None:
        """The next label of the table into the hand."""
        ids = [state.label.id for state in self.document.labels]
        self.hand.use(label=ids[(ids.index(self.hand.label) + by) % len(ids)])

    def lock_label(self) -> None:
        """Protect the label in hand, or free it."""
        state = self.document.state(self.hand.label)
        verb = "Unlock" if state.locked else "Lock"
        self.document.change_label(
            state.label.id, f"{verb} {state.label.name}", locked=not state.locked
        )

    def reshape(self, how: str) -> None:
        """Grow, shrink or smooth the label in hand."""
        self.document.reshape_label(self.hand.label, how, RESHAPE)

    def clear_label(self) -> None:
        """Erase the label in hand wherever it is."""
        name = self.hand.name_of(self.hand.label)
        self.document.fill(self.document.region_of(self.hand.label), 0, f"Erase all {name}")

    def toggle_mask(self, visible: bool | None = None) -> None:
        """Show or hide the mask."""
        self.mask_layer.visible = not self.mask_layer.visible if visible is None else visible
        self.drawing.update()

    def auto_window(self) -> None:
        """Contrast from the picture itself."""
        self.radiograph.auto_window()
        self.drawing.set_window(self.radiograph.picture.low, self.radiograph.picture.high)

    def full_window(self) -> None:
        """Contrast over all grey values."""
        for canvas in (self.drawing, self.radiograph):
            canvas.set_window(0.0, 1.0)

    # -- the radiograph --------------------------------------------------------------------------

    def draw_now(self) -> None:
        """Draw the mask as it is, even when drawing does not follow."""
        self.live.enabled = True
        self.live.again()
        self.live.enabled = self.panel.follow.isChecked()

    def vary(self) -> None:
        """Draw the mask by other seeds, side by side."""
        self.docks["Variations"].show()
        self.strip.vary()

    def picture(self) -> Picture | None:
        """The finished picture that is shown."""
        return self.result.picture if self.result and self.result.final else None

    def keep(self) -> None:
        """Put the picture that is shown under the mask."""
        if (picture := self.picture()) is not None:
            self.document.put_picture(picture, "Keep radiograph")

    def _shown(self, result: Result) -> None:
        self.strip.unchoose()
        self._show(result)

    def _show(self, result: Result) -> None:
        self.result = result
        self.radiograph.hint = ""
        self.radiograph.picture.put(result.picture.pixels)
        self.view_bar.refresh()
        self.radiograph.update()
        if self.document.picture is None:
            self.repicture()

    def _choose_variation(self, picture: Picture) -> None:
        self._show(Result(picture, True, 0.0))
        seed = (picture.provenance or {}).get("seed")
        self.panel.say(f"Variation with seed {seed}. Y keeps it.")
        self.panel.accept.setEnabled(True)

    def repicture(self) -> None:
        """Under the mask lies the picture that was kept or opened, else the newest drawn one."""
        kept = self.document.picture
        under = kept or (self.result.picture if self.result else None)
        shown = under is not None and self.actions_["view.under"].isChecked()
        self.drawing.picture.put(under.pixels if shown and under else None)
        self.drawing.update()
        self.view_bar.compare_with(kept)
        self.panel.again.setEnabled(bool(kept and kept.recipe))

    # -- editing a region ------------------------------------------------------------------------

    def take_region_tool(self) -> None:
        """Choose a part of the radiograph that may change."""
        self.view_bar.buttons["region"].click()
        self.radiograph.setFocus()

    def _choose_region(self, region: NDArray[np.bool_] | None) -> None:
        base = self.picture() or self.document.picture
        if region is None or base is None:
            self.live.set_edit(None)
        else:
            self.live.set_edit(RegionEdit(base, region))

    def _edit_changed(self) -> None:
        held = self.live.edit is not None
        self.view_bar.title.setText(
            "Only the region changes (Y keeps, Esc frees)" if held
            else "Radiograph (synthetic)"
        )  # fmt: skip
        for canvas in (self.drawing, self.radiograph):
            canvas.update()

    def _paint_region(self, canvas: Canvas, painter: QPainter) -> None:
        if self.live.edit is not None:
            paint_region(canvas, painter, self.region_tool.outline)

    # -- taking pictures out, and making them again ----------------------------------------------

    def draw_many(self) -> None:
        """A series into a folder."""
        ask_series(self)

    def export(self) -> None:
        """Write the picture and its mask as files of other programs."""
        ask_export(self)

    def make_again(self) -> None:
        """Prove that the kept picture can be made again."""
        if self.document.picture is not None:
            self.proof.make(self.document.picture)

    # -- looks -----------------------------------------------------------------------------------

    def _hint(self, _box: object) -> None:
        """An empty drawing says how to begin."""
        words = "" if self.document.mask.any() else EMPTY
        if words != self.drawing.hint:
            self.drawing.hint = words
            self.drawing.update()

    def _relabel(self) -> None:
        self.mask_layer.put_labels(self.document.labels)
        self.drawing.update()

    def _probe(self, touch: Touch | None) -> None:
        height, width = self.document.shape
        if touch is None or not (0 <= touch.x < width and 0 <= touch.y < height):
            self.probed.emit("")
            return
        column, row = int(touch.x), int(touch.y)
        text = f"column {column}  row {row} px"
        if self.document.spacing is not None:
            x, y = column * self.document.spacing[0], row * self.document.spacing[1]
            text += f"  ({x:.1f}, {y:.1f} mm)"
        id = int(self.document.mask[row, column])
        text += f"    {self.document.state(id).label.name if id else 'background'}"
        if self.result is not None:
            text += f"    grey {self.result.picture.pixels[row, column]:.3f} of 1"
        self.probed.emit(text)


    def redress(self) -> None:
        """Draw icons again, in the colours of another theme."""
        self.labels.rebuild()
        self.jobs.rebuild()
        self.view_bar.redress()
        self.panel.redress()
        self.brush_bar.mirror.setIcon(icon("mirror"))
        self.strip.more.setIcon(icon("dice"))
