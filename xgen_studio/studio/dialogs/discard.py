"""The questions before something is given up, and what went wrong; always plain text."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from xgen_studio.studio.words import plain

Buttons = QMessageBox.StandardButton


def ask(parent: QWidget, title: str, question: str, buttons: Buttons, default: Buttons) -> Buttons:
    """Ask; returns the button that was chosen."""
    return QMessageBox.question(parent, title, plain(question), buttons, default)


def warn(parent: QWidget, message: str) -> None:
    """Say something in a box that does not stop the window."""
    box = QMessageBox(QMessageBox.Icon.Warning, "XGen Studio", plain(message), parent=parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def may_discard(parent: QWidget, title: str, question: str) -> bool:
    """Ask; whatever is not a plain yes keeps what there is."""
    answer = ask(parent, title, question, Buttons.Discard | Buttons.Cancel, Buttons.Cancel)
    return bool(answer == Buttons.Discard)


def may_replace(parent: QWidget, title: str, question: str) -> bool:
    """Ask before something is written over."""
    answer = ask(parent, title, question, Buttons.Yes | Buttons.Cancel, Buttons.Cancel)
    return bool(answer == Buttons.Yes)


def may_leave(parent: QWidget, title: str, question: str, save: Callable[[], bool]) -> bool:
    """Ask whether to save first; True once it is saved or given up."""
    buttons = Buttons.Save | Buttons.Discard | Buttons.Cancel
    answer = ask(parent, title, question, buttons, Buttons.Save)
    return save() if answer == Buttons.Save else bool(answer == Buttons.Discard)
