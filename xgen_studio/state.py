"""Where the program keeps its own things for a user: settings, journal, recent files, runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from xgen_studio.imaging import make_folder


def state_folder() -> Path:
    """The user's state folder (XGEN_STATE, or what the system provides)."""
    if own := os.environ.get("XGEN_STATE"):
        return make_folder(Path(own))
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state"))
    return make_folder(base / "xgen-studio")
