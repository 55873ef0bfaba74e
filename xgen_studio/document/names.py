"""Names that come from elsewhere and may become names of files or of models."""

from __future__ import annotations

import re

LONGEST = 100  # letters


def is_plain(name: object) -> bool:
    """Whether it is one plain word: no folder, no ending alone, nothing that a shell reads."""
    return (
        isinstance(name, str)
        and re.fullmatch(rf"[\w.-]{{1,{LONGEST}}}", name) is not None
        and not name.startswith(".")
    )


def base_name(path: str) -> str:
    """The last part of a path of any system: folders often hold the names of patients."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
