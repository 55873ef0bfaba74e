"""A place to work in: what a wing, or the house itself, puts beside the rail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from xgen_studio.document import Work
from xgen_studio.registry import wings
from xgen_studio.studio.actions import Actions
from xgen_studio.wing import resolve

if TYPE_CHECKING:
    from xgen_studio.studio.desk import Desk


Menus = tuple[tuple[str, tuple[str, ...]], ...]  # title and the beginnings of its actions' ids


class Workspace(QWidget):
    """What is shown beside the rail: its own menus, actions and docks, and its desk, if any."""

    page_changed = Signal()  # its menus are others now

    @property
    def menus(self) -> Menus:
        """Its menus, besides those of the window."""
        return ()

    @property
    def actions_(self) -> Actions | None:
        """What a user can do here. Those of `file.` and `case.` stand in the window's File menu."""
        return None

    @property
    def docks(self) -> dict[str, QDockWidget]:
        """Panels that can be shown and hidden."""
        return {}

    @property
    def page(self) -> QWidget:
        """What is in sight of it."""
        return self

    @property
    def desk(self) -> Desk | None:
        """What its work lies on; None where nothing is saved here."""
        return None

    def redress(self) -> None:
        """Follow another theme."""

    def setting_changed(self, name: str) -> None:
        """A preference is another one."""

    def take(self, path: Path) -> bool:
        """A file or folder was dropped on the window; False where it is nothing for this place."""
        return False

    def show_work(self, work: Work, file: Path | None, drawn_how: dict[str, Any]) -> None:
        """Lay a work on the desk; InputError where it is none that can be shown here."""
        raise NotImplementedError("only a workspace with a desk shows works")

    def ask_open(self) -> None:
        """Choose something to open."""

    def save(self) -> bool:
        """Save what is in sight; True when it is on the disk."""
        return self.desk is not None and self.desk.save()

    def save_as(self) -> bool:
        """Choose where to save what is in sight."""
        return self.desk is not None and self.desk.save_as()

    def may_leave(self) -> bool:
        """Whether the window may close: asks where something would be lost."""
        return self.desk is None or self.desk.may_leave()

    def leave(self) -> None:
        """The window closes: keep what should last."""
        if self.desk is not None:
            self.desk.close()


@dataclass(frozen=True)
class Door:
    """A workspace on the rail. `place` is 'module:function'; the function takes the window and
    gives the widget, when it is first shown."""

    name: str
    title: str
    icon: str | Path  # of the studio, or a file
    place: str

    def open(self, window: QMainWindow) -> Workspace:
        """Import the module and make the widget."""
        build: Callable[[QMainWindow], Workspace] = resolve(self.place)
        return build(window)


def doors() -> tuple[Door, ...]:
    """The workspaces of all wings, then those of the house, in the order of the rail."""
    own = [
        Door(w.name, w.title, w.folder / "icon.svg", w.workspace) for w in wings() if w.workspace
    ]
    return (
        *own,
        Door("train", "Train", "train", "xgen_studio.studio.train.page:make"),
        Door("models", "Models", "models", "xgen_studio.studio.models.page:make"),
    )
