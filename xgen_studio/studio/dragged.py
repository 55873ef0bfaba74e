"""Pictures that are dragged out lie in the temporary folder until the window closes."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from xgen_studio.processes import alive

BEGINNING = "xgen-dragged-"  # then the process, and what makes it unique


def dragged_folder() -> Path:
    """A fresh folder for one picture."""
    return Path(tempfile.mkdtemp(prefix=f"{BEGINNING}{os.getpid()}-"))


def sweep(own: bool) -> None:
    """Take away what windows left that were killed, and, with `own`, what this one wrote."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{BEGINNING}*"):
            number = folder.name.removeprefix(BEGINNING).partition("-")[0]
            pid = int(number) if number.isdecimal() and len(number) < 10 else 0
            if (own and pid == os.getpid()) or not alive(pid):
                shutil.rmtree(folder, ignore_errors=True)  # what is another user's stays
