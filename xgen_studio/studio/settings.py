"""What the user prefers: one small file, read at the start, written at every change."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.private import turn, write_private
from xgen_studio.state import state_folder, state_or_session
from xgen_studio.tables import from_table

THEMES = ("system", "dark", "light")
LARGEST = 2**20  # bytes


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


def merged(kept: Any, before: Any, now: Any) -> Any:
    """What the file should hold: our change from `before` to `now`, made to what it holds."""
    if not isinstance(now, dict):
        return now
    gone = before.keys() - now.keys()
    changed = {key: value for key, value in now.items() if before.get(key) != value}
    return {key: value for key, value in {**kept, **changed}.items() if key not in gone}


class Settings(QObject):
    """The preferences and who listens to them. A damaged file is set aside, never an obstacle."""

    changed = Signal(str)  # name of what changed

    def __init__(self) -> None:
        super().__init__()
        self.trouble = state_or_session()
        self.file: Path = state_folder() / "settings.json"
        self.now = self._read()

    def _read(self) -> Preferences:
        if not self.file.exists():
            return Preferences()
        try:
            return from_table(Preferences, read_json(self.file, LARGEST), str(self.file))
        except InputError as error:
            self.trouble = f"The settings could not be read and start anew ({error})."
            with suppress(OSError):
                self.file.replace(self.file.with_suffix(".damaged.json"))
            return Preferences()

    def put(self, **values: Any) -> None:
        """Change preferences, at once and for the next time. What another window changed in the
        meantime stays in the file; this window goes on with its own."""
        known = {f.name for f in fields(Preferences)}
        assert values.keys() <= known, values.keys() - known
        before = asdict(self.now)
        for name, value in values.items():
            if getattr(self.now, name) != value:
                setattr(self.now, name, value)
                self.changed.emit(name)
        try:
            with turn(self.file):
                kept = asdict(self._read() if self.file.exists() else self.now)
                for name in values:
                    kept[name] = merged(kept[name], before[name], asdict(self.now)[name])
                write_private(self.file, kept)
        except InputError as error:
            self.trouble = f"The settings are kept for this session only ({error})."
