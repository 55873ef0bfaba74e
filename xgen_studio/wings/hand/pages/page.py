"""The review of synthetic hands: gallery or one hand in the middle, what decides at the sides."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QFrame,
    QMainWindow,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.errors import XGenError
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.engine.queue import JobQueue
from xgen_studio.studio.fields import LettersThrough
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.threads import on_thread
from xgen_studio.studio.words import Words
from xgen_studio.wings.hand.pages.comparison import CompareDialog
from xgen_studio.wings.hand.pages.detail import Detail
from xgen_studio.wings.hand.pages.facets import Facets
from xgen_studio.wings.hand.pages.gallery import Gallery
from xgen_studio.wings.hand.pages.hand_map import FailureMap
from xgen_studio.wings.hand.pages.limits import LimitsPanel
from xgen_studio.wings.hand.pages.run_panel import RunPanel
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.labelling import ABSENT
from xgen_studio.wings.hand.tasks.asks import DrawHands, HandDrawn
from xgen_studio.wings.hand.tasks.export import WHICH, export_hands
from xgen_studio.wings.hand.tasks.review import Review

SAVE_AFTER = 600  # ms after a decision
REFRESH_AFTER = 60  # ms of sliding before the gallery follows; the rates follow at once
EMPTY = (
    "Generate hands on the left, or open a run.\n\nEach is judged: green passes, red does not, and"
    " says why.\nA accepts, R rejects, Enter looks closely."
)


class Scrolled(QScrollArea):
    """A panel that a low screen may cut: it has its width, and scrolls where it lacks height."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setWidget(panel)
        self._panel = panel

    def sizeHint(self) -> QSize:
        return self._panel.sizeHint() + QSize(self.verticalScrollBar().sizeHint().width(), 0)

    def minimumSizeHint(self) -> QSize:
        least = max(self._panel.minimumSizeHint().width(), self._panel.minimumWidth())
        return QSize(least + self.verticalScrollBar().sizeHint().width(), 68)


