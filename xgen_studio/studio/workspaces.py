"""The workspaces, in the order of the rail. Each is made when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDockWidget, QWidget

from xgen_studio.studio.actions import Actions

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


Menus = tuple[tuple[str, tuple[str, ...]], ...]  # title and the beginnings of its actions' ids


class Place(QWidget):
    """What a workspace shows: its own menus, actions and docks, if it has any."""

    page_changed = Signal()  # its menus are others now

    @property
    def menus(self) -> Menus:
        """Its menus, besides those of the window."""
        return ()

    @property
    def actions_(self) -> Actions | None:
        """What a user can do here."""
        return None

    @property
    def docks(self) -> dict[str, QDockWidget]:
        """Panels that can be shown and hidden."""
        return {}

    def redress(self) -> None:
        """Follow another theme."""

    def take(self, path: Path) -> bool:
        """A file or folder was dropped on the window; False where it is nothing for this place."""
        return False

    def ask_open(self) -> bool:
        """Open something of its own; False where it has nothing, and the knee's documents do."""
        return False

    def save(self) -> bool:
        """Save what is in sight; False where that is the knee's document."""
        return False

    def may_leave(self) -> bool:
        """Whether the window may close: asks where something would be lost."""
        return True

    def leave(self) -> None:
        """The window closes: keep what should last."""


@dataclass(frozen=True)
class Workspace:
    """A place to work in. `place` is 'module:function'; the function takes the window and gives
    the widget."""

    id: str
    title: str
    icon: str
    place: str

    def make(self, window: Window) -> Place:
        """Import the module and make the widget."""
        module, function = self.place.split(":")
        build: Callable[[Window], Place] = getattr(import_module(module), function)
        return build(window)


WORKSPACES = (
    Workspace("knee", "Knee", "knee", "xgen_studio.studio.knee.workspace:make"),
    Workspace("hand", "Hand", "hand", "xgen_studio.studio.hand.workspace:make"),
    Workspace("models", "Models", "models", "xgen_studio.studio.models_page:make"),
)
