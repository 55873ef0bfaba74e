"""The hand workspace: runs of synthetic hands, and landmarks of real ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QDockWidget, QTabWidget, QVBoxLayout

from xgen_studio.anatomy.hand.reading import SUFFIXES
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.hand.landmark_page import LandmarkPage
from xgen_studio.studio.hand.page import ReviewPage
from xgen_studio.studio.workspaces import Menus, Place

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window

REVIEW: Menus = (
    ("&Edit", ("hand.undo", "hand.redo")),
    ("&View", ("hand.gallery", "hand.dots")),
    (
        "&Hand",
        ("hand.accept", "hand.reject", "hand.leave", "hand.next", "hand.prev", "hand.absent"),
    ),
    ("&Run", ("run.",)),
)
LANDMARKS: Menus = (
    ("&Edit", ("mark.undo", "mark.redo")),
    ("&View", ("mark.fit", "mark.contrast", "mark.full")),
    (
        "&Landmarks",
        (
            "mark.open",
            "mark.load",
            "mark.save",
            "mark.propose",
            "mark.flip",
            "mark.occluded",
            "mark.absent",
        ),
    ),
)
VERSION = 1  # of the docks' layout


class HandWorkspace(Place):
    """Two pages: runs under review, and the landmarks of a real hand."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window_ = window
        self.page = ReviewPage(window.queue, window.settings)
        self.landmarks = LandmarkPage(window.engine, window.settings)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.page, "Synthetic hands")
        self.tabs.addTab(self.landmarks, "Landmarks")
        for page in (self.page, self.landmarks):
            page.said.connect(lambda text: window.statusBar().showMessage(text, 15_000))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        if saved := window.settings.now.layout.get("hand"):
            self.page.restoreState(QByteArray.fromBase64(str(saved).encode()), VERSION)
        self.tabs.currentChanged.connect(self._turned)
        self._turned()

    def _turned(self) -> None:
        """Keys of the page that is not in sight are no keys."""
        for page in (self.page, self.landmarks):
            for _, action in page.actions_:
                action.setEnabled(page is self.tabs.currentWidget())
        if self.shown is self.page:
            self.page.set_keys()
        self.page_changed.emit()

    @property
    def shown(self) -> ReviewPage | LandmarkPage:
        """The page in sight."""
        page = self.tabs.currentWidget()
        assert isinstance(page, ReviewPage | LandmarkPage)
        return page

    @property
    def menus(self) -> Menus:
        """Those of the page in sight."""
        return REVIEW if self.shown is self.page else LANDMARKS

    @property
    def actions_(self) -> Actions:
        return self.shown.actions_

    @property
    def docks(self) -> dict[str, QDockWidget]:
        return self.shown.docks

    def redress(self) -> None:
        for page in (self.page, self.landmarks):
            page.actions_.redress()
        self.page.gallery.viewport().update()
        self.landmarks.refresh()

    def take(self, path: Path) -> bool:
        """A folder is a run; a landmark file belongs to the open radiograph; all else is one."""
        if path.suffix.lower() == ".xgen":
            return False
        if path.is_dir():
            self.tabs.setCurrentWidget(self.page)
            self.page.run.open_folder(path)
            return True
        self.tabs.setCurrentWidget(self.landmarks)
        if path.suffix.lower() in SUFFIXES:
            self.landmarks.load(path)
        elif self.landmarks.may_leave():
            self.landmarks.open(path)
        return True

    def ask_open(self) -> bool:
        if self.shown is self.page:
            self.page.run.ask_open()
        else:
            self.landmarks.ask_open()
        return True

    def save(self) -> bool:
        if self.shown is self.page:
            if self.page.save():
                self.page.said.emit("Decisions are saved; Run > Export takes hands out")
        else:
            self.landmarks.ask_save()
        return True

    def may_leave(self) -> bool:
        return self.landmarks.may_leave()

    def leave(self) -> None:
        self.page.save()
        state = bytes(self.page.saveState(VERSION).toBase64().data()).decode()
        settings = self.window_.settings
        settings.put(layout={**settings.now.layout, "hand": state})


def make(window: Window) -> HandWorkspace:
    """The hand workspace."""
    return HandWorkspace(window)
