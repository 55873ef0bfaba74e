"""The questions before something is given up."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

Buttons = QMessageBox.StandardButton


def may_discard(parent: QWidget, title: str, question: str) -> bool:
    """Ask; whatever is not a plain yes keeps what there is."""
    answer = QMessageBox.question(
        parent, title, question, Buttons.Discard | Buttons.Cancel, Buttons.Cancel
    )
    return bool(answer == Buttons.Discard)


def may_replace(parent: QWidget, title: str, question: str) -> bool:
    """Ask before something is written over."""
    answer = QMessageBox.question(
        parent, title, question, Buttons.Yes | Buttons.Cancel, Buttons.Cancel
    )
    return bool(answer == Buttons.Yes)


def may_leave(parent: QWidget, title: str, question: str, save: Callable[[], bool]) -> bool:
    """Ask whether to save first; True once it is saved or given up."""
    answer = QMessageBox.question(
        parent, title, question, Buttons.Save | Buttons.Discard | Buttons.Cancel, Buttons.Save
    )
    return save() if answer == Buttons.Save else bool(answer == Buttons.Discard)
