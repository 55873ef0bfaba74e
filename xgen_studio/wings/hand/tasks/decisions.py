"""What people said of screened hands: marks and moved labels, and how a file keeps them."""

from __future__ import annotations

import getpass
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgen_studio.wings.hand.tasks.screening import heatmap_hash


@dataclass(frozen=True)
class Mark:
    """What a person decided about a hand."""

    accepted: bool
    by: str
    when: str


@dataclass(frozen=True)
class Said:
    """Everything a person said: marks by id, moved labels by id and landmark."""

    marks: Mapping[str, Mark] = field(default_factory=dict)
    moved: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def as_table(self, folder: Path, rest: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """As the file keeps it, with the heatmap it was said of; `rest` is of other hands."""
        table: dict[str, dict[str, Any]] = {
            "heatmaps": {id: heatmap_hash(folder, id) for id in sorted({*self.marks, *self.moved})},
            "marks": {
                id: {"accepted": m.accepted, "by": m.by, "when": m.when}
                for id, m in self.marks.items()
            },
            "moved": {
                id: {str(k): v for k, v in moves.items()} for id, moves in self.moved.items()
            },
        }
        return {key: {**rest.get(key, {}), **own} for key, own in table.items()}

    def with_table(self, table: Mapping[str, Any], ids: Container[str]) -> Said:
        """With what a table says of these hands; KeyError, TypeError, ValueError for a damaged
        one."""
        marks = {id: Mark(**mark) for id, mark in table["marks"].items() if id in ids}
        moved = {
            id: {int(k): int(v) for k, v in moves.items()}
            for id, moves in table["moved"].items()
            if id in ids
        }
        return Said({**self.marks, **marks}, {**self.moved, **moved})


def rest_of(table: Mapping[str, Any], ids: Container[str]) -> dict[str, dict[str, Any]]:
    """What a table says of hands beside these; empty where it says nothing of any."""
    rest = {
        key: {id: value for id, value in table.get(key, {}).items() if id not in ids}
        for key in ("heatmaps", "marks", "moved")
    }
    return rest if any(rest.values()) else {}


def user() -> str:
    """Who decides."""
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container's number without a name
        return "unknown"


def what_changed(before: Said, now: Said) -> str:
    """A step of the history in words."""
    marked = [i for i in {**before.marks, **now.marks} if before.marks.get(i) != now.marks.get(i)]
    moved = [i for i in {**before.moved, **now.moved} if before.moved.get(i) != now.moved.get(i)]
    what, ids = ("decision about", marked) if marked else ("label of", moved)
    return f"{what} hand {ids[0]}" if len(ids) == 1 else f"{what} {len(ids)} hands"
