"""The knee workspace: the page of the document on the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QDockWidget, QVBoxLayout

from xgen_studio.studio.actions import Actions
from xgen_studio.studio.knee.page import KneePage
from xgen_studio.studio.workspaces import Menus, Place

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window

MENUS: Menus = (
    ("&Edit", ("edit.",)),
    ("&View", ("view.", "mask.")),
    ("&Tools", ("tool.", "brush.")),
    ("&Label", ("label.",)),
    ("&Shapes", ("shape.",)),
    ("&Radiograph", ("radiograph.",)),
)
VERSION = 1  # of the docks' layout


class KneeWorkspace(Place):
    """Makes a page for each document, and gives it the place and the docks of the one before."""

    @property
    def menus(self) -> Menus:
        """Those of the page."""
        return MENUS

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window_ = window
        self.page: KneePage | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        window.desk.document_changed.connect(self._show)
        window.desk.settling.connect(self._settle)
        self._show()

    @property
    def actions_(self) -> Actions:
        """The actions of the page."""
        assert self.page is not None
        return self.page.actions_

    @property
    def docks(self) -> dict[str, QDockWidget]:
        """The docks of the page."""
        assert self.page is not None
        return self.page.docks

    def redress(self) -> None:
        """The page follows the theme."""
        assert self.page is not None
        self.page.actions_.redress()
        self.page.redress()

    def _show(self) -> None:
        window, old = self.window_, self.page
        if old is not None:
            self.keep_layout()
            old.close_page()
        page = KneePage(window.engine, window.queue, window.settings, window.desk.document, self)
        page.probed.connect(window.probe.setText)
        page.panel.restore(window.desk.look)
        window.desk.look_now = page.panel.look
        self.page = page
        layout = self.layout()
        assert layout is not None
        layout.addWidget(page)
        if old is not None:
            layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        if saved := window.settings.now.layout.get("knee"):
            page.restoreState(QByteArray.fromBase64(str(saved).encode()), VERSION)
        if window.engine.ready_now:
            page.live.become_ready()
        self.page_changed.emit()

    def _settle(self) -> None:
        if self.page is not None:
            self.page.settle()

    def leave(self) -> None:
        self.keep_layout()

    def keep_layout(self) -> None:
        """Remember where the docks are."""
        if self.page is not None:
            state = bytes(self.page.saveState(VERSION).toBase64().data()).decode()
            now = self.window_.settings.now
            self.window_.settings.put(layout={**now.layout, "knee": state})


def make(window: Window) -> KneeWorkspace:
    """The knee workspace."""
    return KneeWorkspace(window)
