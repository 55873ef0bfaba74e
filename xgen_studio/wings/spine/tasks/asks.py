"""What can be asked about spines, and what is told. Light: no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging.geometry import Triple
from xgen_studio.tasks.ask import Ask, Lane
from xgen_studio.wings.spine.science.overruling import Overruled

if TYPE_CHECKING:
    from xgen_studio.wings.spine.science.curve import Curve
    from xgen_studio.wings.spine.science.examination import Graded

_HERE = "xgen_studio.wings.spine.tasks"
MODEL = "spine-proposal"


@dataclass(frozen=True)
class Naming:
    """Which body is which: points (LPS mm) in named vertebrae, the name of the highest one, and
    T13 or L6 where the patient has them."""

    anchors: Mapping[str, Triple] = field(default_factory=dict)
    top: str | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProposeBodies(Ask):
    """Propose the vertebral bodies of a CT; tells `BodiesProposed`."""

    task: ClassVar[str] = f"{_HERE}.proposing:propose"
    lane: ClassVar[Lane] = Lane.LONG

    scan: Path
    naming: Naming
    folder: Path  # for the labels, `labels.npy`
    model: str = MODEL
    device: str = "cpu"

    def on(self, device: str) -> ProposeBodies:
        return replace(self, device=device)


@dataclass(frozen=True)
class BodiesProposed:
    """Labels (D, H, W) uint8 of VerSe on the scan's grid in LPS order, as a file; centres (LPS mm)
    and doubts by level; notes on the numbering; where the mask comes from."""

    labels: Path
    centres: dict[str, Triple]
    doubts: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class MaskOf:
    """A mask for a task: its file (.npy, uint8, LPS order), its grid, and the scan below it."""

    labels: Path
    spacing: Triple
    origin: Triple
    direction: tuple[Triple, Triple, Triple]
    scan: Path | None = None
    source: str = ""
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExamineMask(Ask):
    """Measure and grade the vertebrae of a mask; tells `Examined`."""

    task: ClassVar[str] = f"{_HERE}.examining:examine_mask"
    lane: ClassVar[Lane] = Lane.SHORT

    mask: MaskOf
    references: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Examined:
    """What was found; `science.examination.examine` grades `graded.measured` again with other
    references in a moment. The curve is None where fewer than two vertebrae are seen."""

    graded: Graded
    curve: Curve | None
    round_trip_mm: float | None
    flags: dict[str, tuple[str, ...]]
    density_hu: dict[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ShowHealthy(Ask):
    """Make one vertebra healthy, and show it beside the real one; tells `HealthyShown`."""

    task: ClassVar[str] = f"{_HERE}.showing:show_healthy"
    lane: ClassVar[Lane] = Lane.LIVE

    mask: MaskOf
    level: str
    references: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class HealthyShown:
    """A vertebra in its own frame: blocks (D, H, W) of `spacing` mm, up, to its back, to its left;
    HU (None without a scan) and masks of the body, real and healthy. The middle of the block is the
    middle of the real body."""

    level: str
    spacing: float
    real: NDArray[np.int16] | None
    healthy: NDArray[np.int16] | None
    real_mask: NDArray[np.uint8]
    healthy_mask: NDArray[np.uint8]


@dataclass(frozen=True)
class GradeScan(Ask):
    """Grade a scan from end to end into a folder: masks, `grading.json`, pseudo-healthy CT and mask
    on the patient's grid, pictures, report; tells a `ScanGraded`.

    ct, mask     either may be missing: without a mask one is proposed, without a CT the mask alone
                 is graded
    levels       to be graded; all where it is empty
    prior        `grading.json` of an earlier scan of the patient
    references   levels that serve as healthy reference; None: chosen by measurement
    overruled    grades of a reader's, which stand in the report instead of the computed ones
    source       where the mask comes from, in words, where one is given
    doubts       what is known to be doubtful of it, by level
    """

    task: ClassVar[str] = f"{_HERE}.grading:grade"
    lane: ClassVar[Lane] = Lane.LONG

    out: Path
    ct: Path | None = None
    mask: Path | None = None
    levels: tuple[str, ...] = ()
    naming: Naming = field(default_factory=Naming)
    prior: Path | None = None
    model: str = MODEL
    device: str = "cpu"
    overwrite: bool = False
    references: tuple[str, ...] | None = None
    overruled: tuple[Overruled, ...] = ()
    source: str = ""
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def writes(self) -> Path:
        return self.out

    def on(self, device: str) -> GradeScan:
        return replace(self, device=device)


@dataclass(frozen=True)
class ScanGraded:
    """What was found, in words, a line each."""

    lines: tuple[str, ...]
