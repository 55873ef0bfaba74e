"""Number fields that keep to numbers: letters and undo stay with the drawing beside them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QWidget

PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class LettersThrough(QObject):
    """Leaves shortcuts of letters and with modifiers to the window, where a number field would
    swallow them."""

    def watch(self, page: QWidget) -> None:
        """Every number field of a page."""
        for field in page.findChildren(QAbstractSpinBox):
            field.installEventFilter(self)
            for line in field.findChildren(QLineEdit):
                line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
            return super().eventFilter(watched, event)
        if event.modifiers() not in PLAIN or event.text().isalpha():
            event.ignore()
            return True
        return super().eventFilter(watched, event)
