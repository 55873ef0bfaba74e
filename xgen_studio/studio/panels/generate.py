"""How the picture is made: method, quality, the wing's options, seed; and what is happening."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.drawing.setup import Setup
from xgen_studio.studio.engine.live import Live, Result
from xgen_studio.studio.engine.protocol import Answer, Told
from xgen_studio.studio.engine.queue import JobQueue
from xgen_studio.studio.fields import WholeField
from xgen_studio.studio.icons import icon
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.words import Words
from xgen_studio.tasks.asks import Devices
from xgen_studio.wing import Choice

METHODS = (
    Choice("ctm", "Follow the drawing (CTM)", "A network that was trained with the mask"),
    Choice("csm", "Start from the drawing (CSM)", "The mask itself, noised, is where it starts"),
    Choice("unet", "Average answer (U-Net)", "The baseline without noise: one blurred answer"),
)
QUALITY = (
    Choice((None, None), "Fast: 8 steps", "The sampler that suits this model best"),
    Choice(("dpm++2m", 8), "Varied: 8 steps", "Greys differ more from seed to seed"),
    Choice(("heun", 18), "Fine: 18 steps", "Heun, 2nd order: a little more texture"),
    Choice(("ddim", 20), "DDIM: 20 steps", "Deterministic, first order"),
    Choice(("pc-paper", 500), "As in the paper: 500 steps", "Predictor-corrector: a minute or so"),
)


def combo(choices: Sequence[Choice], name: str) -> QComboBox:
    """A list of choices; `currentData` is the value."""
    box = QComboBox()
    for i, choice in enumerate(choices):
        box.addItem(choice.title, choice.value)
        box.setItemData(i, choice.tip, Qt.ItemDataRole.ToolTipRole)
    box.setAccessibleName(name)
    return box


class GeneratePanel(QWidget):
    """Controls of live drawing; every change draws again at once."""

    def __init__(self, live: Live, queue: JobQueue, settings: Settings, setup: Setup) -> None:
        super().__init__()
        self.live, self.queue, self.settings, self.setup = live, queue, settings, setup
        self.follow = QCheckBox("Draw while I paint")
        self.follow.setChecked(True)
        self.follow.toggled.connect(live.set_enabled)
        self.method, self.quality = combo(METHODS, "method"), combo(QUALITY, "quality")
        self.options = {o.name: combo(o.choices, o.title) for o in setup.options}
        self.seed = WholeField(minimum=0, maximum=2**31 - 1, value=live.drawing.seed)
        self.seed.setToolTip("The same seed and drawing give the same picture, to the bit")
        self.reroll = QToolButton(icon=icon("dice"))
        self.reroll.setToolTip("Another seed (R)")
        self.locked = QToolButton(icon=icon("unlock"), checkable=True)
        self.locked.setToolTip("Lock the seed: nothing changes it by chance")
        self.locked.setAccessibleName("lock the seed")
        self.device = QComboBox()
        self.device.setAccessibleName("device")
        self.device.addItem("CPU", "cpu")
        self.accept = QPushButton(icon("accept"), f"Keep this {setup.noun}")
        self.accept.setToolTip("Put the picture under the mask; can be undone (Y)")
        self.accept.setEnabled(False)
        self.again = QPushButton("Make it again")
        self.again.setToolTip("Walk the kept picture's recipe anew and compare it bit by bit")
        self.again.setEnabled(False)
        self.many = QPushButton("Draw many ...")
        self.many.setToolTip("A series of pictures of this mask, written into a folder")
        self.state = Words("Starting the drawing process ...")
        self.state.setWordWrap(True)
        self.state.setProperty("role", "faint")
        self.state.setMinimumHeight(self.state.fontMetrics().lineSpacing() * 2)
        self._arrange()
        for box in (self.method, self.quality, *self.options.values()):
            box.currentIndexChanged.connect(self._changed)
        self.seed.valueChanged.connect(self._changed)
        self.reroll.clicked.connect(self.new_seed)
        self.locked.toggled.connect(self._lock)
        self.device.activated.connect(self._use_device)
        live.shown.connect(self._shown)
        live.failed.connect(self._failed)
        live.silent.connect(self.say)
        live.engine.ready.connect(self._look)
        if live.engine.ready_now:
            self._look()
            self.say(f"Paint, and the {self.setup.noun} follows.")

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Method", self.method)
        form.addRow("Quality", self.quality)
        for option in self.setup.options:
            form.addRow(option.title, self.options[option.name])
        seed = QHBoxLayout()
        seed.addWidget(self.seed, 1)
        seed.addWidget(self.reroll)
        seed.addWidget(self.locked)
        form.addRow("Seed", seed)
        form.addRow("Device", self.device)
        below = QHBoxLayout()
        below.addWidget(self.again)
        below.addWidget(self.many)
        column = QVBoxLayout(self)
        column.addWidget(self.follow)
        column.addLayout(form)
        column.addWidget(self.accept)
        column.addLayout(below)
        column.addWidget(self.state)
        column.addStretch()

    def redress(self) -> None:
        """Draw the icons again, in the colours of another theme."""
        self.reroll.setIcon(icon("dice"))
        self.accept.setIcon(icon("accept"))
        self._lock(self.locked.isChecked())

    def say(self, text: str) -> None:
        """A sentence under the controls."""
        self.state.setText(text)

    def drawn_how(self) -> dict[str, Any]:
        """How the picture is drawn, for the document's file."""
        return {
            "seed": self.seed.value(),
            "seed_locked": self.locked.isChecked(),
            "method": self.method.currentText(),
            "quality": self.quality.currentText(),
            **{name: box.currentText() for name, box in self.options.items()},
        }

    def restore(self, said: dict[str, Any]) -> None:
        """Draw as a file says; what it does not say, or says wrongly, stays as it is."""
        seed = said.get("seed")
        if isinstance(seed, int) and 0 <= seed <= self.seed.maximum():
            self.seed.setValue(seed)
        self.locked.setChecked(said.get("seed_locked") is True)
        for name, box in {"method": self.method, "quality": self.quality, **self.options}.items():
            found = box.findText(str(said.get(name, "")))
            if found >= 0:
                box.setCurrentIndex(found)

    def new_seed(self) -> None:
        """Roll another seed, unless it is locked."""
        if not self.locked.isChecked():
            self.seed.setValue(random.randrange(1, 10**6))

    def _lock(self, locked: bool) -> None:
        self.locked.setIcon(icon("lock" if locked else "unlock"))
        self.seed.setEnabled(not locked)
        self.reroll.setEnabled(not locked)

    def _changed(self) -> None:
        method = self.method.currentData()
        noisy = method != "unet"
        for box in self.options.values():
            box.setEnabled(method == "ctm")
        self.quality.setEnabled(noisy)
        self.many.setEnabled(noisy)
        self.seed.setEnabled(noisy and not self.locked.isChecked())
        chosen = {name: box.currentData() for name, box in self.options.items()}
        said = {k: v for k, v in chosen.items() if v is not None and method == "ctm"}
        sampler, steps = self.quality.currentData() if noisy else (None, None)
        self.live.set_drawing(
            method=method, sampler=sampler, steps=steps, seed=self.seed.value(), options=said
        )

    # -- devices ---------------------------------------------------------------------------------

    def _look(self) -> None:
        self.live.engine.ask(Devices(), self._devices)

    def _devices(self, answer: Answer) -> None:
        if not isinstance(answer, Told):
            return
        self.device.clear()
        for device in answer.what:
            memory = ""
            if device.free is not None and device.total is not None:
                memory = f", {device.free / 2**30:.1f} of {device.total / 2**30:.1f} GiB free"
            title = device.title if device.name == "cpu" else f"{device.title} ({device.name})"
            self.device.addItem(title + memory, device.name)
        wanted = self.device.findData(self.settings.now.device)
        self.device.setCurrentIndex(max(wanted, 0))
        if wanted > 0:
            self._use_device()

    def _use_device(self) -> None:
        device = str(self.device.currentData())
        self.settings.put(device=device)
        self.queue.use_device(device)
        self.live.set_drawing(device=device)

    def _shown(self, result: Result) -> None:
        kind = "Finished" if result.final else "Preview"
        self.say(f"{kind} in {result.seconds * 1000:.0f} ms. Synthetic picture.")
        self.accept.setEnabled(result.final)

    def _failed(self, message: str) -> None:
        self.say(message)
        self.accept.setEnabled(False)
