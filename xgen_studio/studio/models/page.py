"""The Models workspace: every bundle, what it learned from, how well it does, its limits."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QTextBrowser

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_toml
from xgen_studio.paths import CARD, bundle_folders
from xgen_studio.studio.workspace import Workspace

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


LARGEST = 2**20  # bytes of a card


def read_cards() -> dict[str, dict[str, Any]]:
    """The cards of all bundles by name, read as plain tables: the window loads no torch."""
    return {name: _read(folder / CARD) for name, folder in bundle_folders().items()}


def _read(card: Path) -> dict[str, Any]:
    """A card; one that cannot be shown has its `trouble` in words."""
    folder = str(card.parent)
    try:
        table = read_toml(card, LARGEST)
        _check(table, card)
    except InputError as error:
        return {"title": card.parent.name, "folder": folder, "trouble": str(error)}
    return {**table, "folder": folder}


def _check(table: dict[str, Any], card: Path) -> None:
    """InputError where a part of a card is not what is shown of it."""
    for key in ("methods", "networks", "measured"):
        if not isinstance(table.get(key, {}), dict):
            raise InputError(f"{card}: '{key}' is no table; mend the card")
    for method, network in table.get("methods", {}).items():
        if not isinstance(network, str):
            raise InputError(f"{card}: the method '{method}' names no network; mend the card")
    for name, network in table.get("networks", {}).items():
        if not (isinstance(network, dict) and isinstance(network.get("examples", 0), int)):
            raise InputError(f"{card}: the network '{name}' is no table of figures; mend the card")
    grid = table.get("grid", ["?", "?"])
    if not (isinstance(grid, list) and len(grid) == 2):
        raise InputError(f"{card}: 'grid' is not two numbers of pixels; mend the card")


def page_of(card: dict[str, Any]) -> str:
    """A card as HTML."""

    def said(key: str) -> str:
        return escape(str(card.get(key, "")))

    if "trouble" in card:
        return f"<h2>{said('title')}</h2><p>{said('trouble')}</p>"
    grid = card.get("grid", ["?", "?"])
    rows = [
        ("Does", f"{said('summary')}; {grid[1]} x {grid[0]} px"),
        ("Trained on", said("trained_on")),
        ("Limits", f"<b>{said('limits')}</b>"),
        ("Licence", said("licence")),
        ("Attribution", said("attribution")),
        ("Folder", said("folder")),
    ]
    networks = card.get("networks", {})
    for method, network in card.get("methods", {}).items():
        seen = networks.get(network, {})
        rows.append(
            (
                f"Method {escape(method)}",
                f"network {escape(network)}, {seen.get('examples', 0):,} examples seen, SHA-256"
                f" {escape(str(seen.get('sha256', 'missing'))[:16])}...",
            )
        )
    rows += [
        (escape(k.replace("_", " ")), escape(str(v))) for k, v in card.get("measured", {}).items()
    ]
    lines = "".join(
        f"<tr><td valign='top' style='padding:3px 14px 3px 0'><i>{key}</i></td>"
        f"<td valign='top' style='padding:3px 0'>{text}</td></tr>"
        for key, text in rows
        if text
    )
    return f"<h2>{said('title')}</h2><table>{lines}</table>"


class ModelsPage(Workspace):
    """A list on the left, the card on the right."""

    said = Signal(str)  # for the status line

    def __init__(self) -> None:
        super().__init__()
        self.cards = read_cards()
        self.list = QListWidget()
        self.list.setFixedWidth(200)
        self.list.setAccessibleName("models")
        self.list.addItems(list(self.cards))
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        line = QHBoxLayout(self)
        line.addWidget(self.list)
        line.addWidget(self.text, 1)
        self.list.currentTextChanged.connect(self._show)
        self.list.setCurrentRow(0)
        if not self.cards:
            self.text.setText("No models found: name folders of bundles in XGEN_MODELS.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Read the cards again; a model that took the place of one that is gone is said."""
        before, self.cards = self.cards, read_cards()
        for name, card in self.cards.items():
            old = before.get(name, card)["folder"]
            if old != card["folder"] and not Path(old, CARD).exists():
                self.said.emit(f"{old} is gone: {name} is now the model in {card['folder']}")
        if list(self.cards) != list(before):
            chosen = self.list.currentItem().text() if self.list.currentItem() else ""
            self.list.clear()
            self.list.addItems(list(self.cards))
            names = list(self.cards)
            self.list.setCurrentRow(names.index(chosen) if chosen in names else 0)
        elif item := self.list.currentItem():
            self._show(item.text())

    def _show(self, name: str) -> None:
        if name in self.cards:
            self.text.setHtml(page_of(self.cards[name]))


def make(window: Window) -> ModelsPage:
    """The Models workspace."""
    page = ModelsPage()
    page.said.connect(window.say)
    return page
