"""The shortcut editor: presets, own keys, and a warning where two actions claim one key."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.actions import AllActions
from xgen_studio.studio.icons import blank
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.shortcuts import PRESETS
from xgen_studio.studio.words import Words

ID = Qt.ItemDataRole.UserRole


class ShortcutEditor(QDialog):
    """Every change holds at once; a preset is the ground, own keys lie over it."""

    def __init__(self, actions: AllActions, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.actions_, self.settings = actions, settings
        self.preset = QComboBox()
        self.preset.addItems(list(PRESETS))
        self.preset.setCurrentText(settings.now.keys)
        self.preset.setAccessibleName("preset")
        self.search = QLineEdit(placeholderText="Search an action or a key")
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Action", "Keys"])
        self.tree.setRootIsDecorated(False)
        self.tree.setAlternatingRowColors(True)
        self.tree.setIconSize(QSize(16, 16))
        self.tree.setColumnWidth(0, 300)
        self.edit = QKeySequenceEdit()
        self.edit.setMaximumSequenceLength(1)
        self.edit.setClearButtonEnabled(True)
        self.put, self.back = QPushButton("Use this key"), QPushButton("As in the preset")
        self.warning = Words()
        self.warning.setWordWrap(True)
        self.warning.setMinimumHeight(36)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.close)
        top, below = QHBoxLayout(), QHBoxLayout()
        top.addWidget(Words("Keys as in"))
        top.addWidget(self.preset)
        top.addWidget(self.search, 1)
        below.addWidget(self.edit, 1)
        below.addWidget(self.put)
        below.addWidget(self.back)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.tree, 1)
        column.addLayout(below)
        column.addWidget(self.warning)
        column.addWidget(close)
        self.resize(560, 560)
        self.preset.currentTextChanged.connect(lambda name: self._change(keys=name))
        self.search.textChanged.connect(self._filter)
        self.tree.currentItemChanged.connect(lambda *_: self.edit.clear())
        self.edit.keySequenceChanged.connect(self._warn)
        self.put.clicked.connect(self._put)
        self.back.clicked.connect(self._back)
        self._fill()

    def _change(self, **values: object) -> None:
        self.settings.put(**values)
        self._fill()

    def _fill(self) -> None:
        chosen = self._id()
        clashes = {id for ids in self.actions_.conflicts().values() for id in ids}
        self.tree.clear()
        for entry, action, keys in self.actions_.entries():
            item = QTreeWidgetItem([entry.title.removesuffix(" ..."), ", ".join(keys)])
            item.setIcon(0, action.icon() if not action.icon().isNull() else blank())
            item.setData(0, ID, entry.id)
            if entry.id in self.settings.now.own_keys:
                font = item.font(1)
                font.setBold(True)
                item.setFont(1, font)
            if entry.id in clashes:
                item.setText(1, f"{item.text(1)}  (claimed twice)")
            self.tree.addTopLevelItem(item)
            if entry.id == chosen:
                self.tree.setCurrentItem(item)
        self._filter(self.search.text())
        self._warn()

    def _filter(self, wanted: str) -> None:
        for i in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(i)
            assert item is not None
            text = f"{item.text(0)} {item.text(1)}".lower()
            item.setHidden(wanted.lower() not in text)

    def _id(self) -> str:
        item = self.tree.currentItem()
        return str(item.data(0, ID)) if item else ""

    def _key(self) -> str:
        return self.edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def users_of(self, key: str) -> list[str]:
        """Titles of other actions that have the key."""
        return [
            entry.title.removesuffix(" ...")
            for entry, _, keys in self.actions_.entries()
            if key in keys and entry.id != self._id()
        ]

    def _warn(self) -> None:
        key = self._key()
        users = self.users_of(key) if key else []
        if users:
            self.warning.setText(f"{key} is taken by {', '.join(users)}, which would lose it.")
        elif clashes := self.actions_.conflicts():
            said = "; ".join(f"{key}: {' and '.join(ids)}" for key, ids in clashes.items())
            self.warning.setText(f"Claimed twice, so that neither answers: {said}.")
        else:
            self.warning.setText("Choose an action, press the key it should have.")

    def _put(self) -> None:
        """Give the action this key alone, and take it from whoever has it."""
        id, key = self._id(), self._key()
        if not id or not key:
            return
        own = dict(self.settings.now.own_keys)
        for entry, _, keys in self.actions_.entries():
            if key in keys and entry.id != id:
                own[entry.id] = [k for k in keys if k != key]
        self.edit.clear()
        self._change(own_keys={**own, id: [key]})

    def _back(self) -> None:
        own = {k: v for k, v in self.settings.now.own_keys.items() if k != self._id()}
        self._change(own_keys=own)
