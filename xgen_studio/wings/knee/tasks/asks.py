"""What can be asked about knees, and what is told. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging.projection import ConeBeam
from xgen_studio.tasks.ask import Ask, Lane

_HERE = "xgen_studio.wings.knee.tasks"


@dataclass(frozen=True)
class OpenRadiograph(Ask):
    """Read a radiograph, propose its mask, fit both to a grid (rows, columns)."""

    task: ClassVar[str] = f"{_HERE}.opening:open_radiograph"
    lane: ClassVar[Lane] = Lane.SHORT

    file: Path
    model: str
    grid: tuple[int, int]


@dataclass(frozen=True)
class OpenedRadiograph:
    """A radiograph on the grid: grey values in [0, 1], label ids, mm a pixel, and any doubt."""

    file: Path
    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float] | None
    doubt: str
    synthetic: bool
    notes: tuple[str, ...] = ()  # what was not plain in how it was read


@dataclass(frozen=True)
class ProposeMask(Ask):
    """Propose the mask of a picture (H, W) in [0, 1] that lies on the model's grid."""

    task: ClassVar[str] = f"{_HERE}.opening:propose_mask"
    lane: ClassVar[Lane] = Lane.SHORT

    pixels: NDArray[np.float32]
    model: str


@dataclass(frozen=True)
class ProposedMask:
    """Label ids, and what makes them doubtful, if anything; `file` where they were written."""

    labels: NDArray[np.uint8]
    doubt: str
    file: Path | None = None


@dataclass(frozen=True)
class MaskFiles(Ask):
    """Propose masks for radiographs and write `NAME.png` (label ids on the image's own grid),
    `NAME_overlay.png` and `NAME.json` of each."""

    task: ClassVar[str] = f"{_HERE}.masking:propose_masks"
    lane: ClassVar[Lane] = Lane.LONG

    model: str
    images: tuple[Path, ...]
    out: Path
    device: str = "cpu"
    overwrite: bool = False

    @property
    def writes(self) -> Path:
        return self.out

    def on(self, device: str) -> MaskFiles:
        return replace(self, device=device)


@dataclass(frozen=True)
class Project(Ask):
    """Cone-beam radiographs and masks of a CT from evenly spaced angles."""

    task: ClassVar[str] = f"{_HERE}.drr:project"
    lane: ClassVar[Lane] = Lane.LONG

    ct: Path
    out: Path
    views: int
    geometry: ConeBeam
    bone_threshold: float
    spectrum: str = "70kV"
    device: str = "cpu"
    overwrite: bool = False

    @property
    def writes(self) -> Path:
        return self.out

    def on(self, device: str) -> Project:
        return replace(self, device=device)
