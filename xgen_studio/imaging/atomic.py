"""Saving that either finishes or leaves the old file as it was."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it on success and goes on failure.

    The temporary name keeps the suffix, because image writers choose their format by it. What is
    behind a symbolic link is replaced, not the link, and an existing file keeps its permissions.
    Raises InputError where the folder is missing or read-only or the disk is full.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{target}: is a folder; name a file to save to")
    temporary = target.with_name(f".{secrets.token_hex(6)}.{target.name}")
    try:
        # os.open and not mkstemp: the file gets the permissions the user's umask asks for.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _flush_to_disk(temporary)
        os.replace(temporary, target)
        if os.name == "posix":
            _flush_to_disk(target.parent)  # the rename itself must survive a power cut
    except OSError as error:
        raise InputError(_advice(target, error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


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
        text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: this cannot be written as JSON ({error})") from error
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


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
    reason = (error.strerror or str(error)).splitlines()[0]  # pydicom adds a whole traceback
    return f"{target}: cannot be saved ({reason}); free some space or choose another folder"
