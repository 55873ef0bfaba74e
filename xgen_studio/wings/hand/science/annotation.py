"""Landmarks of one hand as people set them: each placed, occluded (guessed) or absent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES, Points


class State(Enum):
    """How sure one is of a landmark. The values are COCO's."""

    ABSENT = 0
    OCCLUDED = 1
    PLACED = 2


@dataclass(frozen=True)
class Annotation:
    """points (37, 2) px, x and y, pixel centres at whole numbers, NaN where absent; states (37,).
    `size` (width, height) px of the picture, where the file says it. `left_out`: those that are
    absent on purpose, not because nobody came to them yet."""

    points: Points
    states: tuple[State, ...]
    size: tuple[int, int] | None = None
    left_out: frozenset[int] = frozenset()

    @classmethod
    def empty(cls) -> Annotation:
        """Nothing placed yet."""
        return cls(np.full((COUNT, 2), np.nan), (State.ABSENT,) * COUNT)

    @classmethod
    def of(cls, points: Points) -> Annotation:
        """All placed."""
        return cls(points, (State.PLACED,) * COUNT)

    @property
    def complete(self) -> bool:
        """Whether every landmark has a place."""
        return State.ABSENT not in self.states

    def next_absent(self, after: int = -1) -> int | None:
        """The first landmark, in template order, behind another one, that has no place and was not
        left out."""
        return min((n for n in self.due() if n > after), default=None)

    def due(self) -> frozenset[int]:
        """Landmarks that have no place and were not left out."""
        absent = (n for n, state in enumerate(self.states) if state is State.ABSENT)
        return frozenset(absent) - self.left_out

    def put(
        self, landmark: int, place: tuple[float, float], state: State = State.PLACED
    ) -> Annotation:
        """With a landmark placed or moved."""
        points, states = self.points.copy(), list(self.states)
        points[landmark], states[landmark] = place, state
        return Annotation(points, tuple(states), self.size, self.left_out - {landmark})

    def without(self, landmark: int) -> Annotation:
        """With a landmark absent."""
        return self.put(landmark, (np.nan, np.nan), State.ABSENT)

    def leaving_out(self, landmark: int) -> Annotation:
        """With a landmark absent on purpose."""
        return replace(self.without(landmark), left_out=self.left_out | {landmark})

    def resumed(self) -> Annotation:
        """As a file's: a landmark that is absent though a later one has its place was left out."""
        placed = [n for n, state in enumerate(self.states) if state is not State.ABSENT]
        earlier = range(max(placed, default=0))
        return replace(self, left_out=self.left_out | (self.due() & frozenset(earlier)))

    def filled(self, points: Points) -> Annotation:
        """With what is due placed where `points` (37, 2) says so (NaN: nowhere); the rest stays."""
        made = self
        for n in sorted(self.due()):
            if np.isfinite(points[n]).all():
                made = made.put(n, (float(points[n, 0]), float(points[n, 1])))
        return made

    def flipped(self, width: float) -> Annotation:
        """Of the picture flipped left to right: a right hand becomes a left one."""
        points = self.points.copy()
        points[:, 0] = width - 1 - points[:, 0]
        return replace(self, points=points)


def named(
    found: Iterable[tuple[str, float, float, State]],
    where: str,
    size: tuple[int, int] | None = None,
) -> Annotation:
    """An annotation from (label, x, y, state), in any order.

    Labels are our names, or numbers from 0 to 36; 37 points without such labels are taken in
    template order. InputError for a wrong count, a label that is there twice or no number.
    """
    rows = list(found)
    numbers = [_number(label) for label, *_ in rows]
    if rows and all(number is None for number in numbers):
        if len(rows) != COUNT:
            raise InputError(
                f"{where}: holds {len(rows)} points; {COUNT} are needed, or points that are called"
                " by their names or numbers (0 to 36)"
            )
        numbers = list(range(COUNT))
    elif None in numbers:
        odd = rows[numbers.index(None)][0]
        raise InputError(
            f"{where}: no landmark is called '{odd}'; they are called '{NAMES[0]}' ..."
            f" '{NAMES[-1]}', or 0 to {COUNT - 1}"
        )
    made = Annotation.empty()
    seen: set[int] = set()
    for number, (label, x, y, state) in zip(numbers, rows, strict=True):
        assert number is not None
        if number in seen:
            raise InputError(f"{where}: landmark '{label}' is there twice")
        seen.add(number)
        if state is State.ABSENT:
            continue
        if not (np.isfinite(x) and np.isfinite(y)):
            raise InputError(f"{where}: landmark '{label}' has a coordinate that is no number")
        made = made.put(number, (x, y), state)
    return Annotation(made.points, made.states, size)


def _number(label: str) -> int | None:
    """The landmark's number, from its name or its number."""
    text = label.strip().lower()
    if text in NAMES_LOWER:
        return NAMES_LOWER.index(text)
    digits = text.removeprefix("landmark").removeprefix("p").strip(" _-#")
    if digits.isdecimal() and int(digits) < COUNT:
        return int(digits)
    return None


NAMES_LOWER = tuple(name.lower() for name in NAMES)
