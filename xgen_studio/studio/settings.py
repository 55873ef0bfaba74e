"""What the user prefers: one small file, read at the start, written at every change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from xgen_studio.errors import InputError
from xgen_studio.imaging import write_json
from xgen_studio.state import state_folder
from xgen_studio.tables import from_table

THEMES = ("system", "dark", "light")


@dataclass
class Preferences:
    """The user's choices, each with its default."""

    theme: str = "system"  # one of THEMES
    keys: str = "XGen"  # the preset of shortcuts
    own_keys: dict[str, Any] = field(default_factory=dict)  # action id -> list of keys
    device: str = "cpu"
    preview_steps: int = 2  # network evaluations while the pen is down
    history_mib: int = 256  # memory for undo
    tour_seen: bool = False
    layout: dict[str, Any] = field(default_factory=dict)  # window and docks, as Qt saves them

    def __post_init__(self) -> None:
        if self.theme not in THEMES:
            raise ValueError(f"theme '{self.theme}' is none of {', '.join(THEMES)}")
        if not 1 <= self.preview_steps <= 8:
            raise ValueError("preview_steps must be 1 to 8")
        if not 16 <= self.history_mib <= 16_384:
            raise ValueError("history_mib must be 16 to 16384")


class Settings(QObject):
    """The preferences and who listens to them. A damaged file is set aside, never an obstacle."""

    changed = Signal(str)  # name of what changed

    def __init__(self) -> None:
        super().__init__()
        self.file: Path = state_folder() / "settings.json"
        self.trouble = ""
        self.now = self._read()

    def _read(self) -> Preferences:
        try:
            table = json.loads(self.file.read_text(encoding="utf-8"))
            return from_table(Preferences, table, str(self.file))
        except FileNotFoundError:
            return Preferences()
        except (OSError, ValueError, InputError) as error:
            self.trouble = f"The settings could not be read and start anew ({error})."
            aside = self.file.with_suffix(".damaged.json")
            try:
                self.file.replace(aside)
            except OSError:
                return Preferences()
            return Preferences()

    def put(self, **values: Any) -> None:
        """Change preferences, at once and for the next time."""
        known = {f.name for f in fields(Preferences)}
        assert values.keys() <= known, values.keys() - known
        for name, value in values.items():
            if getattr(self.now, name) != value:
                setattr(self.now, name, value)
                self.changed.emit(name)
        try:
            write_json(self.file, asdict(self.now))
        except InputError as error:
            self.trouble = f"The settings are kept for this session only ({error})."
