"""The landmarks of one radiograph as they are set: a work with undo, journal and file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.document import Replace, Work
from xgen_studio.document.work import Array, Arrays
from xgen_studio.errors import InputError
from xgen_studio.imaging.names import said_from
from xgen_studio.tables import from_table
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import COUNT


@dataclass(frozen=True)
class LandmarkCard:
    """What a file says beside the points."""

    picture: str = ""  # the radiograph's file
    states: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()


class LandmarkSet(Work):
    """The landmarks of one picture. `now` is replaced at every change, never changed in place."""

    kind = "landmarks"

    def __init__(self, picture: Path | None = None, now: Annotation | None = None) -> None:
        super().__init__()
        self.wing = "hand"
        self.picture = picture  # the radiograph's file
        self.now = now or Annotation.empty()

    def say(self, annotation: Annotation, name: str = "Landmarks") -> None:
        """A step that can be undone."""
        before, self.now = self.now, annotation
        self.history.did(Replace(name, self._put, before, annotation, 1000))

    def preview(self, annotation: Annotation) -> None:
        """A landmark on its way, while it is dragged: `drop` makes it a step."""
        self.now = annotation
        self.touched.emit()

    def drop(self, before: Annotation) -> None:
        """The end of a drag that began with `before`."""
        self.history.did(Replace("Move a landmark", self._put, before, self.now, 1000))

    def take(self, annotation: Annotation) -> None:
        """Landmarks that a file holds: there is nothing to save yet."""
        self.say(annotation, "Load landmarks")
        self.history.mark_saved()

    def _put(self, annotation: Any) -> None:
        self.now = annotation

    @property
    def modified(self) -> bool:
        """Whether something would be lost."""
        placed = any(state is not State.ABSENT for state in self.now.states)
        return placed and self.history.modified

    def card(self, file: Path | None = None) -> dict[str, Any]:
        return {
            "picture": said_from(self.picture, file) if self.picture else "",
            "states": [state.value for state in self.now.states],
            "left_out": sorted(self.now.left_out),
        }

    def arrays(self) -> dict[str, Array]:
        return {"points": self.now.points}

    @classmethod
    def restore(cls, card: Mapping[str, Any], arrays: Arrays) -> LandmarkSet:
        said = from_table(LandmarkCard, dict(card), arrays.where)
        points = arrays.take("points", "<f8", (COUNT, 2))
        try:
            states = tuple(State(value) for value in said.states)
        except ValueError as error:
            raise InputError(f"{arrays.where}: {error}") from error
        there = [bool(np.isfinite(point).all()) for point in points]
        if len(states) != COUNT or any(
            ok != (state is not State.ABSENT) for ok, state in zip(there, states, strict=True)
        ):
            raise InputError(f"{arrays.where}: its landmarks and their states do not fit")
        left_out = frozenset(n for n in said.left_out if 0 <= n < COUNT)
        now = Annotation(points, states, None, left_out)
        beside = Path(arrays.where).parent  # a whole path stays one
        return cls(beside / said.picture if said.picture else None, now)
