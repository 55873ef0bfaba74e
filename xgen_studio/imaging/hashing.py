"""What tells a file from another one of the same name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from xgen_studio.errors import InputError


def file_hash(path: Path) -> str:
    """SHA-256 of a file; InputError where it cannot be read."""
    try:
        with open(path, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
