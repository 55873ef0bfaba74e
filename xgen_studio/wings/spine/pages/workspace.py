"""The spine workspace: a desk with one spine, and its page."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QDockWidget, QVBoxLayout

from xgen_studio.document import Work
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.desk import ENDING, FILTER, Desk
from xgen_studio.studio.workspace import Menus, Workspace
from xgen_studio.wings.spine.pages.commands import MENUS
from xgen_studio.wings.spine.pages.opening import Opening, may_be_spine
from xgen_studio.wings.spine.pages.page import SpinePage
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window

VERSION = 1  # of the docks' layout


def nothing() -> SpineWork:
    """What lies on the desk before anything is opened."""
    return SpineWork(Volume(np.zeros((1, 1, 1), np.uint8), (1.0, 1.0, 1.0)))


class SpineWorkspace(Workspace):
    """One spine at a time."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window_ = window
        self._folder = TemporaryDirectory(prefix="xgen-spine-", ignore_cleanup_errors=True)
        self._desk = Desk(self, nothing())
        self.opening = Opening(self._desk)
        self._page = SpinePage(
            window.engine, window.settings, self._desk, self.opening, Path(self._folder.name)
        )
        self._desk.work_changed.connect(self._page.lay)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._page)
        if saved := window.settings.now.layout.get("spine"):
            self._page.restoreState(QByteArray.fromBase64(str(saved).encode()), VERSION)

    @property
    def menus(self) -> Menus:
        return MENUS

    @property
    def page(self) -> SpinePage:
        return self._page

    @property
    def desk(self) -> Desk:
        return self._desk

    @property
    def actions_(self) -> Actions:
        return self._page.actions_

    @property
    def docks(self) -> dict[str, QDockWidget]:
        return self._page.docks

    def redress(self) -> None:
        self._page.redress()

    def setting_changed(self, name: str) -> None:
        if name == "history_mib":
            self._page.limit_history()

    def take(self, path: Path) -> bool:
        """A scan, a mask, or the grading of an earlier scan."""
        if path.suffix.lower() == ".json" and not self._page.empty:
            self._page.files.compare_with(path)
            return True
        if not may_be_spine(path):
            return False
        self.opening.open(path)
        return True

    def show_work(self, work: Work, file: Path | None, drawn_how: dict[str, Any]) -> None:
        if not isinstance(work, SpineWork):
            raise InputError(f"{file or 'this document'}: holds {work.kind}, not a spine")
        if self._desk.may_leave():
            self.opening.forget()
            self._desk.put(work, file, drawn_how)
            if work.scan_file is not None and work.scan is None:
                self.opening.find_scan()

    def ask_open(self) -> None:
        kinds = f"All that can be opened (*{ENDING} *.nii *.nii.gz *.mha *.nrrd *.dcm *);;{FILTER}"
        if path := self._desk.ask_file("Open", kinds):
            self.window_.open(path)

    def leave(self) -> None:
        super().leave()
        state = bytes(self._page.saveState(VERSION).toBase64().data()).decode()
        settings = self.window_.settings
        settings.put(layout={**settings.now.layout, "spine": state})
        self._folder.cleanup()


def make(window: Window) -> SpineWorkspace:
    """The spine workspace."""
    return SpineWorkspace(window)
