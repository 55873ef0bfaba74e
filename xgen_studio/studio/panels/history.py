"""The history: every change by name; a click goes back or forth to it."""

from __future__ import annotations

from PySide6.QtWidgets import QListWidget, QListWidgetItem

from xgen_studio.document import Document


class HistoryPanel(QListWidget):
    """The first row is the document as it was opened; greyed rows can be redone."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setUniformItemSizes(True)
        document.history_changed.connect(self.refresh)
        self.itemClicked.connect(lambda item: document.history.go_to(self.row(item)))
        self.refresh()

    def refresh(self) -> None:
        """Show the changes done and undone."""
        done = len(self.document.history)
        names = ["Start", *self.document.history.names]
        while self.count() > len(names):
            self.takeItem(self.count() - 1)
        for i, name in enumerate(names):
            item = self.item(i)
            if item is None:
                item = QListWidgetItem()
                self.addItem(item)
            if item.text() != name:
                item.setText(name)
            role = "Text" if i <= done else "PlaceholderText"
            item.setForeground(self.palette().color(getattr(self.palette().ColorRole, role)))
        self.setCurrentRow(done)
        self.scrollToItem(self.item(done))
