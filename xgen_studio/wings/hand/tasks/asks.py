"""What can be asked about hands, and what is told. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from xgen_studio.tasks.ask import Ask, Lane
from xgen_studio.tasks.drawing import Drawing

if TYPE_CHECKING:
    from xgen_studio.wings.hand.science.gate import Screening

_HERE = "xgen_studio.wings.hand.tasks"


@dataclass(frozen=True)
class DrawHands(Ask):
    """Draw hands into a folder as `000.png`, `000_heatmap.png`, `000.json`, ...; hand i has the
    seed `drawing.seed + i`. With a gate each is judged at once.

    The shape is drawn from the shape model by the seed, or, with the option shape="free", left to
    the model, or taken from `landmarks`, a file whose hands are drawn one after the other.
    """

    task: ClassVar[str] = f"{_HERE}.drawing:draw_hands"
    lane: ClassVar[Lane] = Lane.LONG

    drawing: Drawing
    count: int
    folder: Path
    gate: str = ""
    landmarks: Path | None = None
    have: frozenset[int] = frozenset()  # hands that are there already

    @property
    def writes(self) -> Path:
        return self.folder

    def on(self, device: str) -> DrawHands:
        return replace(self, drawing=replace(self.drawing, device=device))


@dataclass(frozen=True)
class HandDrawn:
    """A hand lies in the folder; `screening` is its judgement, where it was judged."""

    folder: Path
    file: Path
    screening: Screening | None = None


@dataclass(frozen=True)
class Screen(Ask):
    """Judge the pairs of a folder, or (`landmarks`) real landmark sets, each rendered as a heatmap;
    writes `screening.json` into `out` and tells what was found in words."""

    task: ClassVar[str] = f"{_HERE}.screening:screen"
    lane: ClassVar[Lane] = Lane.LONG

    out: Path
    folder: Path | None = None
    landmarks: Path | None = None
    gate: str = "calibrated"
    overwrite: bool = False

    @property
    def writes(self) -> Path:
        return self.out


@dataclass(frozen=True)
class Locate(Ask):
    """Find the landmarks of radiographs; tells a `LocatedHand` for each."""

    task: ClassVar[str] = f"{_HERE}.localize:find_landmarks"
    lane: ClassVar[Lane] = Lane.SHORT

    model: str
    images: tuple[Path, ...]
    device: str = "cpu"

    def on(self, device: str) -> Locate:
        return replace(self, device=device)


@dataclass(frozen=True)
class LocatedHand:
    """Landmarks (37, 2) px of a picture, see `science.localising.Located`."""

    file: Path
    points: NDArray[np.float64]
    flipped: bool
    doubt: str
