"""Landmarks of a real radiograph: place, drag, nudge, propose, check, save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.anatomy.hand.annotation import Annotation, State
from xgen_studio.anatomy.hand.gate import load_gate
from xgen_studio.anatomy.hand.landmarks import COUNT, WRIST, Points, check_inside, mm_per_pixel
from xgen_studio.anatomy.hand.reading import read_annotations
from xgen_studio.errors import XGenError
from xgen_studio.imaging import attenuation_up, read_image
from xgen_studio.jobs.annotating import Annotating, doubts, expected, others_in, save_annotation
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.canvas import Canvas
from xgen_studio.studio.canvas.layers import PictureLayer
from xgen_studio.studio.dialogs.discard import may_leave, may_replace
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Failed, Locate, LocatedHand
from xgen_studio.studio.hand.hand_map import TemplateMap
from xgen_studio.studio.hand.landmark_list import LandmarkList
from xgen_studio.studio.hand.place_tool import Place
from xgen_studio.studio.icons import icon
from xgen_studio.studio.settings import Settings

LOCALISER = "hand-localiser"
PICTURES = "Radiographs (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.dcm *.mha *.nii *.nii.gz *)"
FILES = "Landmarks (*.csv *.json *.mrk.json)"
SAVES = "Table (*.csv);;COCO keypoints (*.json)"
EMPTY = "Open a hand radiograph, then place its 37 landmarks, or let them be proposed."


class LandmarkPage(QMainWindow):
    """One radiograph and its landmarks."""

    said = Signal(str)

    def __init__(self, engine: Engine, settings: Settings) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.engine = engine
        self.file: Path | None = None
        self.work = Annotating()
        self.canvas = Canvas(3, 4)
        self.tool = Place(self.work)
        self.canvas.use_tool(self.tool)
        self.list, self.map = LandmarkList(), TemplateMap()
        self.told, self.scale = QLabel(), QLabel()
        for label in (self.told, self.scale):
            label.setWordWrap(True)
        self.scale.setProperty("role", "faint")
        self._asked = 0
        self._arrange()
        self.actions_ = Actions(self, settings)
        self._add_actions()
        self.tool.signals.changed.connect(self.refresh)
        self.tool.signals.selected.connect(self._selected)
        for part in (self.list, self.map):
            part.chosen.connect(self._chosen)
        engine.located.connect(self._located)
        engine.failed.connect(self._failed)
        engine.died.connect(self._died)
        self.refresh()

    def _arrange(self) -> None:
        empty = QLabel(EMPTY)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("role", "faint")
        self.stack = QStackedWidget()
        self.stack.addWidget(empty)
        self.stack.addWidget(self.canvas)
        self.setCentralWidget(self.stack)
        side = QWidget()
        column = QVBoxLayout(side)
        self.open_button = QPushButton(icon("open"), "Open radiograph ...")
        self.propose_button = QPushButton(icon("wand"), "Propose landmarks")
        self.propose_button.setToolTip(
            "Finds what is not placed yet. What you placed or left out stays as it is"
        )
        self.flip_button = QPushButton(icon("mirror"), "Show flipped")
        self.flip_button.setCheckable(True)
        self.flip_button.setToolTip(
            "A right hand as a left one. The file, and what is saved, stay as they are"
        )
        self.save_button = QPushButton(icon("save"), "Save landmarks ...")
        for button, call in (
            (self.open_button, self.ask_open),
            (self.propose_button, self.propose),
            (self.flip_button, self.flip),
            (self.save_button, self.ask_save),
        ):
            button.clicked.connect(lambda _=False, call=call: call())
            column.addWidget(button)
        column.addWidget(self.told)
        column.addWidget(self.map)
        column.addWidget(self.list, 1)
        column.addWidget(self.scale)
        dock = QDockWidget("Landmarks")
        dock.setObjectName("Landmarks")
        dock.setWidget(side)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self.docks = {"Landmarks": dock}
        self.resizeDocks([dock], [300], Qt.Orientation.Horizontal)

    def _add_actions(self) -> None:
        for entry, call in (
            (Entry("mark.open", "Open radiograph ...", icon="open"), self.ask_open),
            (Entry("mark.load", "Load landmarks ..."), self.ask_load),
            (Entry("mark.save", "Save landmarks ...", icon="save"), self.ask_save),
            (Entry("mark.propose", "Propose landmarks", ("G",), "wand"), self.propose),
            (Entry("mark.flip", "Show flipped", icon="mirror"), self.flip),
            (Entry("mark.occluded", "Occluded or seen", ("O",)), self._occluded),
            (Entry("mark.absent", "Absent", ("Delete", "Backspace")), self._absent),
            (Entry("mark.undo", "Undo", ("Ctrl+Z",), "undo"), self.undo),
            (Entry("mark.redo", "Redo", ("Ctrl+Y", "Ctrl+Shift+Z"), "redo"), self.redo),
            (Entry("mark.fit", "Fit", ("F",), "fit"), self.canvas.fit),
            (
                Entry("mark.contrast", "Contrast for what is in sight", ("Ctrl+J",), "contrast"),
                lambda: self.canvas.auto_window(in_sight=True),
            ),
            (
                Entry("mark.full", "Contrast of the whole picture", ("Ctrl+Shift+J",)),
                self.canvas.auto_window,
            ),
        ):
            self.actions_.add(entry, lambda *_, call=call: call())

    # -- files -----------------------------------------------------------------------------------

    def ask_open(self) -> None:
        """Choose a radiograph."""
        if not self.may_leave():
            return
        name, _ = QFileDialog.getOpenFileName(self, "Open a hand radiograph", "", PICTURES)
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Show a radiograph without landmarks; what cannot be read leaves all as it was."""
        try:
            image = read_image(path)
            pixels = attenuation_up(image)
        except XGenError as error:
            self.said.emit(str(error))
            return
        self.tool.let_go()
        self.file = path
        self.work = self.tool.work = Annotating()
        self._asked = 0  # what was asked about another picture
        self.propose_button.setEnabled(True)
        self.tool.flipped = False
        self.flip_button.setChecked(False)
        self._show(pixels, image.spacing)
        self.said.emit(
            f"{path.name}: {pixels.shape[1]} x {pixels.shape[0]} px. Contrast: Shift + right drag;"
            " Ctrl+J: for what is in sight"
        )

    def _show(self, pixels: np.ndarray, spacing: tuple[float, float] | None) -> None:
        self.stack.setCurrentWidget(self.canvas)
        self.canvas.view.rows, self.canvas.view.columns = pixels.shape
        self.canvas.view.spacing = spacing or (1.0, 1.0)
        self.canvas.spacing_known = spacing is not None
        layer: PictureLayer = self.canvas.picture
        layer.put(pixels.astype(np.float32))
        self.canvas.auto_window()
        self.canvas.fit()
        self.tool.begin()
        self.refresh()

    def ask_load(self) -> None:
        """Choose a landmark file for this radiograph."""
        start = str(self.file.parent) if self.file is not None else ""
        name, _ = QFileDialog.getOpenFileName(self, "Landmarks of this radiograph", start, FILES)
        if name:
            self.load(Path(name))

    def load(self, path: Path) -> None:
        """Take the landmarks of this picture, or the only ones, of a file."""
        if self.file is None:
            self.said.emit("Open the radiograph first")
            return
        try:
            found = read_annotations(path)
        except XGenError as error:
            self.said.emit(str(error))
            return
        id = self.file.stem if self.file.stem in found else next(iter(found))
        if id != self.file.stem and len(found) > 1:
            self.said.emit(f"{path}: has no landmarks of {self.file.stem}")
            return
        view, points, size = self.canvas.view, found[id].points, found[id].size
        if size is not None and size != (view.columns, view.rows):
            self.said.emit(
                f"{path}: is about a picture of {size[0]} x {size[1]} px, this one has"
                f" {view.columns} x {view.rows}; they differ in scale"
            )
            return
        if np.isnan(points[:, 0]).all():
            self.said.emit(f"{path}: all landmarks of {id} are absent")
            return
        try:
            check_inside(points, view.columns, view.rows, str(path))
        except XGenError as error:
            self.said.emit(str(error))
            return
        if not self.may_leave():
            return
        self.tool.let_go()
        self.work.take(found[id].resumed())
        self.tool.begin()
        self.refresh()

    def ask_save(self) -> bool:
        """Choose where to save; True once that is done. A file of other hands keeps them, so the
        question is not whether to replace it, but whether to replace this hand in it."""
        if self.file is None:
            self.said.emit("Open a radiograph first")
            return False
        start = str(self.file.with_suffix(".csv"))
        name, kind = QFileDialog.getSaveFileName(
            self, "Save landmarks", start, SAVES, options=QFileDialog.Option.DontConfirmOverwrite
        )
        if not name:
            return False
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(".json" if "json" in kind else ".csv")
        try:
            others, there = others_in(path, self.file.name)
        except XGenError as error:
            self.said.emit(str(error))
            return False
        question = f"{path.name} holds landmarks of {self.file.stem} already. Replace them?" + (
            f" Those of {others} other hand(s) stay." if others else ""
        )
        if there and not may_replace(self, "Replace landmarks", question):
            return False
        return self.save(path)

    def save(self, path: Path) -> bool:
        """Write the landmarks; False where that failed, and why is said."""
        assert self.file is not None
        size = (self.canvas.view.columns, self.canvas.view.rows)
        now = self.work.now
        try:
            kept = save_annotation(path, self.file.name, Annotation(now.points, now.states, size))
        except XGenError as error:
            self.said.emit(str(error))
            return False
        self.work.saved = now
        hidden = State.OCCLUDED in now.states and path.suffix.lower() == ".csv"
        lost = "; a table cannot say which are occluded" if hidden else ""
        beside = f", beside those of {kept} other hand(s)" if kept else ""
        self.said.emit(f"landmarks in {path}{beside}{lost}")
        return True

    def may_leave(self) -> bool:
        """Ask before landmarks are lost."""
        if not self.work.modified:
            return True
        name = self.file.name if self.file is not None else "this radiograph"
        return may_leave(
            self, "Landmarks not saved", f"Save the landmarks of {name} first?", self.ask_save
        )

    # -- work ------------------------------------------------------------------------------------

    def propose(self) -> None:
        """Let the localiser find what is not placed yet; it can be undone."""
        if self.file is None:
            self.said.emit("Open a radiograph first")
            return
        if not self.work.now.due():
            self.said.emit("Nothing is left to propose: Delete what is to be found anew")
            return
        self._asked = self.engine.number()
        self.propose_button.setEnabled(False)
        self.told.setText("Finding landmarks ...")
        self.engine.send(Locate(self._asked, str(self.file), LOCALISER))

    def _located(self, found: LocatedHand) -> None:
        if found.number != self._asked or found.path != str(self.file):
            return
        self.propose_button.setEnabled(True)
        self.tool.let_go()
        rows, columns = self.canvas.view.rows, self.canvas.view.columns
        centred = found.points + 0.5  # its edges at whole numbers
        inside = np.all((centred >= 0) & (centred <= (columns, rows)), axis=1)
        self.work.say(self.work.now.filled(np.where(inside[:, None], found.points, np.nan)))
        self.tool.begin()
        self.refresh()
        words = ["It looks like a right hand: it was read flipped."] if found.flipped else []
        words += [f"Doubtful: {found.doubt}."] if found.doubt else []
        words += [f"{(~inside).sum()} would lie outside the picture."] if not inside.all() else []
        if words:
            self.told.setText("\n".join(words))

    def _failed(self, failure: Failed) -> None:
        if failure.number == self._asked:
            self.propose_button.setEnabled(True)
            self.told.setText(failure.message)

    def _died(self) -> None:
        if not self.propose_button.isEnabled():
            self.propose_button.setEnabled(True)
            self.told.setText("The drawing process ended, perhaps for lack of memory; try again")

    def flip(self) -> None:
        """Show picture and landmarks mirrored, or as they are."""
        pixels = self.canvas.picture.pixels
        if pixels is None:
            self.flip_button.setChecked(False)
            return
        self.canvas.picture.put(np.ascontiguousarray(pixels[:, ::-1]))
        self.tool.flipped = not self.tool.flipped
        self.flip_button.setChecked(self.tool.flipped)
        self.refresh()

    def _occluded(self) -> None:
        self.tool.toggle_occluded()

    def _absent(self) -> None:
        self.tool.remove()

    def undo(self) -> None:
        """Take back the last step."""
        self._step(self.work.undo)

    def redo(self) -> None:
        """Do it again."""
        self._step(self.work.redo)

    def _step(self, step: Callable[[], bool]) -> None:
        self.tool.let_go()
        before = self.work.now
        if step():
            self.tool.follow(before)
            self.refresh()

    # -- looks -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """List, checks and scale follow the landmarks."""
        now = self.work.now
        self.list.show_states(now)
        placed = sum(state is not State.ABSENT for state in now.states)
        shown = self.tool.seen(self.canvas)
        self.tool.expected = expected(shown, load_gate()) if not now.complete else shown
        self._show_due()
        seen = now.flipped(self.canvas.view.columns) if self.tool.flipped else now
        odd = doubts(seen, load_gate()) if self.file is not None else []
        self.told.setText("\n".join(f"• {text}" for text in odd) or f"{placed} of {COUNT} placed")
        self.scale.setText(self._scale(now.points))
        self.canvas.update()

    def _scale(self, points: Points) -> str:
        """How large a pixel is: as the file says, or else by the wrist."""
        wrist = points[WRIST[1]] - points[WRIST[0]]
        if self.canvas.spacing_known:
            across, down = self.canvas.view.spacing
            size = f"{across:.3g}" if down == across else f"{across:.3g} x {down:.3g}"
            text = f"1 px = {size} mm, says the file"
            wide = float(np.hypot(wrist[0] * across, wrist[1] * down))
            return text if np.isnan(wide) else f"{text}; the wrist (1 to 5) is {wide:.1f} mm wide"
        try:
            mm = mm_per_pixel(points) if np.isfinite(wrist).all() else None
        except XGenError:
            mm = None
        if mm is None:
            return "The scale follows from landmarks 1 and 5"
        return f"1 px = {mm:.3f} mm, if the wrist (1 to 5) is 50 mm wide"

    def _selected(self, landmark: int | None) -> None:
        self.list.take(landmark)
        self._show_due()
        self.canvas.update()

    def _show_due(self) -> None:
        due = None if self.file is None else self.tool.order.due
        self.map.show_states(self.work.now, due)

    def _chosen(self, landmark: int) -> None:
        self.tool.select(landmark)
        self.canvas.setFocus()
