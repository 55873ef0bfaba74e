"""The question before something is given up."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QWidget


def may_discard(parent: QWidget, title: str, question: str) -> bool:
    """Ask; whatever is not a plain yes keeps what there is."""
    buttons = QMessageBox.StandardButton
    answer = QMessageBox.question(
        parent, title, question, buttons.Discard | buttons.Cancel, buttons.Cancel
    )
    return bool(answer == buttons.Discard)
