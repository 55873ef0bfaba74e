"""Files of the program's own: only their user may read them, and processes take turns at them.

Locks are the operating system's: they end with the process that holds them, however it ends. All
of them lie in one file, each on a byte of its own, so that nothing is left to sweep away.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError
from xgen_studio.imaging import atomic_write

FILE, FOLDER = 0o600, 0o700
LOCKS = "locks"
PATIENCE = 2.0  # s: who waits longer for another window goes on without it


def write_private(path: Path, content: Any) -> None:
    """Save `content` as JSON that only the user may read; InputError where that fails."""
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        with suppress(FileNotFoundError):
            path.chmod(FILE)  # one of before keeps its permissions when it is replaced
        with atomic_write(path) as temporary:
            temporary.chmod(FILE)
            temporary.write_text(text + "\n", encoding="utf-8")
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: this cannot be written as JSON ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def open_private(path: str, flags: int) -> int:
    """An opener for `open`: what it makes is the user's alone."""
    return os.open(path, flags, FILE)


class Locks:
    """The locks of a folder, as far as this process holds them; each as often as it was taken."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / LOCKS, os.O_RDWR | os.O_CREAT, FILE)
        self._held: Counter[int] = Counter()

    def take(self, name: str) -> bool:
        """Take a lock; False where another process has it."""
        byte = _byte(name)
        if not self._held[byte] and not _lock(self._file, byte):
            return False
        self._held[byte] += 1
        return True

    def give_back(self, name: str) -> None:
        """The opposite of one `take`."""
        byte = _byte(name)
        self._held[byte] -= 1
        if self._held[byte] <= 0:
            del self._held[byte]
            _unlock(self._file, byte)


_LOCKS: dict[Path, Locks] = {}  # never closed: POSIX ends all locks on a file when one handle goes


def locks_of(folder: Path) -> Locks | None:
    """The locks of a folder; None where there can be none."""
    where = folder.resolve()
    try:
        return _LOCKS.setdefault(where, _LOCKS.get(where) or Locks(where))
    except OSError:
        return None


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """While one process reads, changes and writes a file, others wait."""
    locks, end = locks_of(path.parent), time.monotonic() + PATIENCE
    name, mine = f"turn {path.name}", False
    while locks is not None and not (mine := locks.take(name)) and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield
    finally:
        if locks is not None and mine:
            locks.give_back(name)


class Claim:
    """One process has a document open: by its path and, where it exists, by the file itself, which
    a hard link calls by another name. `mine` is False where another process was first."""

    def __init__(self, folder: Path, file: Path) -> None:
        locks = self._locks = locks_of(folder)
        self._names: list[str] = []
        self.mine = True
        for name in _names_of(file) if locks is not None else ():
            if locks is not None and not locks.take(name):
                self.release()
                self.mine = False
                return
            self._names.append(name)

    def release(self) -> None:
        """Others may have it."""
        while self._locks is not None and self._names:
            self._locks.give_back(self._names.pop())
        self.mine = False

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()


def _names_of(file: Path) -> list[str]:
    found = [f"path {os.path.realpath(file)}"]
    with suppress(OSError):
        status = file.stat()
        found.append(f"file {status.st_dev} {status.st_ino}")
    return found


def stamp(file: Path) -> tuple[int, ...]:
    """What tells that a file was written by somebody; empty where there is none."""
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _byte(name: str) -> int:
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8]) >> 3  # offsets are positive, with some room


if sys.platform == "win32":
    import msvcrt

    def _at(file: int, byte: int, how: int) -> bool:
        os.lseek(file, byte, os.SEEK_SET)
        try:
            msvcrt.locking(file, how, 1)
        except OSError:
            return False
        return True

    def _lock(file: int, byte: int) -> bool:
        return _at(file, byte, msvcrt.LK_NBLCK)

    def _unlock(file: int, byte: int) -> None:
        _at(file, byte, msvcrt.LK_UNLCK)

else:
    import fcntl

    def _lock(file: int, byte: int) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system that knows no locks keeps nobody from working
        return True

    def _unlock(file: int, byte: int) -> None:
        with suppress(OSError):
            fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)
