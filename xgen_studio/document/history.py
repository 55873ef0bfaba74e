"""One undo for everything: named changes with a memory budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

BUDGET = 256 * 2**20  # bytes of deltas kept


class Change(Protocol):
    """Something that was done. `undo` and `redo` are called alternately, in order."""

    @property
    def name(self) -> str:
        """What the user reads in the history: 'Paint femur'."""
        ...

    @property
    def size(self) -> int:
        """Bytes it keeps."""
        ...

    def undo(self) -> None:
        """Make it as before."""
        ...

    def redo(self) -> None:
        """Do it again."""
        ...


@dataclass(frozen=True)
class Replace:
    """A change of one value: `put` is called with the old or the new one (rename, opacity, ...)."""

    name: str
    put: Callable[[object], None]
    old: object
    new: object
    size: int = 200

    def undo(self) -> None:
        """Put the old value."""
        self.put(self.old)

    def redo(self) -> None:
        """Put the new value."""
        self.put(self.new)


@dataclass(frozen=True)
class Together:
    """Changes that are one step: what is renumbered in the mask and in the points, for one."""

    name: str
    changes: tuple[Change, ...]

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(change.size for change in self.changes)

    def undo(self) -> None:
        """Undo all, the last one first."""
        for change in reversed(self.changes):
            change.undo()

    def redo(self) -> None:
        """Do all again."""
        for change in self.changes:
            change.redo()


class History:
    """Changes done and undone. The oldest are forgotten when they exceed the budget (bytes)."""

    def __init__(
        self,
        budget: int = BUDGET,
        changed: Callable[[], None] = lambda: None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.budget = budget
        self.changed = changed
        self.before = before  # called before anything is undone or redone
        self._size = 0
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._forgotten = 0
        self._saved: int | None = 0

    def __len__(self) -> int:
        return len(self._done)

    @property
    def names(self) -> list[str]:
        """All changes, oldest first, those that can be redone last."""
        return [c.name for c in self._done] + [c.name for c in reversed(self._undone)]

    def name_at(self, index: int) -> str:
        """The name of one of `names`."""
        done = len(self._done)
        return self._done[index].name if index < done else self._undone[done - 1 - index].name

    @property
    def count(self) -> int:
        """Changes that are kept, done and undone."""
        return len(self._done) + len(self._undone)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return self._size

    @property
    def modified(self) -> bool:
        """True when the document differs from the saved one."""
        return self._saved != self._forgotten + len(self._done)

    def mark_saved(self) -> None:
        """The state now is the one on disk."""
        self._saved = self._forgotten + len(self._done)
        self.changed()

    def mark_unsaved(self) -> None:
        """No state is on disk: a recovered document."""
        self._saved = None
        self.changed()

    def did(self, change: Change) -> None:
        """Remember a change that has been made already. What was undone before is gone."""
        if self._saved is not None and self._saved > self._forgotten + len(self._done):
            self._saved = None  # the saved state can no longer be reached
        self._size += change.size - sum(c.size for c in self._undone)
        self._undone.clear()
        self._done.append(change)
        while self._size > self.budget and len(self._done) > 1:
            self._size -= self._done.pop(0).size
            self._forgotten += 1
        self.changed()

    def undo(self) -> str:
        """Undo the last change; returns its name, or '' when there is none."""
        self.before()
        name = self._undo()
        self.changed()
        return name

    def _undo(self) -> str:
        if not self._done:
            return ""
        change = self._done.pop()
        change.undo()
        self._undone.append(change)
        return change.name

    def redo(self) -> str:
        """Do the change again that was undone last; returns its name or ''."""
        self.before()
        name = self._redo()
        self.changed()
        return name

    def _redo(self) -> str:
        if not self._undone:
            return ""
        change = self._undone.pop()
        change.redo()
        self._done.append(change)
        return change.name

    def go_to(self, count: int) -> None:
        """Undo or redo until `count` changes are done."""
        self.before()
        while len(self._done) > count and self._undo():
            pass
        while len(self._done) < count and self._redo():
            pass
        self.changed()
