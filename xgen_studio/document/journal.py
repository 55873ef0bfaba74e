"""The journal: a copy of each open document that survives a kill, and says who has it open.

A folder holds `ID.xgen` (the newest state) and `ID.json` (process, the user's file) for each open
document. A clean close takes both away; what a dead process left is offered for recovery.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from xgen_studio.document import Document
from xgen_studio.document.files import save_document
from xgen_studio.imaging import make_folder, write_json


@dataclass(frozen=True)
class Left:
    """A document that a process left without closing it."""

    id: str
    copy: Path
    file: Path | None  # the user's own file, where it has one


class Journal:
    """The journal entry of one open document."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)
        self.id = secrets.token_hex(8)
        self._note(None)

    def _note(self, file: Path | None) -> None:
        owner = {"pid": os.getpid(), "file": str(file.resolve()) if file else ""}
        write_json(self.folder / f"{self.id}.json", owner)

    def belongs_to(self, file: Path | None) -> None:
        """The user's file of this document."""
        self._note(file)

    def write(self, document: Document) -> None:
        """Keep the newest state."""
        save_document(self.folder / f"{self.id}.xgen", document)

    def close(self) -> None:
        """The document was saved or given up: nothing is left to recover."""
        forget(self.folder, self.id)


def forget(folder: Path, id: str) -> None:
    """Take an entry away."""
    for ending in (".xgen", ".json"):
        (folder / f"{id}{ending}").unlink(missing_ok=True)


def left_behind(folder: Path) -> list[Left]:
    """Entries of processes that are gone, newest first; empty ones are swept away."""
    found = []
    for id, owner in _owners(folder):
        if _alive(owner["pid"]):
            continue
        copy = folder / f"{id}.xgen"
        if copy.exists():
            found.append(Left(id, copy, Path(owner["file"]) if owner["file"] else None))
        else:
            forget(folder, id)
    return sorted(found, key=lambda left: left.copy.stat().st_mtime, reverse=True)


def opened_elsewhere(folder: Path, file: Path) -> int | None:
    """The process that has this file open, other than ours."""
    for _, owner in _owners(folder):
        same = owner["file"] == str(file.resolve())
        if same and owner["pid"] != os.getpid() and _alive(owner["pid"]):
            return int(owner["pid"])
    return None


def _owners(folder: Path) -> list[tuple[str, dict]]:
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            owner = json.loads(path.read_text(encoding="utf-8"))
            found.append((path.stem, {"pid": int(owner["pid"]), "file": str(owner["file"])}))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half-written by a process that died
    return found


def _alive(pid: int) -> bool:
    if os.name != "posix":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined]
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
