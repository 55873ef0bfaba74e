"""What is found of a patient's vertebrae: plain data that tables, pages and reports show."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

THIRDS = ("anterior", "middle", "posterior")
ByThird = dict[str, float]
Range = tuple[float, float]  # low and high ends of a 90 % interval
COVERAGE = 0.9  # of every interval


class Grade(IntEnum):
    """Genant's grade (JBMR 1993) by the loss of height: below 20 %, to 25 %, to 40 %, above."""

    NORMAL = 0
    MILD = 1
    MODERATE = 2
    SEVERE = 3


@dataclass(frozen=True, eq=False)
class HeightMap:
    """Columns of a vertebra: rows from front to back, columns from its right to its left.

    real, healthy, sd   (A, L) mm: its height, the healthy one, and the latter's standard deviation
    depth, width        mm that the rows and columns stand apart
    """

    real: NDArray[np.float64]
    healthy: NDArray[np.float64]
    sd: NDArray[np.float64]
    depth: float
    width: float

    @property
    def loss(self) -> NDArray[np.float64]:
        """(A, L) relative height loss (healthy - real) / healthy of each column."""
        return np.asarray((self.healthy - self.real) / self.healthy)


@dataclass(frozen=True, eq=False)
class Finding:
    """One vertebra.

    level, label         its name, and its VerSe number
    heights_mm           mean height of each third, along the normal of its endplates
    healthy_mm           the same thirds as they were healthy, most likely, and 90 % intervals
    expected_mm          ... as the references alone let expect, without a look at the vertebra
    rhlv                 relative height loss (healthy - real) / healthy, a fraction, and intervals
    endplate_mm          loss at the upper and at the lower endplate, mm: 'upper', 'lower'
    released_rhlv        the same loss as HealthiVert-GAN's released code computes it
    six_point_mm         Ha, Hm, Hp in the midsagittal plane; `ratios`: Ha/Hp, Hm/Hp, Hp/Hp above,
                         Hp/Hp below, where there are neighbours
    voxel_sensitivity    change of the worst third's rhlv where the mask grows, or shrinks, by one
                         voxel: 'grown', 'shrunk'
    grade                by the ordinal model; `grade_rule` by the thresholds 20/25/40 %;
                         `grade_svm` by the support vector machine as published
    probabilities        of the grades 0 to 3
    reason               why this grade, a sentence
    type                 'wedge', 'biconcave', 'crush', or '' where it is not fractured
    flags                what lowers the confidence, a sentence each; `confidence`: high, low, none
    references           levels whose shape served as the healthy reference
    density_hu           median HU of the body's inner half, where there is a CT: told, never graded
    """

    level: str
    label: int
    heights_mm: ByThird
    healthy_mm: ByThird
    expected_mm: ByThird
    healthy_interval_mm: dict[str, Range]
    rhlv: ByThird
    rhlv_interval: dict[str, Range]
    endplate_mm: dict[str, float]
    released_rhlv: ByThird
    six_point_mm: dict[str, float]
    ratios: dict[str, float]
    voxel_sensitivity: dict[str, float]
    grade: Grade
    grade_rule: Grade
    grade_svm: Grade
    probabilities: tuple[float, float, float, float]
    reason: str
    type: str
    flags: tuple[str, ...] = ()
    confidence: str = "high"
    references: tuple[str, ...] = ()
    density_hu: float | None = None
    columns: HeightMap | None = None

    @property
    def worst(self) -> str:
        """The third with the greatest loss."""
        return max(THIRDS, key=lambda third: self.rhlv[third])


@dataclass(frozen=True)
class Examination:
    """All that is found in one scan.

    findings        from head to feet
    not_evaluable   why, by level, where nothing sound can be said
    mask_source     where the mask comes from, in words, the proposing network's version included
    round_trip_mm   the largest error of a point taken to the straightened spine and back
    notes           how the files were read, what was left out, what is uncertain of the numbering
    """

    findings: tuple[Finding, ...]
    not_evaluable: dict[str, str] = field(default_factory=dict)
    mask_source: str = ""
    round_trip_mm: float | None = None
    notes: tuple[str, ...] = ()
    ct_name: str = ""
    mask_name: str = ""

    @property
    def fractures(self) -> tuple[Finding, ...]:
        """Vertebrae of grade 1 and above."""
        return tuple(f for f in self.findings if f.grade > Grade.NORMAL)
