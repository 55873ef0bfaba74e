"""Everything a user can do, by id: the menus, the shortcuts and the palette read this one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from xgen_studio.studio.icons import icon
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.shortcuts import Keys, conflicts, keys_of
from xgen_studio.studio.words import plain


@dataclass(frozen=True)
class Entry:
    """One thing a user can do."""

    id: str  # "edit.undo"; what stands before the point is its menu
    title: str  # "Undo"
    keys: Keys = ()
    icon: str = ""
    checkable: bool = False
    tip: str = ""


class Actions:
    """The actions of a page, made once, found by id; their keys follow the settings."""

    def __init__(self, owner: QWidget, settings: Settings) -> None:
        self.owner, self.settings = owner, settings
        self.by_id: dict[str, QAction] = {}
        self.entries: dict[str, Entry] = {}

    def add(self, entry: Entry, call: Callable[..., object]) -> QAction:
        """Make the action of an entry."""
        action = QAction(entry.title, self.owner)
        action.setCheckable(entry.checkable)
        (action.toggled if entry.checkable else action.triggered).connect(call)
        self.by_id[entry.id], self.entries[entry.id] = action, entry
        self.owner.addAction(action)
        self._dress(entry, action)
        return action

    def keys(self, id: str) -> Keys:
        """The keys of an action as things stand."""
        now = self.settings.now
        return keys_of(id, self.entries[id].keys, now.keys, now.own_keys)

    def _dress(self, entry: Entry, action: QAction) -> None:
        keys = self.keys(entry.id)
        action.setShortcuts([QKeySequence(key) for key in keys])
        tip = entry.tip or entry.title.removesuffix(" ...")
        action.setToolTip(plain(f"{tip} ({', '.join(keys)})" if keys else tip))
        if entry.icon:
            action.setIcon(icon(entry.icon))

    def redress(self) -> None:
        """Follow another theme or other keys."""
        for id, action in self.by_id.items():
            self._dress(self.entries[id], action)

    def __getitem__(self, id: str) -> QAction:
        return self.by_id[id]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.by_id.items())


class AllActions:
    """The actions of the window and of the page on it, as menus, palette and editor see them."""

    def __init__(self, parts: Callable[[], list[Actions]]) -> None:
        self._parts = parts

    def entries(self) -> list[tuple[Entry, QAction, Keys]]:
        """Every action with its keys."""
        return [
            (part.entries[id], action, part.keys(id))
            for part in self._parts()
            for id, action in part
        ]

    def conflicts(self) -> dict[str, list[str]]:
        """Keys claimed twice, with the ids that claim them."""
        return conflicts({entry.id: keys for entry, _, keys in self.entries()})
