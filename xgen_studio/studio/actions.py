"""Everything a user can do, by id: the menus, the shortcuts and the palette read this one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from xgen_studio.studio.icons import icon


@dataclass(frozen=True)
class Entry:
    """One thing a user can do."""

    id: str                    # "mask.undo"
    title: str                 # "Undo"
    keys: tuple[str, ...] = ()
    icon: str = ""
    checkable: bool = False
    tip: str = ""


class Actions:
    """The actions of a window, made once, found by id."""

    def __init__(self, owner: QWidget) -> None:
        self.owner = owner
        self.by_id: dict[str, QAction] = {}
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry, call: Callable[..., object]) -> QAction:
        """Make the action of an entry."""
        action = QAction(entry.title, self.owner)
        action.setCheckable(entry.checkable)
        (action.toggled if entry.checkable else action.triggered).connect(call)
        self.by_id[entry.id], self._entries[entry.id] = action, entry
        self.owner.addAction(action)
        self._dress(entry, action)
        return action

    def _dress(self, entry: Entry, action: QAction) -> None:
        action.setShortcuts([QKeySequence(key) for key in entry.keys])
        keys = ", ".join(entry.keys)
        tip = entry.tip or entry.title
        action.setToolTip(f"{tip} ({keys})" if keys else tip)
        if entry.icon:
            action.setIcon(icon(entry.icon))

    def redress(self) -> None:
        """Draw the icons again, in the colours of another theme."""
        for id, action in self.by_id.items():
            self._dress(self._entries[id], action)

    def __getitem__(self, id: str) -> QAction:
        return self.by_id[id]
