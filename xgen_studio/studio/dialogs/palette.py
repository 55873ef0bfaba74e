"""The command palette: type a few letters of what you want, press Enter."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from xgen_studio.studio.actions import AllActions

SHOWN = 14


def score(wanted: str, title: str) -> int | None:
    """How well a title fits the letters typed: less is better, None is not at all.

    Letters must come in order; runs of them and beginnings of words count for more.
    """
    text, at, cost = title.lower(), -1, 0
    for letter in wanted.lower().replace(" ", ""):
        found = text.find(letter, at + 1)
        if found < 0:
            return None
        gap = found - at - 1
        starts_word = found == 0 or text[found - 1] in " .(-"
        cost += 0 if gap == 0 else (1 if starts_word else 2 + min(gap, 8))
        at = found
    return cost


class Palette(QDialog):
    """A line and a list, over the middle of the window."""

    def __init__(self, actions: AllActions, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = [(e, a, k) for e, a, k in actions.entries() if a.isEnabled()]
        self.line = QLineEdit(placeholderText="What do you want to do?")
        self.line.setAccessibleName("command")
        self.list = QListWidget()
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._run())
        self._fill("")
        self.setFixedWidth(460)
        middle = parent.mapToGlobal(parent.rect().center())
        self.move(middle.x() - 230, parent.mapToGlobal(parent.rect().topLeft()).y() + 90)

    def _fill(self, wanted: str) -> None:
        self.list.clear()
        fits = [(score(wanted, e.title), e.title, a, k) for e, a, k in self._entries]
        ranked = sorted((f for f in fits if f[0] is not None), key=lambda f: (f[0], f[1]))
        for _, title, action, keys in ranked[:SHOWN]:
            text = title.removesuffix(" ...")
            item = QListWidgetItem(action.icon(), f"{text}\t{keys[0]}" if keys else text)
            item.setData(Qt.ItemDataRole.UserRole, action)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        rows = max(1, self.list.count()) * max(18, self.list.sizeHintForRow(0))
        self.list.setFixedHeight(rows + 6)
        self.adjustSize()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                step = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow((self.list.currentRow() + step) % max(1, self.list.count()))
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
        return super().eventFilter(watched, event)

    def _run(self) -> None:
        item = self.list.currentItem()
        action: QAction | None = item.data(Qt.ItemDataRole.UserRole) if item else None
        self.close()
        if action is not None:
            action.trigger()
