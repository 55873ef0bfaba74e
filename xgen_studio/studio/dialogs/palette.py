"""The command palette: type a few letters of what you want, press Enter."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from xgen_studio.studio.actions import AllActions
from xgen_studio.studio.icons import blank

SHOWN = 14
ROW = 24  # px


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
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setIconSize(QSize(16, 16))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setColumnWidth(0, 310)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item, _column: self._run())
        self._fill("")
        self.setFixedWidth(460)
        middle = parent.mapToGlobal(parent.rect().center())
        self.move(middle.x() - 230, parent.mapToGlobal(parent.rect().topLeft()).y() + 90)

    def _fill(self, wanted: str) -> None:
        self.list.clear()
        fits = [(score(wanted, e.title), e.title, a, k) for e, a, k in self._entries]
        ranked = sorted((f for f in fits if f[0] is not None), key=lambda f: (f[0], f[1]))
        for _, title, action, keys in ranked[:SHOWN]:
            item = QTreeWidgetItem([title.removesuffix(" ..."), keys[0] if keys else ""])
            item.setIcon(0, action.icon() if not action.icon().isNull() else blank())
            item.setSizeHint(0, QSize(0, ROW))
            item.setData(0, Qt.ItemDataRole.UserRole, action)
            self.list.addTopLevelItem(item)
        self._take(0)
        self.list.setFixedHeight(max(1, self.list.topLevelItemCount()) * ROW + 4)
        self.adjustSize()

    def _take(self, row: int) -> None:
        """Make a row the current one."""
        item = self.list.topLevelItem(row % max(1, self.list.topLevelItemCount()))
        if item is not None:
            self.list.setCurrentItem(item)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                step = 1 if key == Qt.Key.Key_Down else -1
                self._take(self.list.currentIndex().row() + step)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
        return super().eventFilter(watched, event)

    def _run(self) -> None:
        item = self.list.currentItem()
        action: QAction | None = item.data(0, Qt.ItemDataRole.UserRole) if item else None
        self.close()
        if action is not None:
            action.trigger()
