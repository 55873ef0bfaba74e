"""The Train page: trainings on the left, the chosen one on the right. Nothing here trains: all it
knows comes out of run folders, all it wants goes into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.errors import InputError, XGenError
from xgen_studio.studio.dialogs.discard import may_replace
from xgen_studio.studio.icons import icon
from xgen_studio.studio.threads import on_thread
from xgen_studio.studio.train.curve import LossCurve
from xgen_studio.studio.train.start import StartDialog
from xgen_studio.studio.train.watching import Look, Seen, look, sentence
from xgen_studio.studio.words import Words, plain
from xgen_studio.studio.workspace import Workspace
from xgen_studio.tasks.train import Start, Started, start_training, trouble
from xgen_studio.training.known import remember
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.run_folder import (
    FINISHED,
    OVER,
    PAUSE,
    PAUSED,
    RECIPE,
    RESUME,
    STARTING,
    STOP,
    RunFolder,
)

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window

EVERY = 1000  # ms between two looks
SAMPLE_HIGH = 200


class TrainPage(Workspace):
    """Watches trainings while it is in sight."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: Path | None = None
        self._seen: dict[Path, Seen] = {}
        self._shown: object = None  # what the details show
        self._looking = False
        self._children: list[Started] = []  # of this window: their ends must be taken notice of
        self._troubles: dict[Path, str] = {}  # what they died of
        self.list = QListWidget()
        self.list.setAccessibleName("trainings")
        self.list.setSpacing(3)
        self.new = QPushButton(icon("play"), "New training ...")
        self.add = QPushButton(icon("open"), "Find a run ...")
        self.title, self.words = Words(), Words()
        self.title.setProperty("role", "heading")
        self.words.setWordWrap(True)
        self.bar = QProgressBar(maximum=1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.hold = QPushButton(icon("pause"), "Pause")
        self.stop = QPushButton(icon("close"), "Stop")
        self.stop.setToolTip("It saves its checkpoint, and can go on from there")
        self.go_on = QPushButton(icon("play"), "Go on")
        self.go_on.setToolTip("Train on from the checkpoint")
        self.curve = LossCurve()
        self.sample = Words("Samples appear at each checkpoint")
        self.sample.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sample.setMinimumHeight(SAMPLE_HIGH)
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setAccessibleName("log")
        self._timer = QTimer(self, interval=EVERY)
        self._timer.timeout.connect(self.refresh)
        self._arrange()
        self.list.currentItemChanged.connect(lambda now, _before: self._choose(now))
        self.new.clicked.connect(self.ask_start)
        self.add.clicked.connect(self.ask_open)
        self.hold.clicked.connect(self._hold)
        self.stop.clicked.connect(lambda: self._ask(STOP))
        self.go_on.clicked.connect(self._go_on)
        self._show_chosen()

    def _arrange(self) -> None:
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.addWidget(self.new)
        column.addWidget(self.list, 1)
        column.addWidget(self.add)
        buttons = QHBoxLayout()
        for button in (self.hold, self.stop, self.go_on):
            buttons.addWidget(button)
        buttons.addStretch()
        below = QSplitter(Qt.Orientation.Horizontal)
        below.addWidget(self.sample)
        below.addWidget(self.log)
        below.setStretchFactor(1, 1)
        parts = self.parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.curve)
        parts.addWidget(below)
        parts.setStretchFactor(0, 1)
        column = QVBoxLayout(right)
        column.addWidget(self.title)
        column.addWidget(self.words)
        column.addWidget(self.bar)
        column.addLayout(buttons)
        column.addWidget(parts, 1)
        column.addStretch()
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        split.setSizes([260, 900])
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(split)

    # -- looking ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def refresh(self) -> None:
        """Look again, on another thread: a run folder may lie on a slow network."""
        for child in [child for child in self._children if child.ended()]:
            self._children.remove(child)
            if (error := trouble(child)) is not None:
                self._troubles[child.folder.path.resolve()] = str(error)
        if not self._looking:
            self._looking, chosen = True, self.chosen
            on_thread(lambda: look(chosen), self._looked)

    def _looked(self, found: Look) -> None:
        self._looking = False
        self._seen = {seen.path: seen for seen in found.runs}
        self._list(found.runs)
        if found.chosen == self.chosen:
            self._show_chosen()
            self._show_details(found)
        else:
            self.refresh()

    def _list(self, runs: tuple[Seen, ...]) -> None:
        """The rows, in place: what is chosen stays so."""
        rows = {
            self.list.item(i).data(Qt.ItemDataRole.UserRole): i for i in range(self.list.count())
        }
        lost = [path for path in rows if path not in self._seen]
        self.list.blockSignals(True)  # what did not start stays in sight, and says why
        for gone, path in enumerate(lost):
            self.list.takeItem(rows[path] - gone)
        self.list.setCurrentRow(-1 if self.chosen in lost else self.list.currentRow())
        self.list.blockSignals(False)
        for seen in runs:
            item = self._item(seen.path)
            if item is None:
                item = QListWidgetItem()
                item.setData(Qt.ItemDataRole.UserRole, seen.path)
                item.setToolTip(plain(str(seen.path)))
                self.list.addItem(item)
            s = seen.status
            share = f" {100 * s.step // s.steps} %" if s.steps else ""
            text = f"{seen.path.name}\n{s.state}{share}"
            if item.text() != text:
                item.setText(text)
        if self.chosen is not None and (item := self._item(self.chosen)) is not None:
            self.list.setCurrentItem(item)
        elif self.chosen is None and self.list.count():
            self.list.setCurrentRow(0)

    def _item(self, path: Path) -> QListWidgetItem | None:
        for i in range(self.list.count()):
            if self.list.item(i).data(Qt.ItemDataRole.UserRole) == path:
                return self.list.item(i)
        return None

    def _choose(self, item: QListWidgetItem | None) -> None:
        self.chosen = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        self._show_chosen()
        self.refresh()

    def _show_chosen(self) -> None:
        seen = self._seen.get(self.chosen) if self.chosen is not None else None
        over = seen is None or seen.status.state in OVER
        paused = seen is not None and seen.status.state == PAUSED
        self.parts.setVisible(seen is not None)
        self.hold.setEnabled(not over and seen is not None and seen.status.state != STARTING)
        self.hold.setText("Resume" if paused else "Pause")
        self.hold.setIcon(icon("play" if paused else "pause"))
        self.stop.setEnabled(not over)
        self.go_on.setEnabled(over and seen is not None and seen.status.state != FINISHED)
        if seen is None:
            self._show_none()
            return
        status = seen.status
        self.title.setText(f"{seen.path.name}: {status.state}")
        self.bar.setValue(round(1000 * status.step / status.steps) if status.steps else 0)

    def _show_none(self) -> None:
        """Nothing is chosen, or what is chosen is not there, or not yet."""
        self.bar.setValue(0)
        if self.chosen is None:
            self.title.setText("No training is known yet")
            self.words.setText(
                "Start one here or with xgen train: it goes on when window and terminal close."
            )
        else:
            died = self._troubles.get(self.chosen, "")
            self.title.setText(f"{self.chosen.name}: {'did not start' if died else 'starting'}")
            self.words.setText(died)

    def _show_details(self, found: Look) -> None:
        if self.chosen is None:
            return
        rates = [e["steps_per_second"] for e in found.events if "steps_per_second" in e]
        if (seen := self._seen.get(self.chosen)) is not None:
            died = self._troubles.get(self.chosen, "")
            self.words.setText(died or sentence(seen, rates[-1] if rates else 0.0))
        now = (found.chosen, len(found.events), found.log, found.sample)
        if now == self._shown:
            return
        self._shown = now
        self.curve.put(found.events)
        foot = self.log.verticalScrollBar()
        follows = foot.value() >= foot.maximum() - 2
        self.log.setPlainText("\n".join(found.log))
        if follows:
            foot.setValue(foot.maximum())
        picture = QPixmap(str(found.sample)) if found.sample is not None else QPixmap()
        if picture.isNull():
            self.sample.setText("Samples appear at each checkpoint")
        else:
            self.sample.setPixmap(
                picture.scaledToHeight(
                    max(SAMPLE_HIGH, self.sample.height()),
                    Qt.TransformationMode.SmoothTransformation,
                )
            )

    # -- asking ----------------------------------------------------------------------------------

    def _ask(self, what: str) -> None:
        if self.chosen is None:
            return
        try:
            RunFolder(self.chosen).ask(what)
        except InputError as error:
            self.words.setText(str(error))
        self.refresh()

    def _hold(self) -> None:
        seen = self._seen.get(self.chosen) if self.chosen is not None else None
        self._ask(RESUME if seen is not None and seen.status.state == PAUSED else PAUSE)

    def _go_on(self) -> None:
        if self.chosen is not None:
            run, folder = self.chosen, RunFolder(self.chosen)
            status = folder.status()
            start = Start(
                str(run / RECIPE),
                Path(status.data) if status.data else None,
                status.devices,
                run,
                resume=folder.trained,
                trust_code=self._trusts(run),
            )
            self.begin(start)

    def _trusts(self, run: Path) -> bool:
        """Asks for consent where a run's recipe names code from elsewhere."""
        try:
            foreign = load_recipe(run / RECIPE).foreign
        except InputError:
            return False  # the training says what is wrong with it
        question = (
            f"The recipe of {run.name} runs {' and '.join(foreign)}: code that no wing of this"
            " program knows, with your rights. Do you know and trust it?"
        )
        return bool(foreign) and may_replace(self, "Code from elsewhere", question)

    def ask_start(self) -> None:
        """Ask for a training and start it; a call that does not fit is said, and asked again."""
        dialog = StartDialog(self)
        while dialog.exec() == StartDialog.DialogCode.Accepted:
            if not (trouble := self.begin(dialog.start)):
                return
            dialog.told.setText(trouble)

    def begin(self, start: Start) -> str:
        """Start a training; returns what is wrong with the call, or ''."""
        try:
            started = start_training(start)
        except XGenError as error:
            self.words.setText(str(error))
            return str(error)
        self._children.append(started)
        self.chosen = started.folder.path.resolve()
        self._troubles.pop(self.chosen, None)
        self.refresh()
        return ""

    def ask_open(self) -> None:
        """Choose the folder of a run that is not on the list."""
        if chosen := QFileDialog.getExistingDirectory(self, "The folder of a training"):
            self.take(Path(chosen))

    def take(self, path: Path) -> bool:
        if not RunFolder(path).exists:
            return False
        remember(path)
        self.chosen = path.resolve()
        self.refresh()
        return True

    def redress(self) -> None:
        self.curve.redress()


def make(_window: Window) -> TrainPage:
    """The Train workspace."""
    return TrainPage()
