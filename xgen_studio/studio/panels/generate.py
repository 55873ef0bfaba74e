"""How the radiograph is made: model, method, quality, grade, seed; and what is happening."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.engine.live import Live
from xgen_studio.studio.engine.protocol import Drawn
from xgen_studio.studio.icons import icon


@dataclass(frozen=True)
class Choice:
    """An entry of a list: what the user reads, what it means, and more words on hover."""

    title: str
    value: object
    tip: str = ""


METHODS = (
    Choice("Follow the drawing (CTM)", "ctm", "A network that was trained with the mask"),
    Choice("Start from the drawing (CSM)", "csm", "The mask itself, noised, is where it starts"),
)
QUALITY = (
    Choice("Fast: 8 steps", (None, None), "The sampler that suits this model best"),
    Choice("Fine: 18 steps", ("heun", 18), "Heun, 2nd order: a little more texture"),
    Choice("DDIM: 20 steps", ("ddim", 20), "Deterministic, first order"),
    Choice("As in the paper: 500 steps", ("pc-paper", 500), "Predictor-corrector: a minute or so"),
)
GRADES = (
    Choice("not said", None, "Kellgren-Lawrence grade: left to the model"),
    Choice("0  none", 0), Choice("1  doubtful", 1), Choice("2  minimal", 2),
    Choice("3  moderate", 3), Choice("4  severe", 4),
)  # fmt: skip


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

    def __init__(self, live: Live, models: Sequence[Choice]) -> None:
        super().__init__()
        self.live = live
        self.follow = QCheckBox("Draw while I paint")
        self.follow.setChecked(True)
        self.follow.toggled.connect(live.set_enabled)
        self.model = combo(models, "model")
        self.method, self.quality = combo(METHODS, "method"), combo(QUALITY, "quality")
        self.grade = combo(GRADES, "KL grade")
        self.seed = QSpinBox(minimum=0, maximum=2**31 - 1, value=live.drawing.seed)
        self.seed.setToolTip("The same seed and drawing give the same picture, to the bit")
        self.reroll = QToolButton(icon=icon("dice"))
        self.reroll.setToolTip("Another seed (R)")
        self.accept = QPushButton(icon("accept"), "Keep this radiograph")
        self.accept.setToolTip("Put the picture under the mask; can be undone (Y)")
        self.accept.setEnabled(False)
        self.state = QLabel("Starting the drawing process ...")
        self.state.setWordWrap(True)
        self.state.setProperty("role", "faint")
        self._arrange()
        self.model.currentIndexChanged.connect(self._model_changed)
        self.method.currentIndexChanged.connect(self._changed)
        self.quality.currentIndexChanged.connect(self._changed)
        self.grade.currentIndexChanged.connect(self._changed)
        self.seed.valueChanged.connect(self._changed)
        self.reroll.clicked.connect(self.new_seed)
        live.shown.connect(self._shown)
        live.failed.connect(self._failed)

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", self.model)
        form.addRow("Method", self.method)
        form.addRow("Quality", self.quality)
        form.addRow("KL grade", self.grade)
        seed = QHBoxLayout()
        seed.addWidget(self.seed, 1)
        seed.addWidget(self.reroll)
        form.addRow("Seed", seed)
        column = QVBoxLayout(self)
        column.addWidget(self.follow)
        column.addLayout(form)
        column.addWidget(self.accept)
        column.addWidget(self.state)
        column.addStretch()

    def new_seed(self) -> None:
        """Roll another seed."""
        self.seed.setValue(random.randrange(1, 10**6))

    def _model_changed(self) -> None:
        self.grade.setEnabled(self.model.currentData() == "knee-xray")
        self._changed()

    def _changed(self) -> None:
        method = self.method.currentData()
        self.grade.setEnabled(method == "ctm")
        grade = self.grade.currentData() if method == "ctm" else None
        sampler, steps = self.quality.currentData()
        self.live.set_drawing(
            model=self.model.currentData(), method=method, sampler=sampler, steps=steps,
            seed=self.seed.value(), options={} if grade is None else {"grade": grade},
        )  # fmt: skip

    def _shown(self, drawn: Drawn) -> None:
        kind = "finished" if drawn.final else "preview"
        self.state.setText(f"{kind} in {drawn.seconds * 1000:.0f} ms. Synthetic picture.")
        self.accept.setEnabled(drawn.final)

    def _failed(self, message: str) -> None:
        self.state.setText(message)
        self.accept.setEnabled(False)
