"""File names as text: what may become one, and how any of them is written into a file."""

from __future__ import annotations

import re
from pathlib import Path

LONGEST = 100  # letters of a plain word
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LONE = re.compile("[\ud800-\udfff]")  # halves of a character: bytes of a name that are no UTF-8


def spelled(text: str) -> str:
    """The text as every file can hold it: a byte of a name that is no UTF-8 (Python keeps it as a
    lone surrogate, which no encoding takes) stands as %E4, as in the address of a file."""
    return text if text.isascii() else LONE.sub(lambda m: f"%{ord(m[0]) & 0xFF:02X}", text)


def visible(text: str) -> str:
    """The text as a terminal can show it without obeying it: control and direction characters,
    which a model's card or a file name may hold, come as escapes."""
    return COMMANDS.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def base_name(path: str) -> str:
    """The last part of a path of any system: folders often hold the names of patients."""
    return spelled(re.split(r"[/\\]", path.rstrip("/\\"))[-1])


def is_plain(name: object) -> bool:
    """Whether what came from elsewhere is one plain word that may become the name of a file or a
    model: no folder, no ending alone, nothing that a shell reads."""
    return (
        isinstance(name, str)
        and re.fullmatch(rf"[\w.-]{{1,{LONGEST}}}", name) is not None
        and not name.startswith(".")
    )


def said_from(path: Path, file: Path | None) -> str:
    """How a document that is saved as `file` calls another file or folder: from its own folder
    where that lies in it, else by the name alone. Whole where there is no `file`."""
    if file is None:
        return spelled(str(path.resolve()))
    folder, where = file.resolve().parent, path.resolve()
    inside = where.is_relative_to(folder)
    return spelled(where.relative_to(folder).as_posix() if inside else where.name)
