"""Ask for one whole number."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from xgen_studio.studio.fields import WholeField
from xgen_studio.studio.words import Words


class CountDialog(QDialog):
    """A question and a number from 1 to `most`; it stays open while the number is refused."""

    def __init__(self, title: str, question: str, value: int, most: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.field = WholeField(minimum=1, maximum=most, value=value)
        self.told = Words(question)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (self.told, self.field, buttons):
            column.addWidget(widget)

    def _accept(self) -> None:
        if refusal := self.field.take_refusal():
            self.told.setText(refusal)
        else:
            self.accept()


def ask_count(title: str, question: str, value: int, most: int, parent: QWidget) -> int | None:
    """The number; None where the question was left."""
    dialog = CountDialog(title, question, value, most, parent)
    good = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return dialog.field.value() if good else None
