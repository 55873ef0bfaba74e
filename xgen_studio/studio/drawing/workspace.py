"""A workspace of mask documents: one page for the document on its desk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QDockWidget, QVBoxLayout

from xgen_studio.document import Document, Work
from xgen_studio.errors import InputError
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.desk import FILTER, Desk
from xgen_studio.studio.drawing.page import DrawingPage
from xgen_studio.studio.drawing.setup import Setup
from xgen_studio.studio.workspace import Menus, Workspace

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window

MENUS: Menus = (
    ("&Edit", ("edit.",)),
    ("&View", ("view.", "mask.")),
    ("&Tools", ("tool.", "brush.")),
    ("&Label", ("label.",)),
    ("&Shapes", ("shape.",)),
    ("&Picture", ("radiograph.",)),
)
VERSION = 2  # of the docks' layout


class DrawingWorkspace(Workspace):
    """Makes a page for each document, and gives it the place and the docks of the one before.

    A wing says how a document is drawn (`setup_for`), which documents it can show (`check`), and
    adds actions of its own to each page (`add_to`).
    """

    def __init__(self, window: Window, name: str, first: Document) -> None:
        super().__init__()
        self.window_, self.name = window, name
        self._page: DrawingPage | None = None
        self._desk = Desk(self, first)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._desk.work_changed.connect(self._show)
        self._desk.settling.connect(self._settle)
        self._show()

    # -- what a wing says ------------------------------------------------------------------------

    def setup_for(self, document: Document) -> Setup:
        """How a document is drawn."""
        raise NotImplementedError("a wing says how its documents are drawn")

    def check(self, document: Document, where: str) -> None:
        """InputError where a document cannot be shown here."""

    def add_to(self, page: DrawingPage) -> None:
        """Add the wing's own actions to a page."""

    def page_closes(self) -> None:
        """The page goes: let go of what belongs to it."""

    # -- a workspace -----------------------------------------------------------------------------

    @property
    def menus(self) -> Menus:
        return MENUS

    @property
    def page(self) -> DrawingPage:
        assert self._page is not None
        return self._page

    @property
    def desk(self) -> Desk:
        return self._desk

    @property
    def actions_(self) -> Actions:
        return self.page.actions_

    @property
    def docks(self) -> dict[str, QDockWidget]:
        return self.page.docks

    @property
    def document(self) -> Document:
        """The document on the desk."""
        document = self._desk.work
        assert isinstance(document, Document)
        return document

    def redress(self) -> None:
        self.page.actions_.redress()
        self.page.redress()

    def setting_changed(self, name: str) -> None:
        if name == "preview_steps":
            self.page.live.preview_steps = self.window_.settings.now.preview_steps
        elif name == "history_mib":
            self.page.limit_history()

    def show_work(self, work: Work, file: Path | None, drawn_how: dict[str, Any]) -> None:
        where = str(file or "this document")
        if not isinstance(work, Document):
            raise InputError(f"{where}: holds {work.kind}, which cannot be drawn here")
        self.check(work, where)
        if self._desk.may_leave():
            self._desk.put(work, file, drawn_how)

    def ask_open(self) -> None:
        if path := self._desk.ask_file("Open", FILTER):
            self.window_.open(path)

    def leave(self) -> None:
        self.keep_layout()
        super().leave()

    def _show(self) -> None:
        window, old = self.window_, self._page
        if old is not None:
            self.keep_layout()
            self.page_closes()
            old.close_page()
        document = self.document
        page = DrawingPage(
            window.engine, window.queue, window.settings, document, self.setup_for(document), self
        )
        self._page = page
        self.add_to(page)
        page.probed.connect(window.probe.setText)
        page.panel.restore(self._desk.drawn_how)
        self._desk.drawn_now = page.panel.drawn_how
        layout = self.layout()
        assert layout is not None
        layout.addWidget(page)
        if old is not None:
            layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        if saved := window.settings.now.layout.get(self.name):
            page.restoreState(QByteArray.fromBase64(str(saved).encode()), VERSION)
        if window.engine.ready_now:
            page.live.become_ready()
        self.page_changed.emit()

    def _settle(self) -> None:
        self.page.settle()

    def keep_layout(self) -> None:
        """Remember where the docks are."""
        state = bytes(self.page.saveState(VERSION).toBase64().data()).decode()
        now = self.window_.settings.now
        self.window_.settings.put(layout={**now.layout, self.name: state})
