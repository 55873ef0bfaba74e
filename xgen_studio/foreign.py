"""JSON and TOML from outside, read in one place: what is returned can be handled without care.

Whatever a file holds, the answer is a value of bounded size and depth whose numbers are finite and
whose texts can be written again, or one InputError.
"""

from __future__ import annotations

import io
import json
import math
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError

LARGEST = 256 * 2**20  # bytes; COCO's own training annotations have 500,000 objects in 450 MB
DEEPEST = 64  # tables within tables; ours have 6
LARGEST_INTEGER = 2**64  # seeds take 64 bits, and numpy no more


def read_json(path: Path, most: int = LARGEST) -> Any:
    """The value in a JSON file of at most `most` bytes; InputError, one line, for anything else."""
    return parse_json(read_bytes(path, most), str(path))


def read_toml(path: Path, most: int = LARGEST) -> dict[str, Any]:
    """The table in a TOML file of at most `most` bytes; InputError, one line, for anything else."""
    content = read_bytes(path, most)
    table: dict[str, Any] = _parsed(content, str(path), "TOML", tomllib.loads)
    return table


def read_text(path: Path, most: int = LARGEST) -> str:
    """A UTF-8 text of at most `most` bytes; InputError, one line, for anything else."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no UTF-8 text; save it as UTF-8") from error


def parse_json(content: str | bytes, where: str) -> Any:
    """The value in a JSON text; InputError, opened by `where`, for anything else."""
    return _parsed(content, where, "JSON", json.loads)


def read_bytes(path: Path, most: int) -> bytes:
    """A file's bytes; InputError where it is none (a pipe, a device), too large, or unreadable."""
    try:
        with open_ordinary(path) as file:
            # no more than there is: a read of `most` bytes would allocate them
            content = file.read(min(most, os.fstat(file.fileno()).st_size) + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder, a file is needed") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({said}); check it") from error
    if len(content) > most:
        raise InputError(f"{path}: is larger than {most / 2**20:.0f} MiB, which no such file is")
    return content


def open_ordinary(path: Path) -> io.BufferedReader:
    """Open a file that must be no folder, pipe or device, whatever was put in its place meanwhile;
    InputError where it is one, OSError where it cannot be opened."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(f"{path}: is no ordinary file (a folder, pipe or device)")
    return file


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _parsed(content: str | bytes, where: str, kind: str, parse: Callable[[str], Any]) -> Any:
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        value = parse(text)
    # ValueError holds the parsers' own errors, bytes that are no UTF-8 and numbers of 5,000 digits
    except (ValueError, RecursionError, MemoryError) as error:
        reason = "too deep or too large" if not isinstance(error, ValueError) else _first(error)
        raise InputError(
            f"{where}: is not readable {kind} ({reason}); mend it or use another copy"
        ) from error
    _check(value, where)
    return value


def _first(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "no UTF-8 text"
    return (str(error).splitlines() or ["damaged"])[0][:200]


def _check(value: Any, where: str) -> None:
    """Depth, numbers and texts of a parsed value; without recursion, which is what it guards."""
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                _check_text(item, where)
            elif isinstance(item, int) and abs(item) > LARGEST_INTEGER:
                raise InputError(f"{where}: holds a whole number of more than 64 bits")
            elif isinstance(item, float) and not math.isfinite(item):
                raise InputError(f"{where}: holds a number that is not finite (NaN or infinity)")
        if not below:
            return
        level = below
    raise InputError(f"{where}: is nested more than {DEEPEST} levels deep; it is damaged")


def _check_text(text: str, where: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: holds a text that is no Unicode; it is damaged") from error
