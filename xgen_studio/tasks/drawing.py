"""Asks for pictures drawn from masks, and what they tell. Light: no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document import Picture
from xgen_studio.imaging import Mask
from xgen_studio.tasks.ask import Ask, Lane

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Drawing:
    """How a picture is drawn; method, sampler and steps default to the model's own."""

    model: str
    method: str | None = None
    sampler: str | None = None
    steps: int | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)  # of the wing: see `Wing.options`
    device: str = "cpu"


@dataclass(frozen=True)
class Edit:
    """Draw only a region of a picture anew: `pixels` (H, W) in [0, 1] and `region` (H, W), true
    where the picture may change, both on the model's grid. The rest stays identical to the bit: if
    the picture is not known to be synthetic, what comes of it is so only in part."""

    pixels: Pixels
    region: NDArray[np.bool_]
    synthetic: bool = False


@dataclass(frozen=True)
class Draw(Ask):
    """Draw a mask now. A preview runs to its end; a finished sample gives way to what is newer."""

    task: ClassVar[str] = "xgen_studio.tasks.generate:draw"
    lane: ClassVar[Lane] = Lane.LIVE

    drawing: Drawing
    mask: Mask
    final: bool = True
    edit: Edit | None = None

    @property
    def gives_way(self) -> bool:
        return self.final


@dataclass(frozen=True)
class Series(Ask):
    """One picture of a mask for each index: image i has the seed `drawing.seed + i`. With `folder`
    they are written there as `iii.png` and `iii.json`."""

    task: ClassVar[str] = "xgen_studio.tasks.generate:draw_series"
    lane: ClassVar[Lane] = Lane.LONG

    drawing: Drawing
    mask: Mask
    count: int = 1
    seeds: tuple[int, ...] = ()  # instead of `drawing.seed + i`
    edit: Edit | None = None
    folder: Path | None = None
    have: frozenset[int] = frozenset()  # indices that are there already

    @property
    def writes(self) -> Path | None:
        return self.folder

    def on(self, device: str) -> Series:
        return replace(self, drawing=replace(self.drawing, device=device))


@dataclass(frozen=True)
class Again(Ask):
    """Make a picture again from its recipe."""

    task: ClassVar[str] = "xgen_studio.tasks.again:make_again"
    lane: ClassVar[Lane] = Lane.SHORT

    picture: Picture


@dataclass(frozen=True)
class Drawn:
    """A picture (H, W) in [0, 1]; `provenance` makes it again. `file` is where it was written."""

    pixels: Pixels
    provenance: dict[str, Any]
    seconds: float
    final: bool = True
    file: Path | None = None


@dataclass(frozen=True)
class MadeAgain:
    """A picture made again: whether it is equal to the bit, else the largest difference (of a grey
    range of 1), and what is not as it was then: device, threads, instruction set, versions."""

    equal: bool
    largest_difference: float
    differs: tuple[str, ...] = ()
