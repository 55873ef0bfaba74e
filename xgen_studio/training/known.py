"""The runs this user knows of, wherever their folders are: what `xgen runs` and the Train page
list. Loads no torch."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging.atomic import make_folder
from xgen_studio.private import write_private
from xgen_studio.state import state_folder
from xgen_studio.training.run_folder import RunFolder


def _list() -> Path:
    return make_folder(state_folder() / "runs")


def remember(run: Path) -> None:
    """Put a run on the list; a list that cannot be written is not worth an error."""
    path = run.resolve()
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    with suppress(InputError):
        write_private(_list() / f"{name}.json", {"run": str(path)})


def known_runs() -> list[RunFolder]:
    """The runs that are still there, the liveliest first; the others are forgotten."""
    found = []
    for entry in _list().glob("*.json"):
        try:
            folder = RunFolder(Path(read_json(entry)["run"]))
        except (InputError, ValueError, KeyError, TypeError):
            continue
        if folder.exists:
            found.append(folder)
        else:
            entry.unlink(missing_ok=True)
    return sorted(found, key=RunFolder.silence)
