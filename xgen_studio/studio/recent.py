"""The folder of the journal, and the list of recent files."""

from __future__ import annotations

import json
from pathlib import Path

from xgen_studio.errors import InputError
from xgen_studio.imaging import make_folder, write_json
from xgen_studio.state import state_folder

MOST_RECENT = 12


def journal_folder() -> Path:
    """Copies of open documents."""
    return make_folder(state_folder() / "journal")


class Recent:
    """Files opened and saved lately, newest first."""

    def __init__(self) -> None:
        self._file = state_folder() / "recent.json"

    def paths(self) -> list[Path]:
        """Those that are still there."""
        try:
            names = json.loads(self._file.read_text(encoding="utf-8"))
            return [Path(name) for name in names if Path(name).exists()]
        except (OSError, ValueError, TypeError):
            return []

    def add(self, path: Path) -> None:
        """Put a file first."""
        names = [str(path.resolve()), *map(str, self.paths())]
        try:
            write_json(self._file, list(dict.fromkeys(names))[:MOST_RECENT])
        except InputError:
            return  # a list of recent files is not worth an error
