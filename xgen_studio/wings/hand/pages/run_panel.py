"""Ask for hands: how many, of which model, where to; or open a folder of pairs."""

from __future__ import annotations

import random
import time
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.errors import XGenError
from xgen_studio.studio.engine.queue import Job, JobQueue
from xgen_studio.studio.fields import WholeField
from xgen_studio.studio.icons import icon
from xgen_studio.studio.models.page import read_cards
from xgen_studio.studio.panels.jobs import duration
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.words import Words
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.wings.hand.tasks.asks import DrawHands, HandDrawn, Screen
from xgen_studio.wings.hand.tasks.runs import FILE, finishing, hands_lacking
from xgen_studio.wings.hand.wing import GATE, SHAPE

MOST = 100_000


class RunPanel(QWidget):
    """Generates and screens; says which folder is to be reviewed."""

    opened = Signal(Path)  # a folder that holds a screening is to be reviewed
    finished = Signal(Path)  # a folder was drawn and judged, or judged
    begun = Signal(Path)  # a run is going to be drawn into this folder
    drawn = Signal(object)  # HandDrawn

    def __init__(self, queue: JobQueue, settings: Settings) -> None:
        super().__init__()
        self.queue, self.settings = queue, settings
        self.job: Job | None = None
        self._unfinished = Path()
        cards = {n: c for n, c in read_cards().items() if c.get("anatomy") == "hand"}
        self._hearing = {name for name, card in cards.items() if "joint" in card.get("methods", {})}
        self.model = QComboBox()
        self.model.setAccessibleName("model")
        for name, card in cards.items():
            if {"joint", "vae"} & set(card.get("methods", {})) and card.get("networks"):
                self.model.addItem(str(card.get("title", name)), name)
        self.count = WholeField(minimum=1, maximum=MOST, value=100)
        self.count.setAccessibleName("how many hands")
        self.seed = WholeField(minimum=0, maximum=2**31 - 1, value=0)
        self.seed.setToolTip("Hand i has the seed + i; the same seed gives the same hand")
        self.dice = QToolButton(icon=icon("dice"))
        self.dice.setToolTip("Another seed")
        self.dice.clicked.connect(lambda: self.seed.setValue(random.randrange(10**6)))
        self.shape = QComboBox()
        self.gate = QComboBox()
        for box, option in ((self.shape, SHAPE), (self.gate, GATE)):
            for choice in option.choices:
                box.addItem(choice.title, choice.value)
        self.folder = QLineEdit(str(Path.home() / "xgen-hands"))
        self.folder.setToolTip("A folder of its own is made in here for each run")
        self.browse = QToolButton(icon=icon("open"))
        self.browse.setToolTip("Choose the folder")
        self.browse.clicked.connect(self._browse)
        self.start = QPushButton(icon("play"), "Generate and judge")
        self.start.setEnabled(self.model.count() > 0)
        self.rest = QPushButton(icon("play"), "Finish the run")
        self.rest.setToolTip("Draw the hands that the open run lacks, as it was begun")
        self.rest.hide()
        self.open = QPushButton(icon("open"), "Open a run ...")
        self.open.setToolTip("A folder of pairs NAME.png, NAME_heatmap.png; judged if need be")
        self.again = QPushButton("Judge again")
        self.again.setToolTip("Screen the open run by the gate chosen above")
        self.out = QPushButton(icon("export"), "Export or compare")
        self.out.setToolTip("Take hands out as a training set, or see two runs side by side")
        self.cancel = QToolButton(icon=icon("close"))
        self.cancel.setToolTip("Stop; what is drawn is kept")
        self.bar = QProgressBar(maximum=1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.state = Words("Generate hands, or open a run.")
        self.state.setWordWrap(True)
        self.state.setProperty("role", "faint")
        for box in (self.model, self.shape, self.gate):  # as wide as the panel, not as its titles
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(12)
        self._arrange()
        self.model.currentIndexChanged.connect(lambda _i: self._offer_shapes())
        self._offer_shapes()
        self.start.clicked.connect(self.generate)
        self.rest.clicked.connect(self.finish)
        self.open.clicked.connect(self.ask_open)
        self.cancel.clicked.connect(lambda: self.job and queue.cancel(self.job))
        queue.progressed.connect(self._progressed)
        queue.over.connect(self._over)

    def _arrange(self) -> None:
        form = QFormLayout()
        seed, folder, state = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        seed.addWidget(self.seed, 1)
        seed.addWidget(self.dice)
        folder.addWidget(self.folder, 1)
        folder.addWidget(self.browse)
        form.addRow("Model", self.model)
        form.addRow("Hands", self.count)
        form.addRow("Seed", seed)
        form.addRow("Shape", self.shape)
        form.addRow("Gate", self.gate)
        form.addRow("Into", folder)
        state.addWidget(self.state, 1)
        state.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.start)
        column.addWidget(self.rest)
        line = QHBoxLayout()
        line.addWidget(self.open)
        line.addWidget(self.again)
        column.addLayout(line)
        column.addWidget(self.out)
        column.addWidget(self.bar)
        column.addLayout(state)
        column.addStretch()
        self.bar.hide()
        self.cancel.hide()
        self.ready(False)

    def ready(self, open_: bool) -> None:
        """Whether a run is open that can be judged again, exported, compared."""
        self.again.setEnabled(open_)
        self.out.setEnabled(open_)

    def _browse(self) -> None:
        if chosen := QFileDialog.getExistingDirectory(self, "Folder for runs", self.folder.text()):
            self.folder.setText(chosen)

    def ask_open(self) -> None:
        """Choose a folder to review."""
        if chosen := QFileDialog.getExistingDirectory(self, "A run of hands", self.folder.text()):
            self.open_folder(Path(chosen))

    def open_folder(self, folder: Path) -> None:
        """Review a folder; one without a screening is judged first."""
        self._offer_rest(folder)
        if (folder / FILE).exists():
            self.state.setText(str(folder))
            self.opened.emit(folder)
        else:
            self.judge(folder)

    def _offer_rest(self, folder: Path) -> None:
        """Offer to finish a run that was interrupted, here or in a terminal."""
        self._unfinished = folder
        lacks = hands_lacking(folder)
        self.rest.setText(f"Finish the run: {lacks} hands more")
        self.rest.setVisible(lacks > 0)

    def _offer_shapes(self) -> None:
        """A model that cannot be told a shape makes it up."""
        tells = str(self.model.currentData()) in self._hearing
        self.shape.setEnabled(tells)
        self.shape.setToolTip("" if tells else "This model cannot be told a shape: it makes it up")

    def judge(self, folder: Path) -> None:
        """Screen a folder by the chosen gate, then review it."""
        ask = Screen(folder, folder, gate=str(self.gate.currentData()), overwrite=True)
        self._begin(Job(f"judge {folder.name}", ask, folder=str(folder)))

    def generate(self) -> None:
        """Draw hands into a fresh folder; they appear as they are judged."""
        if refusal := self.count.take_refusal() or self.seed.take_refusal():
            self.state.setText(refusal)
            return
        model, seed, n = str(self.model.currentData()), self.seed.value(), self.count.value()
        name = f"{model}-{time.strftime('%Y%m%d-%H%M%S')}-seed{seed}"
        folder = Path(self.folder.text()).expanduser() / name
        drawing = Drawing(
            model,
            seed=seed,
            options={"shape": str(self.shape.currentData())} if self.shape.isEnabled() else {},
            device=self.settings.now.device,
        )
        self._draw(DrawHands(drawing, n, folder, str(self.gate.currentData())))

    def finish(self) -> None:
        """Draw what the open run lacks."""
        gate, device = str(self.gate.currentData()), self.settings.now.device
        try:
            self._draw(finishing(self._unfinished, device, gate))
        except XGenError as error:
            self.state.setText(str(error))

    def _draw(self, ask: DrawHands) -> None:
        self.rest.hide()
        job = Job(f"{ask.count} hands", ask, ask.count, "hands", str(ask.folder))
        job.on_told = self._told
        self._begin(job)
        self.begun.emit(ask.folder)

    def _told(self, told: object) -> None:
        assert isinstance(told, HandDrawn)
        self.drawn.emit(told)

    def _begin(self, job: Job) -> None:
        self.job = job
        self.queue.add(job)
        self.bar.setValue(0)
        self.bar.show()
        self.cancel.show()
        self.state.setText("waiting for its turn ..." if job.state == "waiting" else "starting ...")

    def _progressed(self, job: Job) -> None:
        if job is not self.job:
            return
        self.bar.setValue(round(1000 * job.done / job.total) if job.total else 0)
        left = f", {duration(job.left)} left" if job.left is not None else ""
        self.state.setText(f"{job.made} of {job.count} hands{left}" if job.count else "judging ...")

    def _over(self, job: Job) -> None:
        if not isinstance(job.ask, DrawHands | Screen):
            return
        if job is self.job:
            self.bar.hide()
            self.cancel.hide()
        if job.state == "failed":
            self.state.setText(job.message)
            return
        done = f"{job.made} hands in {duration(job.seconds)}" if job.count else "judged"
        if job.state == "cancelled":
            done = f"cancelled; {job.made} hands are kept"
        self.state.setText(f"{done}: {job.folder}")
        self._offer_rest(Path(job.folder))
        if (Path(job.folder) / FILE).exists():
            self.finished.emit(Path(job.folder))
