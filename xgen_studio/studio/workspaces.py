"""The workspaces, in the order of the rail. Each is made when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


@dataclass(frozen=True)
class Workspace:
    """A place to work in. `place` is 'module:function'; the function takes the window and gives
    the widget."""

    id: str
    title: str
    icon: str
    place: str

    def make(self, window: Window) -> QWidget:
        """Import the module and make the widget."""
        module, function = self.place.split(":")
        build: Callable[[Window], QWidget] = getattr(import_module(module), function)
        return build(window)


WORKSPACES = (
    Workspace("knee", "Knee", "knee", "xgen_studio.studio.knee.workspace:make"),
    Workspace("models", "Models", "models", "xgen_studio.studio.models_page:make"),
)
