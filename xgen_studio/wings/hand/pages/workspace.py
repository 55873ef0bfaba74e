"""The hand workspace: runs of synthetic hands, and landmarks of real ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QDockWidget, QTabWidget, QVBoxLayout

from xgen_studio.document import Work
from xgen_studio.errors import InputError
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.workspace import Menus, Workspace
from xgen_studio.wings.hand.pages.landmark_page import LandmarkPage
from xgen_studio.wings.hand.pages.page import ReviewPage
from xgen_studio.wings.hand.science.reading import SUFFIXES
from xgen_studio.wings.hand.tasks.landmark_set import LandmarkSet

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


class HandWorkspace(Workspace):
    """Two pages: runs under review, and the landmarks of a real hand."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window_ = window
        self.review = ReviewPage(window.queue, window.settings)
        self.landmarks = LandmarkPage(window.engine, window.settings)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.review, "Synthetic hands")
        self.tabs.addTab(self.landmarks, "Landmarks")
        for page in (self.review, self.landmarks):
            page.said.connect(window.say)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        if saved := window.settings.now.layout.get("hand"):
            self.review.restoreState(QByteArray.fromBase64(str(saved).encode()), VERSION)
        self.tabs.currentChanged.connect(self._turned)
        self._turned()

    def _turned(self) -> None:
        """Keys of the page that is not in sight are no keys."""
        for page in (self.review, self.landmarks):
            for _, action in page.actions_:
                action.setEnabled(page is self.tabs.currentWidget())
        if self.shown is self.review:
            self.review.set_keys()
        self.page_changed.emit()

    @property
    def desk(self) -> Desk:
        """The landmarks' desk; a review saves itself, beside its run."""
        return self.landmarks.desk

    @property
    def page(self) -> ReviewPage | LandmarkPage:
        return self.shown

    @property
    def shown(self) -> ReviewPage | LandmarkPage:
        """The page in sight."""
        page = self.tabs.currentWidget()
        assert isinstance(page, ReviewPage | LandmarkPage)
        return page

    @property
    def menus(self) -> Menus:
        """Those of the page in sight."""
        return REVIEW if self.shown is self.review else LANDMARKS

    @property
    def actions_(self) -> Actions:
        return self.shown.actions_

    @property
    def docks(self) -> dict[str, QDockWidget]:
        return self.shown.docks

    def redress(self) -> None:
        for page in (self.review, self.landmarks):
            page.actions_.redress()
        self.review.gallery.viewport().update()
        self.landmarks.refresh()

    def take(self, path: Path) -> bool:
        """A folder is a run; a landmark file belongs to the open radiograph; all else is one."""
        if path.is_dir():
            self.tabs.setCurrentWidget(self.review)
            self.review.run.open_folder(path)
            return True
        self.tabs.setCurrentWidget(self.landmarks)
        if path.suffix.lower() in SUFFIXES:
            self.landmarks.load(path)
        elif self.landmarks.may_leave():
            self.landmarks.open(path)
        return True

    def show_work(self, work: Work, file: Path | None, drawn_how: dict[str, Any]) -> None:
        if not isinstance(work, LandmarkSet):
            raise InputError(f"{file or 'this document'}: holds {work.kind}, not landmarks")
        self.tabs.setCurrentWidget(self.landmarks)
        if self.landmarks.may_leave():
            self.landmarks.show_work(work, file)

    def ask_open(self) -> None:
        if self.shown is self.review:
            self.review.run.ask_open()
        else:
            self.landmarks.ask_open()

    def save(self) -> bool:
        if self.shown is self.landmarks:
            return self.desk.save() if self.desk.file else self.landmarks.ask_save()
        saved = self.review.save()
        if saved:
            self.review.said.emit("Decisions are saved; Run > Export takes hands out")
        return saved

    def save_as(self) -> bool:
        return self.landmarks.ask_save() if self.shown is self.landmarks else self.save()

    def may_leave(self) -> bool:
        return self.landmarks.may_leave()

    def leave(self) -> None:
        super().leave()
        self.review.save()
        state = bytes(self.review.saveState(VERSION).toBase64().data()).decode()
        settings = self.window_.settings
        settings.put(layout={**settings.now.layout, "hand": state})


def make(window: Window) -> HandWorkspace:
    """The hand workspace."""
    return HandWorkspace(window)
