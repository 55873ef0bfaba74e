"""Whether a process still lives, and is the one that was meant: numbers come again."""

from __future__ import annotations

import os
from pathlib import Path


def birth(pid: int) -> str:
    """When a process began, as the kernel counts; '' where the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def alive(pid: int, born: str = "") -> bool:
    """Whether the process lives; with `born`, the very process that began then."""
    if pid <= 0 or (born and (now := birth(pid)) and now != born):
        return False  # another process has the number now
    if os.name != "posix":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined]
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    """Dead, and only its parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, IndexError):
        return False
