"""The Models workspace: every bundle, what it learned from, how well it does, its limits."""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QTextBrowser

from xgen_studio.paths import CARD, bundle_folders
from xgen_studio.studio.workspace import Workspace

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


def read_cards() -> dict[str, dict[str, Any]]:
    """The cards of all bundles by name, read as plain tables: the window loads no torch."""
    return {name: _read(folder / CARD) for name, folder in bundle_folders().items()}


def _read(card: Path) -> dict[str, Any]:
    try:
        return {**tomllib.loads(card.read_text(encoding="utf-8")), "folder": str(card.parent)}
    except (OSError, ValueError) as error:
        return {"title": card.parent.name, "trouble": f"{card}: cannot be read ({error})"}


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

    def _show(self, name: str) -> None:
        if name in self.cards:
            self.text.setHtml(page_of(self.cards[name]))


def make(_window: Window) -> ModelsPage:
    """The Models workspace."""
    return ModelsPage()