class ReviewPage(QMainWindow):
    """A run of hands."""

    said = Signal(str)  # for the status line

    def __init__(self, queue: JobQueue, settings: Settings) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.queue, self.settings = queue, settings
        self.review: Review | None = None
        self._row = 0  # of the hand that is looked at, among those shown
        self.run = RunPanel(queue, settings)
        self.facets, self.limits = Facets(), LimitsPanel()
        self.map = FailureMap()
        self.gallery, self.detail = Gallery(), Detail()
        self.counts = Words()
        self.counts.setProperty("role", "faint")
        self.counts.setWordWrap(True)
        self.empty = Words(EMPTY)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("role", "faint")
        shelf = QWidget()
        column = QVBoxLayout(shelf)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.counts)
        column.addWidget(self.gallery, 1)
        self.stack = QStackedWidget()
        for place in (self.empty, shelf, self.detail):
            self.stack.addWidget(place)
        self.setCentralWidget(self.stack)
        self._docks()
        self.actions_ = Actions(self, settings)
        self._add_actions()
        self._saving = QTimer(self, singleShot=True, interval=SAVE_AFTER)
        self._saving.timeout.connect(self.save)
        self._following = QTimer(self, singleShot=True, interval=REFRESH_AFTER)
        self._following.timeout.connect(self.refresh)
        self._connect()
        self._letters = LettersThrough(self)
        self._letters.watch(self)

    def _docks(self) -> None:
        self.docks: dict[str, QDockWidget] = {}
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        for title, widget, area in (
            ("Run", self.run, left),
            ("Filter", self.facets, left),
            ("Limits", self.limits, right),
            ("Where hands fail", self.map, right),
        ):
            dock = QDockWidget(title)
            dock.setObjectName(title)
            dock.setWidget(Scrolled(widget) if widget in (self.run, self.limits) else widget)
            self.addDockWidget(area, dock)
            self.docks[title] = dock

    def _add_actions(self) -> None:
        for entry, call in (
            (Entry("hand.accept", "Accept", ("A",), "accept"), lambda: self.decide(True)),
            (Entry("hand.reject", "Reject", ("R",), "close"), lambda: self.decide(False)),
            (Entry("hand.leave", "Leave to the gate", ("U",)), lambda: self.decide(None)),
            (Entry("hand.next", "Next hand", ("N", "Right")), lambda: self.step(1)),
            (Entry("hand.previous", "Previous hand", ("P", "Left")), lambda: self.step(-1)),
            (Entry("hand.gallery", "Gallery", ("Escape",)), self.to_gallery),
            (Entry("hand.absent", "No peak for the chosen landmark", ("Delete",)), self._absent),
            (Entry("hand.dots", "Landmarks on thumbnails", ("D",), checkable=True), self._dots),
            (Entry("hand.undo", "Undo", ("Ctrl+Z",), "undo"), self.undo),
            (Entry("hand.redo", "Redo", ("Ctrl+Y", "Ctrl+Shift+Z"), "redo"), self.redo),
            (Entry("run.open", "Open a run ..."), self.run.ask_open),
            (Entry("run.compare", "Compare with another run ..."), self.compare),
            *(
                (
                    Entry(f"run.export.{which}", f"Export hands: {which} ...", icon="export"),
                    lambda which=which: self.export(which),
                )
                for which in WHICH
            ),
        ):
            self.actions_.add(entry, lambda *_, call=call: call())
        self.actions_["hand.dots"].setChecked(True)
        menu = QMenu(self)
        for id, action in self.actions_:
            if id.startswith(("run.export", "run.compare")):
                menu.addAction(action)
        self.run.out.setMenu(menu)
        for number in range(1, 10):
            entry = Entry(f"hand.reason{number}", f"Only reason {number}", (str(number),))
            self.actions_.add(entry, lambda *_, number=number: self.only_reason(number))

    def _connect(self) -> None:
        self.run.opened.connect(self.open)
        self.run.begun.connect(self._begun)
        self.run.finished.connect(self._finished)
        self.run.drawn.connect(self._drawn)
        self.run.again.clicked.connect(self.judge_again)
        self.facets.changed.connect(self._refilter)
        self.limits.changed.connect(self._following.start)
        self.limits.changed.connect(self._saving.start)
        self.gallery.opened.connect(self.look)
        self.detail.back.connect(self.to_gallery)
        self.detail.decided.connect(self.decide)
        self.detail.moved.connect(self._moved)
        self.detail.said.connect(self.said)
        self.stack.currentChanged.connect(lambda _index: self.set_keys())
        self.set_keys()

    # -- what is open ----------------------------------------------------------------------------

    def open(self, folder: Path) -> None:
        """Review a folder that was screened."""
        if self.review is not None:
            self.save()
        try:
            self._show(Review.open(folder))
        except XGenError as error:
            self.run.state.setText(str(error))

    def _begun(self, folder: Path) -> None:
        """Watch a run from its first hand on, unless another one is under review."""
        job = self.run.job
        if job is not None and job is self.queue.current and isinstance(job.ask, DrawHands):
            if self.review is not None:
                self.save()
            try:
                self._show(Review.begin(folder, load_gate(job.ask.gate)))
            except XGenError as error:
                self.said.emit(str(error))

    def _finished(self, folder: Path) -> None:
        """Open what was judged; a run that was watched hand by hand is complete already."""
        watched = self.review is not None and self.review.folder == folder
        busy = self.review is not None and not watched and len(self.review) > 0
        job = self.run.job
        drawn = job is not None and bool(job.count)
        if busy and drawn:
            self.said.emit(f"{folder.name} is finished: Run > Open a run ...")
        elif not (watched and drawn):
            self.open(folder)

    def _drawn(self, drawn: HandDrawn) -> None:
        watched = self.review is not None and self.review.folder == drawn.folder
        if self.review is not None and watched and drawn.screening is not None:
            self.review.add(drawn.screening)
            self._following.start()

    def _show(self, review: Review) -> None:
        self.review = review
        self.limits.show_review(review)
        self.run.ready(True)
        self.stack.setCurrentIndex(1)
        self.refresh()

    def set_keys(self) -> None:
        """Arrow keys belong to the gallery, the sliders, or, in the detail view, to the hands."""
        looking = self.stack.currentWidget() is self.detail
        for id in ("hand.next", "hand.previous", "hand.gallery", "hand.absent"):
            self.actions_[id].setEnabled(looking)

    def judge_again(self) -> None:
        """Screen the open run by the gate that is chosen."""
        if self.review is not None:
            self.save()
            self.run.judge(self.review.folder)

    def refresh(self) -> None:
        """Everything follows the review."""
        self.limits.refresh()
        self.map.show_review(self.review)
        self._refilter(recount=True)
        if self.stack.currentWidget() is self.detail and self.review is not None:
            self.detail.show_hand(self.review, self.detail.number)

    def _refilter(self, recount: bool = False) -> None:
        if recount:
            self.facets.show_review(self.review)
        numbers = self.facets.numbers()
        self.gallery.show_review(self.review, numbers)
        if self.review is not None:
            self.counts.setText(
                f"{self.review.folder.name}: {len(numbers)} of {len(self.review)} hands shown;"
                f" {int(self.review.accepted().sum())} accepted; synthetic, not for diagnosis"
            )

    # -- what the user does ----------------------------------------------------------------------

    def look(self, number: int) -> None:
        """Show one hand large."""
        if self.review is not None:
            shown = self.gallery.hands.numbers
            self._row = shown.index(number) if number in shown else self._row
            self.detail.show_hand(self.review, number)
            self.stack.setCurrentWidget(self.detail)
            self.detail.canvas.setFocus()

    def to_gallery(self) -> None:
        """Back to the thumbnails, at the hand that was looked at."""
        if self.stack.currentWidget() is self.detail:
            self.stack.setCurrentIndex(1)
            self.gallery.select(self.detail.number)
            self.gallery.setFocus()

    def step(self, by: int) -> None:
        """The next or the previous hand of those shown."""
        shown = self.gallery.hands.numbers
        if self.stack.currentWidget() is not self.detail:
            return
        if self.detail.number in shown:
            place = shown.index(self.detail.number) + by
        else:  # a decision took it out of what is shown; the next one has its place now
            place = self._row + min(by, 0)
        if 0 <= place < len(shown):
            self.look(shown[place])
        else:
            self.said.emit("This is the last one" if by > 0 else "This is the first one")

    def chosen(self) -> list[int]:
        """The hands that a decision is about."""
        if self.stack.currentWidget() is self.detail:
            return [self.detail.number]
        return self.gallery.chosen()

    def decide(self, accepted: bool | None) -> None:
        """Overrule the gate, or (None) leave it to it."""
        if self.review is None or not (numbers := self.chosen()):
            self.said.emit("Select hands first")
            return
        row = self.gallery.first_row()
        self.review.mark([self.review.ids[n] for n in numbers], accepted)
        self._changed()
        if self.stack.currentWidget() is not self.detail and not self.gallery.chosen():
            self.gallery.select_row(row)  # the filter shows it no more: on to the one after it

    def _moved(self, landmark: int, peak: int) -> None:
        if self.review is not None:
            self.review.move(self.review.ids[self.detail.number], landmark, peak)
            self._changed()

    def _absent(self) -> None:
        landmark = self.detail.picture.selected
        if self.stack.currentWidget() is self.detail and landmark is not None:
            self._moved(landmark, ABSENT)

    def undo(self) -> None:
        """Take back the last decision or relabelling."""
        if self.review is not None and (what := self.review.history.undo()):
            self._changed()
            self.said.emit(f"Taken back: {what}")

    def redo(self) -> None:
        """Do it again."""
        if self.review is not None and (what := self.review.history.redo()):
            self._changed()
            self.said.emit(f"Done again: {what}")

    def _changed(self) -> None:
        self.refresh()
        self._saving.start()

    def only_reason(self, number: int) -> None:
        """Show the hands of the reason in that place of the list; again: all."""
        self.facets.only(number - 1)

    def _dots(self) -> None:
        self.gallery.drawer.dots = self.actions_["hand.dots"].isChecked()
        self.gallery.viewport().update()

    def save(self) -> bool:
        """Write decisions and limits beside the run; whether that was done."""
        self._saving.stop()
        if self.review is None or not len(self.review):
            return False
        try:
            self.review.save()
        except XGenError as error:
            self.said.emit(str(error))
            return False
        return True

    def export(self, which: str) -> None:
        """Write a training set of the hands of a kind."""
        if self.review is None:
            self.said.emit("Open a run first")
            return
        folder = QFileDialog.getExistingDirectory(self, f"Folder for the {which} hands")
        if not folder:
            return
        name, number = f"{self.review.folder.name}-{which.replace(' ', '-')}", 1
        out = Path(folder) / name
        while out.exists():  # an export of before is kept
            number += 1
            out = Path(folder) / f"{name}-{number}"
        self.said.emit(f"Writing {out} ...")
        on_thread(partial(_exported, self.review.frozen(), out, which), self._say)

    def _say(self, text: str) -> None:
        self.said.emit(text)

    def compare(self) -> None:
        """Show this run beside another one."""
        if self.review is None:
            self.said.emit("Open a run first")
            return
        folder = QFileDialog.getExistingDirectory(self, "The run to compare with")
        if not folder:
            return
        try:
            CompareDialog(self.review, Review.open(Path(folder)), self).open()
        except XGenError as error:
            self.said.emit(str(error))


def _exported(review: Review, out: Path, which: str) -> str:
    """On a thread of its own: reading and writing hundreds of pictures takes seconds."""
    try:
        return export_hands(review, out, which).in_words()
    except Exception as error:  # on this thread nobody else would say it
        return str(error) or repr(error)
