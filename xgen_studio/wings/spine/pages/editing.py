"""What is done to the mask and the names of the vertebra that is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from xgen_studio.document.volume_card import Place
from xgen_studio.studio.desk import Desk
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.renaming import neighbour
from xgen_studio.wings.spine.tasks.spine_work import SpineWork


class Where(Protocol):
    """Who knows what is chosen."""

    @property
    def level(self) -> str:
        """The vertebra that is chosen, or ''."""
        ...

    @property
    def cursor_mm(self) -> Place:
        """The cursor, x, y, z in mm."""
        ...

    def select(self, level: str, go: bool = True) -> None:
        """Choose a vertebra."""
        ...


class Editing:
    """Commands on the work of a desk."""

    def __init__(self, desk: Desk, where: Where, plane: Callable[[], int]) -> None:
        self.desk, self.where, self._plane = desk, where, plane

    @property
    def work(self) -> SpineWork:
        """The work on the desk."""
        work = self.desk.work
        assert isinstance(work, SpineWork)
        return work

    def _do(self, call: Callable[[int], bool], nothing: str) -> None:
        """Do something to the chosen vertebra; say where that changes nothing."""
        if not (level := self.where.level):
            self.desk.message.emit("Choose a vertebra first", 5000)
            return

        def act() -> None:
            if not call(LABELS[level]):
                self.desk.message.emit(f"{level}: {nothing}", 5000)

        self.desk.attempt(act)

    def fill_between(self) -> None:
        """Fill the slices between painted ones, along the plane that was painted on."""
        plane = self._plane()
        self._do(lambda label: self.work.fill_between(label, plane), "no gap to fill")

    def keep_largest(self) -> None:
        """Take away all pieces but the largest."""
        self._do(lambda label: self.work.keep_largest(label), "is one piece already")

    def remove(self) -> None:
        """Take the vertebra's mask away."""
        self._do(lambda label: self.work.remove(label), "is not in the mask")

    def overrule(self, level: str, grade: int | None, reason: str) -> None:
        """The reader's grade of a level; None: the computed one again."""

        def decide() -> None:
            self.work.overrule(level, grade, reason)

        self.desk.attempt(decide)

    # -- names -----------------------------------------------------------------------------------

    def mark(self, level: str) -> None:
        """The vertebra at the cursor is `level`: a proposal counts from it."""
        if self.work.scan is None:
            self.desk.message.emit("Open a CT first", 5000)
            return
        self.work.mark(level, self.where.cursor_mm)

    def name_as(self, new: str) -> None:
        """The chosen vertebra is `new`, and the others follow."""
        level = self.where.level
        if not level or level == new:
            return

        def act() -> None:
            self.work.name_as(level, new)
            self.where.select(new, go=False)

        self.desk.attempt(act)

    def shift_names(self, step: int) -> None:
        """All names one up (-1) or down (1)."""
        if not (level := self.where.level or next(iter(self.work.present), "")):
            return
        self.where.select(level, go=False)
        self.desk.attempt(lambda: self.name_as(neighbour(level, step)))
