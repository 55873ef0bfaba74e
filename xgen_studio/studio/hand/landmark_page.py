"""Landmarks of a real radiograph: place, drag, nudge, propose, check, save."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.anatomy.hand.annotation import Annotation, State
from xgen_studio.anatomy.hand.gate import load_gate
from xgen_studio.anatomy.hand.landmarks import COUNT, NAMES, WRIST, check_inside, mm_per_pixel
from xgen_studio.anatomy.hand.reading import read_annotations
from xgen_studio.errors import XGenError
from xgen_studio.imaging import attenuation_up, read_image
from xgen_studio.jobs.annotating import Annotating, doubts, save_annotation
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.canvas import Canvas
from xgen_studio.studio.canvas.layers import PictureLayer
from xgen_studio.studio.dialogs.discard import may_discard
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Failed, Locate, LocatedHand
from xgen_studio.studio.hand.colours import of_landmark
from xgen_studio.studio.hand.place_tool import Place
from xgen_studio.studio.icons import icon
from xgen_studio.studio.settings import Settings

LOCALISER = "hand-localiser"
PICTURES = "Radiographs (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.dcm *.mha *.nii *.nii.gz *)"
FILES = "Landmarks (*.csv *.json *.mrk.json)"
SAVES = "Table (*.csv);;COCO keypoints (*.json)"
EMPTY = "Open a hand radiograph, then place its 37 landmarks, or let them be proposed"
DOT = 14  # px of the list's signs


def _dot(colour: QColor, state: State) -> QIcon:
    """A landmark in the list: full, hollow where it is occluded, nothing where it is absent."""
    picture = QPixmap(DOT, DOT)
    picture.fill(Qt.GlobalColor.transparent)
    if state is not State.ABSENT:
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour.darker(140), 1.4))
        painter.setBrush(colour if state is State.PLACED else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(2, 2, DOT - 5, DOT - 5)
        painter.end()
    return QIcon(picture)


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
        self.canvas.hint = EMPTY
        self.tool = Place(self.work)
        self.canvas.use_tool(self.tool)
        self.list = QListWidget()
        self.list.setAccessibleName("landmarks")
        self.told, self.scale = QLabel(), QLabel()
        for label in (self.told, self.scale):
            label.setWordWrap(True)
        self.scale.setProperty("role", "faint")
        self._asked = 0
        self._quiet = False
        self._arrange()
        self.actions_ = Actions(self, settings)
        self._add_actions()
        self.tool.signals.changed.connect(self.refresh)
        self.tool.signals.selected.connect(self._selected)
        self.list.currentRowChanged.connect(self._chosen)
        engine.located.connect(self._located)
        engine.failed.connect(self._failed)
        engine.died.connect(self._died)
        self.refresh()

    def _arrange(self) -> None:
        self.setCentralWidget(self.canvas)
        side = QWidget()
        column = QVBoxLayout(side)
        self.open_button = QPushButton(icon("open"), "Open radiograph ...")
        self.propose_button = QPushButton(icon("wand"), "Propose landmarks")
        self.flip_button = QPushButton(icon("mirror"), "Show flipped")
        self.flip_button.setCheckable(True)
        self.flip_button.setToolTip("A right hand as a left one. The file, and what is saved, stay"
                                    " as they are")
        self.save_button = QPushButton(icon("save"), "Save landmarks ...")
        for button, call in (
            (self.open_button, self.ask_open), (self.propose_button, self.propose),
            (self.flip_button, self.flip), (self.save_button, self.ask_save),
        ):  # fmt: skip
            button.clicked.connect(lambda _=False, call=call: call())
            column.addWidget(button)
        column.addWidget(self.told)
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
        ):  # fmt: skip
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
        self.file = path
        self.work = self.tool.work = Annotating()
        self._asked = 0  # what was asked about another picture
        self.propose_button.setEnabled(True)
        self.tool.flipped = False
        self.flip_button.setChecked(False)
        self._show(pixels, image.spacing)
        self.said.emit(f"{path.name}: {pixels.shape[1]} x {pixels.shape[0]} px")

    def _show(self, pixels: np.ndarray, spacing: tuple[float, float] | None) -> None:
        self.canvas.hint = ""
        self.canvas.view.rows, self.canvas.view.columns = pixels.shape
        self.canvas.view.spacing = spacing or (1.0, 1.0)
        self.canvas.spacing_known = spacing is not None
        layer: PictureLayer = self.canvas.picture
        layer.put(pixels.astype(np.float32))
        self.canvas.auto_window()
        self.canvas.fit()
        self.tool.select(0)
        self.refresh()

    def ask_load(self) -> None:
        """Choose a landmark file for this radiograph."""
        name, _ = QFileDialog.getOpenFileName(self, "Landmarks of this radiograph", "", FILES)
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
        self.work.take(found[id])
        self.refresh()

    def ask_save(self) -> None:
        """Choose where to save."""
        if self.file is None:
            self.said.emit("Open a radiograph first")
            return
        start = str(self.file.with_suffix(".csv"))
        name, kind = QFileDialog.getSaveFileName(self, "Save landmarks", start, SAVES)
        if name:
            path = Path(name)
            if not path.suffix:
                path = path.with_suffix(".json" if "json" in kind else ".csv")
            self.save(path)

    def save(self, path: Path) -> bool:
        """Write the landmarks; False where that failed, and why is said."""
        assert self.file is not None
        size = (self.canvas.view.columns, self.canvas.view.rows)
        now = self.work.now
        try:
            save_annotation(path, self.file.name, Annotation(now.points, now.states, size))
        except XGenError as error:
            self.said.emit(str(error))
            return False
        self.work.saved = now
        hidden = State.OCCLUDED in now.states and path.suffix.lower() == ".csv"
        lost = "; a table cannot say which are occluded" if hidden else ""
        self.said.emit(f"landmarks in {path}{lost}")
        return True

    def may_leave(self) -> bool:
        """Ask before landmarks are lost."""
        if not self.work.modified:
            return True
        return may_discard(
            self, "Landmarks not saved", "The landmarks of this radiograph are not saved. Go on?"
        )

    # -- work ------------------------------------------------------------------------------------

    def propose(self) -> None:
        """Let the localiser find the landmarks; it can be undone."""
        if self.file is None:
            self.said.emit("Open a radiograph first")
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
        self.work.say(Annotation.of(found.points))
        self.tool.select(None)
        self.refresh()
        words = ["It looks like a right hand: it was read flipped."] if found.flipped else []
        words += [f"Doubtful: {found.doubt}."] if found.doubt else []
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
        self.tool.let_go()
        self.work.undo()
        self.refresh()

    def redo(self) -> None:
        """Do it again."""
        self.tool.let_go()
        self.work.redo()
        self.refresh()

    # -- looks -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """List, checks and scale follow the landmarks."""
        now = self.work.now
        self._quiet = True
        while self.list.count() < COUNT:
            self.list.addItem(QListWidgetItem())
        for landmark, state in enumerate(now.states):
            item = self.list.item(landmark)
            item.setText(f"{landmark} {NAMES[landmark]}")
            faint = self.palette().placeholderText().color()
            item.setIcon(_dot(of_landmark(landmark), state))
            item.setForeground(faint if state is State.ABSENT else self.palette().text().color())
            item.setToolTip(state.name.lower())
        self._quiet = False
        placed = sum(state is not State.ABSENT for state in now.states)
        seen = now.flipped(self.canvas.view.columns) if self.tool.flipped else now
        odd = doubts(seen, load_gate()) if self.file is not None else []
        self.told.setText("\n".join(f"• {text}" for text in odd) or f"{placed} of {COUNT} placed")
        known = not np.isnan(now.points[list(WRIST)]).any()
        try:
            mm = mm_per_pixel(now.points) if known else None
        except XGenError:
            mm = None
        self.scale.setText(
            f"1 px = {mm:.3f} mm, if the wrist (1 to 5) is 50 mm wide" if mm else
            "The scale follows from landmarks 1 and 5"
        )
        self.canvas.update()

    def _selected(self, landmark: int | None) -> None:
        self._quiet = True
        self.list.setCurrentRow(-1 if landmark is None else landmark)
        self._quiet = False
        self.canvas.update()

    def _chosen(self, row: int) -> None:
        if not self._quiet and row >= 0:
            self.tool.select(row)
            self.canvas.setFocus()
