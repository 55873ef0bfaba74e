"""The dialog in which a reader overrules a grade."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QWidget

from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.science.findings import Finding, Grade
from xgen_studio.wings.spine.science.overruling import Overruled
from xgen_studio.wings.spine.science.summary import SEVERITY
from xgen_studio.wings.spine.tasks.spine_work import LONGEST_REASON


class OverruleDialog(QDialog):
    """A grade and its reason; without a reason nothing is overruled."""

    decided = Signal(str, object, str)  # level, grade or None for the computed one, reason

    def __init__(self, computed: Finding, said: Overruled | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.computed = computed
        self.setWindowTitle(f"Overrule the grade of {computed.level}")
        self.grade = QComboBox()
        for grade in Grade:
            self.grade.addItem(f"{int(grade)}  {SEVERITY[grade]}", int(grade))
        self.grade.setCurrentIndex(said.grade if said else int(computed.grade))
        self.reason = QLineEdit(said.reason if said else "")
        self.reason.setMaxLength(LONGEST_REASON)
        self.reason.setPlaceholderText("such as: Scheuermann, seen on MR")
        self.reason.setMinimumWidth(320)
        computed_words = Words(f"{int(computed.grade)}: {computed.reason}")
        computed_words.setWordWrap(True)
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.restore = self.buttons.addButton(
            "Computed grade again", QDialogButtonBox.ButtonRole.ResetRole
        )
        self.restore.setEnabled(said is not None)
        self.restore.clicked.connect(self._restore)
        form = QFormLayout(self)
        form.addRow("Computed", computed_words)
        form.addRow("Your grade", self.grade)
        form.addRow("Reason", self.reason)
        form.addRow(self.buttons)
        self.reason.textChanged.connect(lambda _text: self._check())
        self._check()

    def _check(self) -> None:
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(bool(self.reason.text().strip()))

    def accept(self) -> None:
        self.decided.emit(self.computed.level, self.grade.currentData(), self.reason.text())
        super().accept()

    def _restore(self) -> None:
        self.decided.emit(self.computed.level, None, "")
        super().accept()
