"""File names as text: what a name may hold, and how any name can be written into a file."""

from __future__ import annotations

import re

LONE = re.compile("[\ud800-\udfff]")  # halves of a character: bytes of a name that are no UTF-8


def spelled(text: str) -> str:
    """The text as every file can hold it: a byte of a name that is no UTF-8 (Python keeps it as a
    lone surrogate, which no encoding takes) stands as %E4, as in the address of a file."""
    return text if text.isascii() else LONE.sub(lambda m: f"%{ord(m[0]) & 0xFF:02X}", text)
