"""The folder of the journal, and the list of recent files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import make_folder
from xgen_studio.private import turn, write_private
from xgen_studio.state import state_folder

MOST_RECENT = 12
LARGEST = 2**20  # bytes


def journal_folder() -> Path:
    """Copies of open documents."""
    return make_folder(state_folder() / "journal")


class Recent:
    """Files opened and saved lately, newest first."""

    def __init__(self) -> None:
        self._file = state_folder() / "recent.json"

    def _names(self) -> list[str]:
        try:
            names = read_json(self._file, LARGEST)
        except InputError:  # there is none, or it is damaged: not worth a word
            return []
        found = names if isinstance(names, list) else []
        return [name for name in found if isinstance(name, str) and "\0" not in name]

    def paths(self) -> list[Path]:
        """Those that are still there."""
        return [Path(name) for name in self._names()[:MOST_RECENT] if os.path.exists(name)]

    def add(self, path: Path) -> None:
        """Put a file first."""
        with turn(self._file), suppress(InputError, OSError):  # not worth an error
            names = [str(path.resolve()), *map(str, self.paths())]
            write_private(self._file, list(dict.fromkeys(names))[:MOST_RECENT])
