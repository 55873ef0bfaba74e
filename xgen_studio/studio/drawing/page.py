"""The drawing page: the mask above, the picture that is made of it below, both moved as one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QSplitter, QVBoxLayout, QWidget

from xgen_studio.document import Document, Picture
from xgen_studio.document.regions import pixel_at
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.canvas import Canvas, MaskLayer, Touch
from xgen_studio.studio.drawing.brush_bar import BrushBar
from xgen_studio.studio.drawing.commands import add_actions
from xgen_studio.studio.drawing.proof import Proof
from xgen_studio.studio.drawing.region_edit import RegionEditing
from xgen_studio.studio.drawing.setup import Setup
from xgen_studio.studio.drawing.taking_out import ask_export, ask_series, write_picture
from xgen_studio.studio.drawing.tool_bar import ToolBar
from xgen_studio.studio.drawing.view_bar import ViewBar
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.live import Live, Result
from xgen_studio.studio.engine.queue import JobQueue
from xgen_studio.studio.fields import LettersThrough
from xgen_studio.studio.icons import icon
from xgen_studio.studio.panels.generate import GeneratePanel
from xgen_studio.studio.panels.history import HistoryPanel
from xgen_studio.studio.panels.jobs import JobsPanel
from xgen_studio.studio.panels.labels import LabelPanel
from xgen_studio.studio.panels.variations import VariationStrip
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.tools import Angle, Easel, Pan, Ruler
from xgen_studio.studio.words import Words
from xgen_studio.tasks.drawing import Drawing

PROBE = 40  # ms


class DrawingPage(QMainWindow):
    """One mask document: canvases, docks, live drawing."""

    probed = Signal(str)  # what is under the pointer, in words

    def __init__(
        self,
        engine: Engine,
        queue: JobQueue,
        settings: Settings,
        document: Document,
        setup: Setup,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Widget)  # a page, not a window
        self.engine, self.queue, self.settings, self.document = engine, queue, settings, document
        self.setup = setup
        self.easel = Easel(self.document, self)
        if document.mask.any() and setup.first_label is not None:
            self.easel.use(label=setup.first_label)
        drawing = Drawing(setup.model, method="ctm", seed=1)
        self.live = Live(engine, self.document, self._in_stroke, drawing, self)
        self.live.preview_steps = settings.now.preview_steps
        self.result: Result | None = None  # what the lower canvas shows
        self._newest: Result | None = None  # what was drawn last of the drawing itself
        self.actions_ = Actions(self, settings)
        rows, columns = document.shape
        self.drawing = Canvas(columns, rows, document.spacing)
        self.outcome = Canvas(columns, rows, document.spacing)
        self._canvases()
        self._docks()
        self.tools = ToolBar(self.actions_, self.easel, self.drawing)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.tools)
        add_actions(self)
        self.actions_["tool.brush"].setChecked(True)
        self.proposing: object = None  # a wing's own helper lives as long as its page
        self._under: Touch | None = None  # what the pointer is over, told at most every PROBE ms
        self._probing = QTimer(self, singleShot=True, interval=PROBE)
        self._probing.timeout.connect(self._say_probe)
        self.live.shown.connect(self._shown)
        self.live.edit_changed.connect(self._edit_changed)
        self.live.cleared.connect(self._cleared)
        self.easel.stroke_ended.connect(self._stroke_ended)
        document.settling.connect(self.settle)
        self.limit_history()
        self.proof = Proof(engine, self.panel.say)
        LettersThrough(self).watch(self)
        document.mask_touched.connect(self._hint)
        self._hint(None)
        self.repicture()

    def close_page(self) -> None:
        """Another document takes this one's place."""
        self.strip.close_strip()
        self.live.close()

    # -- building --------------------------------------------------------------------------------

    def _canvases(self) -> None:
        self.mask_layer = MaskLayer(self.document.mask)
        self.mask_layer.put_labels(self.document.labels)
        self.drawing.layers.append(self.mask_layer)
        self.document.mask_touched.connect(self.drawing.mask_touched)
        self.document.labels_changed.connect(self._relabel)
        self.document.picture_changed.connect(self.repicture)
        self.drawing.viewport_changed.connect(self.outcome.follow)
        self.outcome.viewport_changed.connect(self.drawing.follow)
        self.drawing.brush_resized.connect(self.easel.resize)
        self.drawing.peeked.connect(self._peek)
        self.outcome.hint = f"The {self.setup.noun} appears here"
        self.region = RegionEditing(self.live, self._to_edit, self._say, self.setup.noun)
        look = Pan()
        self.view_bar = ViewBar(
            self.outcome,
            {
                "look": ("look", "Move the picture", look),
                "region": ("region", "Edit a region: only it is drawn anew (L)", self.region.tool),
                "ruler": ("ruler", "Ruler", Ruler()),
                "angle": ("angle", "Angle", Angle()),
            },
            self._write_picture,
            self.setup.noun,
        )
        self.outcome.use_tool(look)
        for canvas in (self.drawing, self.outcome):
            canvas.probed.connect(self._probe)
            canvas.layers.append(self.region)
        heading = Words("Drawing")
        heading.setProperty("role", "faint")
        heading.setContentsMargins(10, 4, 10, 4)
        self.split = QSplitter(self._direction())
        for bar, canvas in ((heading, self.drawing), (self.view_bar, self.outcome)):
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

    def _docks(self) -> None:
        self.panel = GeneratePanel(self.live, self.queue, self.settings, self.setup)
        self.panel.accept.clicked.connect(self.keep)
        self.panel.again.clicked.connect(self.make_again)
        self.panel.many.clicked.connect(self.draw_many)
        self.labels = LabelPanel(self.easel)
        self.history = HistoryPanel(self.document)
        self.strip = VariationStrip(self.live, self.queue)
        self.strip.chosen.connect(self._choose_variation)
        self.strip.discarded.connect(self._back_to_newest)
        self.jobs = JobsPanel(self.queue)
        self.brush_bar = BrushBar(self.easel, self.drawing)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.brush_bar)
        side = Qt.DockWidgetArea
        right, bottom = side.RightDockWidgetArea, side.BottomDockWidgetArea
        self.docks = {}
        for title, widget, area in (
            ("Labels", self.labels, right),
            ("Picture", self.panel, right),
            ("History", self.history, right),
            ("Jobs", self.jobs, right),
            ("Variations", self.strip, bottom),
        ):
            dock = QDockWidget(title, self)
            dock.setObjectName(f"dock {title.lower()}")
            dock.setWidget(widget)
            self.addDockWidget(area, dock)
            self.docks[title] = dock
        self.tabifyDockWidget(self.docks["History"], self.docks["Jobs"])
        self.docks["History"].raise_()
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        self.docks["Variations"].hide()

    # -- what is shown ---------------------------------------------------------------------------

    def settle(self) -> None:
        """Finish what is half done."""
        self.tools.settle()

    def toggle_mask(self) -> None:
        """Show or hide the mask."""
        self.mask_layer.visible = not self.mask_layer.visible
        self.drawing.update()

    def _peek(self, held: bool) -> None:
        self.mask_layer.peeking = held
        self.drawing.update()

    def auto_window(self) -> None:
        """Contrast from the picture itself."""
        self.outcome.auto_window()
        self.drawing.set_window(self.outcome.picture.low, self.outcome.picture.high)

    def full_window(self) -> None:
        """Contrast over all grey values."""
        for canvas in (self.drawing, self.outcome):
            canvas.set_window(0.0, 1.0)

    # -- the picture -----------------------------------------------------------------------------

    def draw_now(self) -> None:
        """Draw the mask as it is, even when drawing does not follow."""
        self.live.enabled = True
        self.live.again()
        self.live.enabled = self.panel.follow.isChecked()

    def vary(self) -> None:
        """Draw the mask by other seeds, side by side."""
        if self.live.drawing.method == "unet":
            self.panel.say("The U-Net has one answer to a mask: choose another method to vary it.")
            return
        self.docks["Variations"].show()
        self.strip.vary()

    def picture(self) -> Picture | None:
        """The finished picture that is shown."""
        return self.result.picture if self.result and self.result.final else None

    def keep(self) -> None:
        """Put the picture that is shown under the mask."""
        if (picture := self.picture()) is not None:
            self.document.put_picture(picture, f"Keep {self.setup.noun}")

    def _shown(self, result: Result) -> None:
        self.strip.unchoose()
        self._newest = result
        self._show(result)

    def _back_to_newest(self) -> None:
        if self._newest is not None:
            self._show(self._newest)
            self.panel.say(f"The drawing's own {self.setup.noun} again.")

    def _cleared(self) -> None:
        """Nothing is drawn: no picture, and none to keep."""
        self.result = self._newest = None
        self.outcome.picture.put(None)
        self.outcome.hint = f"The {self.setup.noun} appears here"
        self.outcome.update()
        self.panel.accept.setEnabled(False)
        self.repicture()

    def _in_stroke(self) -> bool:
        return self.easel.in_stroke

    def _stroke_ended(self, _changed: bool) -> None:
        self.live.poke()

    def _write_picture(self, folder: Path) -> Path | None:
        return write_picture(self, folder)

    def limit_history(self) -> None:
        """As much memory for undo as the user gives."""
        self.document.history.budget = self.settings.now.history_mib * 2**20

    def _show(self, result: Result) -> None:
        self.result = result
        self.outcome.hint = ""
        self.outcome.picture.put(result.picture.pixels)
        self.view_bar.refresh()
        self.outcome.update()
        if self.document.picture is None and not self.easel.in_stroke:
            self.repicture()  # not under the moving brush: previews would flicker there

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

    def _to_edit(self) -> Picture | None:
        kept = self.document.picture if self.result is None else None  # no preview is shown
        return self.picture() or kept

    def _say(self, text: str) -> None:
        self.panel.say(text)

    def take_region_tool(self) -> None:
        """Choose a part of the picture that may change."""
        self.view_bar.buttons["region"].click()
        self.outcome.setFocus()

    def _edit_changed(self) -> None:
        self.view_bar.title.setText(self.region.title())
        for canvas in (self.drawing, self.outcome):
            canvas.update()

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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.live.edit is not None:
            self.region.tool.free()
        else:
            super().keyPressEvent(event)

    def _hint(self, _box: object) -> None:
        """An empty drawing says how to begin."""
        words = "" if self.document.mask.any() else self.setup.hint
        if words != self.drawing.hint:
            self.drawing.hint = words
            self.drawing.update()

    def _relabel(self) -> None:
        self.mask_layer.put_labels(self.document.labels)
        self.drawing.update()

    def _probe(self, touch: Touch | None) -> None:
        self._under = touch
        if not self._probing.isActive():
            self._probing.start()

    def _say_probe(self) -> None:
        pixel = pixel_at(self._under.point, self.document.shape) if self._under else None
        if pixel is None:
            self.probed.emit("")
            return
        row, column = pixel
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
