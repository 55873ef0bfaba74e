"""Words from documents, files and cards are shown as they are: Qt would read tags into them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as QtText
from PySide6.QtWidgets import QLabel


def plain(text: str) -> str:
    """A text for a box or a tip, which guess whether it is HTML: they show it to the letter."""
    return QtText.convertFromPlainText(text) if QtText.mightBeRichText(text) else text


class Words(QLabel):
    """A label that shows its text to the letter."""

    def __init__(self, text: str = "", **properties: Any) -> None:
        super().__init__(**properties)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
