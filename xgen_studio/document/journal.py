"""The journal: a copy of each open document that survives a kill, and says who has it open.

A folder holds `ID.xgen` (the newest state) and `ID.json` (process, the user's file) for each open
document. A clean close takes both away; what a dead process left is offered for recovery.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from xgen_studio.document import Document
from xgen_studio.document.files import save_document
from xgen_studio.errors import InputError
from xgen_studio.imaging import make_folder, write_json


@dataclass(frozen=True)
class Left:
    """A document that a process left without closing it."""

    id: str
    copy: Path
    file: Path | None  # the user's own file, where it has one


class Journal:
    """The journal entry of one open document; a new document takes a new one.

    It never stands in the way: what goes wrong is kept in `trouble`, in words for the user.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.folder = folder
        self.id = secrets.token_hex(8)
        self.trouble = ""
        self._lock, self._closed = Lock(), False
        self.belongs_to(file)

    def belongs_to(self, file: Path | None) -> None:
        """The user's file of this document, which now holds its newest state."""
        owner = {
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "file": str(file.resolve()) if file else "",
        }
        with self._lock:
            self._try(lambda: write_json(self.folder / f"{self.id}.json", owner))
        self.drop()

    def drop(self) -> None:
        """Nothing is unsaved: the copy goes."""
        with self._lock:
            _unlink(self.folder / f"{self.id}.xgen")

    def write(self, document: Document, look: dict[str, Any] | None = None) -> bool:
        """Keep the newest state, from any thread; True when it is on the disk."""
        with self._lock:
            if self._closed:
                return False
            return self._try(lambda: save_document(self.folder / f"{self.id}.xgen", document, look))

    def _try(self, call: Callable[[], None]) -> bool:
        try:
            make_folder(self.folder)
            call()
        except InputError as error:
            self.trouble = f"Without a journal there is nothing to recover from: {error}"
            return False
        self.trouble = ""
        return True

    def close(self) -> None:
        """The document was saved or given up: nothing is left to recover."""
        with self._lock:
            self._closed = True
            forget(self.folder, self.id)


def _unlink(path: Path) -> None:
    """Take a file away, if the folder lets us: the journal never stands in the way."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def forget(folder: Path, id: str) -> None:
    """Take an entry away."""
    for ending in (".xgen", ".json"):
        _unlink(folder / f"{id}{ending}")


def left_behind(folder: Path) -> list[Left]:
    """Entries of processes that are gone, newest first; empty ones are swept away."""
    found = []
    for id, owner in _owners(folder):
        if _alive(owner["pid"], owner["started"]):
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
        if same and owner["pid"] != os.getpid() and _alive(owner["pid"], owner["started"]):
            return int(owner["pid"])
    return None


def _owners(folder: Path) -> list[tuple[str, dict]]:
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            owner = json.loads(path.read_text(encoding="utf-8"))
            known = {"pid": int(owner["pid"]), "file": str(owner["file"])}
            found.append((path.stem, {**known, "started": str(owner.get("started", ""))}))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half-written by a process that died
    return found


def _started(pid: int) -> str:
    """When a process began, as the kernel counts; '' where the system does not say. Numbers of
    processes come again after a restart of the machine."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def _alive(pid: int, started: str = "") -> bool:
    if started and (now := _started(pid)) and now != started:
        return False  # another process has the number now
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
