"""The history: every change by name; a click goes back or forth to it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QListView

from xgen_studio.document import Document

Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractListModel):
    """The document as it was opened, and then its changes; only the rows in sight are read."""

    def __init__(self, document: Document, palette: QPalette) -> None:
        super().__init__()
        self.document, self.palette = document, palette

    def rowCount(self, parent: Index | None = None) -> int:
        return 1 + self.document.history.count

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        history, row = self.document.history, index.row()
        if role == Qt.ItemDataRole.DisplayRole:
            return "Start" if row == 0 else history.name_at(row - 1)
        if role == Qt.ItemDataRole.ForegroundRole:
            done = row <= len(history)
            which = QPalette.ColorRole.Text if done else QPalette.ColorRole.PlaceholderText
            return self.palette.color(which)
        return None


class HistoryPanel(QListView):
    """The first row is the document as it was opened; greyed rows can be redone."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.model_ = HistoryModel(document, self.palette())
        self.setModel(self.model_)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setAccessibleName("history")
        document.history_changed.connect(self.refresh)
        self.clicked.connect(self._go)
        self.refresh()

    def _go(self, index: QModelIndex) -> None:
        self.document.history.go_to(index.row())

    def refresh(self) -> None:
        """Show the changes done and undone."""
        self.model_.palette = self.palette()
        self.model_.layoutChanged.emit()
        current = self.model_.index(len(self.document.history), 0)
        self.setCurrentIndex(current)
        self.scrollTo(current)
