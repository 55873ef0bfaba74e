"""Output folders."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.errors import InputError


def make_folder(path: Path) -> Path:
    """The folder, made if need be; InputError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: this folder cannot be made ({error.strerror}); name another with -o"
        ) from error
    return path
