"""Ask what is to be trained."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.registry import wings
from xgen_studio.studio.icons import icon
from xgen_studio.studio.words import Words
from xgen_studio.tasks.train import Start


class StartDialog(QDialog):
    """A recipe, its arrays, the device, how long; `start` is the request."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New training")
        self.recipe = QComboBox()
        for wing in wings():
            for name in wing.recipes:
                self.recipe.addItem(f"{wing.title}: {name}", name)
        self.recipe.setAccessibleName("recipe")
        self.data, self.run = QLineEdit(), QLineEdit()
        self.data.setPlaceholderText("made with xgen prepare")
        self.devices = QLineEdit("cpu")
        self.devices.setToolTip("cpu, or CUDA numbers such as 0,1: one process on each")
        self.budget = QLineEdit()
        self.budget.setPlaceholderText("no limit; or 90s, 9m, 2h")
        self.told = Words("It goes on when this window closes, and is found again here.")
        self.told.setProperty("role", "faint")
        self.told.setWordWrap(True)
        form = QFormLayout()
        form.addRow("Recipe", self.recipe)
        form.addRow("Arrays", self._chooser(self.data, "A folder of prepared arrays"))
        form.addRow("Run folder", self._chooser(self.run, "A folder for the run"))
        form.addRow("Devices", self.devices)
        form.addRow("At most", self.budget)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Start")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.told)
        column.addWidget(buttons)
        self.setMinimumWidth(520)
        self.recipe.currentIndexChanged.connect(lambda _i: self._name_run())
        self._name_run()

    def _chooser(self, field: QLineEdit, title: str) -> QWidget:
        button = QToolButton(icon=icon("open"))
        button.setToolTip(title)

        def choose() -> None:
            if chosen := QFileDialog.getExistingDirectory(self, title, field.text()):
                field.setText(chosen)

        button.clicked.connect(choose)
        box = QWidget()
        line = QHBoxLayout(box)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(field, 1)
        line.addWidget(button)
        return box

    def _name_run(self) -> None:
        """A folder that is not there yet."""
        name = str(self.recipe.currentData())
        parent = Path.home() / "xgen-runs"
        free = next(n for i in range(1, 10_000) if not (parent / (n := f"{name}-{i}")).exists())
        self.run.setText(str(parent / free))

    @property
    def start(self) -> Start:
        """What was asked for."""
        data, run = self.data.text().strip(), self.run.text().strip()
        return Start(
            recipe=str(self.recipe.currentData()),
            data=Path(data).expanduser() if data else None,
            devices=self.devices.text().strip() or "cpu",
            run=Path(run).expanduser() if run else None,
            time_budget=self.budget.text().strip() or None,
        )
