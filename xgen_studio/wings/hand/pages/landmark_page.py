"""Landmarks of a real radiograph: place, drag, nudge, propose, check, save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDockWidget, QFileDialog, QMainWindow, QStackedWidget

from xgen_studio.errors import InputError, XGenError
from xgen_studio.imaging import Image, attenuation_up, read_image
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.canvas import Canvas
from xgen_studio.studio.canvas.layers import PictureLayer
from xgen_studio.studio.desk import ENDING, FILTER, Desk
from xgen_studio.studio.dialogs.discard import may_leave, may_replace
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Answer, Failed, Told
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.words import Words
from xgen_studio.tasks.ask import Note
from xgen_studio.wings.hand.pages.landmark_panel import LandmarkPanel, scale_in_words
from xgen_studio.wings.hand.pages.landmark_tool import LandmarkTool
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import COUNT, check_inside
from xgen_studio.wings.hand.science.reading import read_annotations
from xgen_studio.wings.hand.tasks.annotating import doubts, expected, others_in, save_annotation
from xgen_studio.wings.hand.tasks.asks import Locate, LocatedHand
from xgen_studio.wings.hand.tasks.landmark_set import LandmarkSet

LOCALISER = "hand-localiser"
PICTURES = "Radiographs (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.dcm *.mha *.nii *.nii.gz *)"
FILES = "Landmarks (*.csv *.json *.mrk.json)"
SAVES = f"Table (*.csv);;COCO keypoints (*.json);;{FILTER}"
EMPTY = "Open a hand radiograph, then place its 37 landmarks, or let them be proposed."


class LandmarkPage(QMainWindow):
    """One radiograph and its landmarks."""

    said = Signal(str)

    def __init__(self, engine: Engine, settings: Settings) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.engine = engine
        self.file: Path | None = None
        self.image: Image | None = None  # as it was read, with its place
        self.desk = Desk(self, LandmarkSet())
        self.canvas = Canvas(3, 4)
        self.tool = LandmarkTool(self.work)
        self.canvas.use_tool(self.tool)
        self.panel = LandmarkPanel()
        self._asked = 0
        self._arrange()
        self.actions_ = Actions(self, settings)
        self._add_actions()
        self.tool.signals.changed.connect(self.refresh)
        self.tool.signals.selected.connect(self._selected)
        for part in (self.panel.list, self.panel.map):
            part.chosen.connect(self._chosen)
        self.desk.settling.connect(self.tool.let_go)
        self.refresh()

    @property
    def work(self) -> LandmarkSet:
        """The landmarks on the desk."""
        work = self.desk.work
        assert isinstance(work, LandmarkSet)
        return work

    def _arrange(self) -> None:
        empty = Words(EMPTY)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("role", "faint")
        self.stack = QStackedWidget()
        self.stack.addWidget(empty)
        self.stack.addWidget(self.canvas)
        self.setCentralWidget(self.stack)
        self.panel.wire(self.ask_open, self.propose, self.flip, self.ask_save)
        dock = QDockWidget("Landmarks")
        dock.setObjectName("Landmarks")
        dock.setWidget(self.panel)
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
        self._begin(LandmarkSet(path), None, pixels, image)
        self.said.emit(
            f"{path.name}: {pixels.shape[1]} x {pixels.shape[0]} px. Contrast: Shift + right drag;"
            " Ctrl+J: for what is in sight" + "".join(f". Note: {note}" for note in image.notes)
        )

    def _begin(
        self, work: LandmarkSet, file: Path | None, pixels: np.ndarray, image: Image
    ) -> None:
        """Another radiograph, with its landmarks."""
        self.image = image
        self.tool.let_go()
        self.desk.put(work, file)
        self.file, self.tool.work = work.picture, work
        self._asked = 0  # what was asked about another picture
        self.panel.propose_button.setEnabled(True)
        self.tool.flipped = False
        self.panel.flip_button.setChecked(False)
        self._show(pixels, image.spacing)

    def show_work(self, work: LandmarkSet, file: Path | None) -> None:
        """Landmarks of a document or a journal, over their radiograph; InputError where that cannot
        be read."""
        if work.picture is None:
            raise InputError(f"{file or 'these landmarks'}: name no radiograph")
        image = read_image(work.picture)
        pixels = attenuation_up(image)
        check_inside(work.now.points, pixels.shape[1], pixels.shape[0], str(work.picture))
        self._begin(work, file, pixels, image)

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
            found = read_annotations(path, self.image)
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
            endings = (e for e in (".json", ENDING) if e in kind)
            path = path.with_suffix(next(endings, ".csv"))
        if path.suffix.lower() == ENDING:
            return self._save_document(path)
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

    def _save_document(self, path: Path) -> bool:
        question = f"{path.name} is there already. Replace it?"
        if path.exists() and not may_replace(self, "Replace the document", question):
            return False
        return self.desk.save_to(path)

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
        self.work.history.mark_saved()
        hidden = State.OCCLUDED in now.states and path.suffix.lower() == ".csv"
        lost = "; a table cannot say which are occluded" if hidden else ""
        beside = f", beside those of {kept} other hand(s)" if kept else ""
        self.said.emit(f"landmarks in {path}{beside}{lost}")
        return True

    def may_leave(self) -> bool:
        """Ask before landmarks are lost."""
        self.tool.let_go()
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
        self.panel.propose_button.setEnabled(False)
        self.panel.told.setText("Finding landmarks ...")
        self._asked = self.engine.ask(Locate(LOCALISER, (self.file,)), self._heard)

    def _heard(self, answer: Answer) -> None:
        if answer.number != self._asked:
            return
        if isinstance(answer, Told) and isinstance(answer.what, Note):
            self.said.emit(answer.what.text)
        elif isinstance(answer, Told):
            self._located(answer.what)
        elif isinstance(answer, Failed):
            self.panel.propose_button.setEnabled(True)
            self.panel.told.setText(answer.message)

    def _located(self, found: LocatedHand) -> None:
        if found.file != self.file:
            return
        self.panel.propose_button.setEnabled(True)
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
            self.panel.told.setText("\n".join(words))

    def flip(self) -> None:
        """Show picture and landmarks mirrored, or as they are."""
        pixels = self.canvas.picture.pixels
        if pixels is None:
            self.panel.flip_button.setChecked(False)
            return
        self.canvas.picture.put(np.ascontiguousarray(pixels[:, ::-1]))
        self.tool.flipped = not self.tool.flipped
        self.panel.flip_button.setChecked(self.tool.flipped)
        self.refresh()

    def _occluded(self) -> None:
        self.tool.toggle_occluded()

    def _absent(self) -> None:
        self.tool.remove()

    def undo(self) -> None:
        """Take back the last step."""
        self._step(self.work.history.undo)

    def redo(self) -> None:
        """Do it again."""
        self._step(self.work.history.redo)

    def _step(self, step: Callable[[], str]) -> None:
        self.tool.let_go()
        before = self.work.now
        if step():
            self.tool.follow(before)
            self.refresh()

    # -- looks -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """List, checks and scale follow the landmarks."""
        now = self.work.now
        self.panel.list.show_states(now)
        placed = sum(state is not State.ABSENT for state in now.states)
        shown = self.tool.seen(self.canvas)
        self.tool.expected = expected(shown, load_gate()) if not now.complete else shown
        self._show_due()
        seen = now.flipped(self.canvas.view.columns) if self.tool.flipped else now
        odd = doubts(seen, load_gate()) if self.file is not None else []
        self.panel.told.setText(
            "\n".join(f"• {text}" for text in odd) or f"{placed} of {COUNT} placed"
        )
        self.panel.scale.setText(scale_in_words(now.points, self.canvas))
        self.canvas.update()

    def _selected(self, landmark: int | None) -> None:
        self.panel.list.take(landmark)
        self._show_due()
        self.canvas.update()

    def _show_due(self) -> None:
        due = None if self.file is None else self.tool.order.due
        self.panel.map.show_states(self.work.now, due)

    def _chosen(self, landmark: int) -> None:
        self.tool.select(landmark)
        self.canvas.setFocus()
