"""Where the program keeps its own things for a user: settings, journal, recent files, runs."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from xgen_studio.errors import InputError
from xgen_studio.imaging import make_folder

VARIABLE = "XGEN_STATE"


def state_folder() -> Path:
    """The user's state folder (XGEN_STATE, or what the system provides), for nobody else to read.
    InputError where it cannot be made."""
    if own := os.environ.get(VARIABLE):
        return _private(Path(own))
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state"))
    return _private(base / "xgen-studio")


def _private(folder: Path) -> Path:
    if not folder.is_dir():
        make_folder(folder)
        with suppress(OSError):
            folder.chmod(0o700)
    return folder


def state_or_session() -> str:
    """Makes sure of a state folder that can be written. Where the user's cannot, this process and
    those it starts use one of their own that goes with it, and the sentence that says so returns.
    """
    try:
        folder = state_folder()
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except (InputError, OSError, RuntimeError) as error:  # RuntimeError: there is no home
        reason = getattr(error, "strerror", None) or error
    session = tempfile.mkdtemp(prefix="xgen-state-")
    atexit.register(shutil.rmtree, session, ignore_errors=True)
    os.environ[VARIABLE] = session
    return (
        f"Settings and unsaved work are kept for this session only: the state folder cannot be"
        f" written ({reason}). Set {VARIABLE} to a folder that can."
    )
