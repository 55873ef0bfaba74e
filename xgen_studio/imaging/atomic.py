"""Saving that either finishes or leaves the old files as they were."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError
from xgen_studio.imaging.names import spelled
from xgen_studio.processes import alive, birth

LONGEST_SUFFIX = 16  # bytes; no writer knows a longer one
STALE = 24 * 3600.0  # s after which nobody writes to a temporary file any more
TEMPORARY = re.compile(r"\.xgen-([0-9a-f]{6})-([0-9]+)-([0-9]*)-[0-9a-f]{8}(\..*)?", re.DOTALL)

_Waiting = list[tuple[Path, Path]]  # temporary file and target
_waiting: ContextVar[_Waiting | None] = ContextVar("waiting", default=None)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it on success and goes on failure.

    The temporary name keeps the suffix, because image writers choose their format by it. What is
    behind a symbolic link is replaced, not the link, and an existing file keeps its permissions.
    Within `together` the file appears when all others are whole, too. Raises InputError where the
    folder is missing or read-only, the name too long or the disk full.
    """
    target = Path(os.path.realpath(path))
    if os.path.isdir(target):
        raise InputError(f"{target}: is a folder; name a file to save to")
    sweep(target.parent)
    temporary = _temporary(target)
    waiting = _waiting.get()
    try:
        # os.open and not mkstemp: the file gets the permissions the user's umask asks for.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        with suppress(FileNotFoundError):  # a name that cannot be is not found out at the end
            os.lstat(target)
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _flush_to_disk(temporary)
        if waiting is None:
            _put(temporary, target)
        else:
            waiting.append((temporary, target))
    except OSError as error:
        raise InputError(_advice(target, error)) from error
    finally:
        if waiting is None or (temporary, target) not in waiting:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def together(proof: Path | None = None) -> Iterator[None]:
    """The files that are written within appear when all of them are whole, or none does.

    They appear in the order they were written. `proof` is one whose presence says that all others
    are there and fit: an old one goes before the first of them is replaced. Calls do not nest.
    """
    waiting: _Waiting = []
    token = _waiting.set(waiting)
    try:
        yield
        _put_all(waiting, proof)
    finally:
        _waiting.reset(token)
        for temporary, _ in waiting:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path`, which is missing or empty, or goes on failure.
    InputError where it cannot be made."""
    make_folder(path.parent)
    sweep(path.parent)
    temporary = _temporary(path)
    try:
        temporary.mkdir()
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(_advice(path, error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(path: Path) -> Path:
    """The folder, made if need be; InputError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: this folder cannot be made ({error.strerror}); name another"
        ) from error
    return path


def write_json(path: str | os.PathLike[str], content: Any, indent: int | None = 2) -> None:
    """Save `content` as UTF-8 JSON, indented for people, or on one line (None), which is written
    ten times faster. NaN and infinity, which JSON lacks, are refused."""
    try:
        text = json_text(content, indent)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: this cannot be written as JSON ({error})") from error
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def json_text(content: Any, indent: int | None = None) -> str:
    """`content` as JSON that can be written as UTF-8; TypeError or ValueError where it is none."""
    return spelled(json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False))


def _temporary(target: Path) -> Path:
    """A name beside the target, short whatever its own length, that says who writes there."""
    ending = ".nii.gz" if target.name.lower().endswith(".nii.gz") else target.suffix
    if len(os.fsencode(ending)) > LONGEST_SUFFIX:
        ending = ""
    pid = os.getpid()
    return target.with_name(f".xgen-{_machine()}-{pid}-{birth(pid)}-{secrets.token_hex(4)}{ending}")


@cache
def _machine() -> str:
    """What tells this machine from another that shares the disk: process numbers are its own."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


@cache
def sweep(folder: Path) -> None:
    """Take away what killed processes left half written in a folder: once a process, at its first
    write there. Those of another machine, whose processes cannot be seen, when they are a day old.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (match := TEMPORARY.fullmatch(entry.name)) is None:
                continue
            machine, pid, born = match[1], int(match[2]), match[3]
            gone = machine == _machine() and not alive(pid, born)
            with suppress(OSError):
                if not gone and time.time() - entry.stat(follow_symlinks=False).st_mtime < STALE:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


def _put_all(waiting: _Waiting, proof: Path | None) -> None:
    """Each file in its place; where one cannot be, those that are new go again."""
    new: list[Path] = []
    for temporary, target in waiting:
        try:
            if proof is not None:
                proof.unlink(missing_ok=True)
                proof = None
            if not target.exists():
                new.append(target)
            _put(temporary, target)
        except OSError as error:
            for path in new:
                with suppress(OSError):
                    path.unlink()
            raise InputError(_advice(target, error)) from error


def _put(temporary: Path, target: Path) -> None:
    os.replace(temporary, target)
    if os.name == "posix":
        _flush_to_disk(target.parent)  # the rename itself must survive a power cut


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _advice(target: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            f"{target}: cannot be saved, the folder {target.parent} does not exist; make it first"
        )
    if isinstance(error, PermissionError):
        return f"{target}: cannot be saved, no permission to write there; choose another folder"
    if error.errno == errno.ENAMETOOLONG:
        return f"{target}: cannot be saved, the name is too long; choose a shorter one"
    reason = (error.strerror or str(error)).splitlines()[0]  # pydicom adds a whole traceback
    return f"{target}: cannot be saved ({reason}); free some space or choose another folder"
