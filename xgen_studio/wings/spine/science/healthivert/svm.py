"""Genant's grade from the height loss of the thirds by a linear support vector machine, as
published with HealthiVert-GAN. Fitted with scikit-learn, kept as JSON, applied without."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import atomic_write
from xgen_studio.tables import from_table
from xgen_studio.wings.spine.science.findings import Grade

LARGEST = 2**16  # bytes
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class SvmGrader:
    """One plane between each two grades, in the space of standardised losses.

    grades       those it was fitted on, ascending
    mean, scale  of the losses it was fitted on
    normals      of the planes, a pair of grades each, in the order of `itertools.combinations`;
                 their positive side is the lower grade's. `offsets` likewise
    examples     vertebrae it was fitted on
    """

    grades: tuple[int, ...]
    mean: Triple
    scale: Triple
    normals: tuple[Triple, ...]
    offsets: tuple[float, ...]
    examples: int

    def __post_init__(self) -> None:
        pairs = len(self.grades) * (len(self.grades) - 1) // 2
        if not 2 <= len(self.grades) <= len(Grade) or not set(self.grades) <= set(Grade):
            raise ValueError(f"grades {self.grades} are not Genant's")
        if list(self.grades) != sorted(set(self.grades)):
            raise ValueError("grades must ascend")
        if len(self.normals) != pairs or len(self.offsets) != pairs:
            raise ValueError(f"{len(self.grades)} grades need {pairs} normals and offsets")
        if min(self.scale) <= 0:
            raise ValueError("scale must be positive")

    def grade(self, pre: float, mid: float, post: float) -> Grade:
        """The grade that most planes vote for, the lower one of two; losses are fractions of the
        anterior, middle and posterior height."""
        x = (np.array([pre, mid, post]) - self.mean) / self.scale
        votes = np.zeros(len(self.grades), int)
        sides = np.array(self.normals) @ x + np.array(self.offsets)
        for (low, high), side in zip(combinations(range(len(votes)), 2), sides, strict=True):
            votes[low if side > 0 else high] += 1
        return Grade(self.grades[int(votes.argmax())])

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_svm(path: Path) -> SvmGrader:
    """What `SvmGrader.save` wrote; InputError for anything else."""
    return from_table(SvmGrader, read_json(path, LARGEST), str(path))


def fit_svm(losses: ArrayLike, grades: ArrayLike) -> SvmGrader:
    """Fit to losses (N, 3) of anterior, middle and posterior height, fractions, and grades (N,)
    from 0 to 3, as published: standardised, linear, C = 1, classes weighted alike. InputError where
    there are not two grades, or scikit-learn is not installed."""
    x, y = np.asarray(losses, dtype=np.float64), np.asarray(grades, dtype=int)
    if x.ndim != 2 or x.shape != (len(y), 3) or not np.isfinite(x).all():
        raise InputError(
            f"losses of shape {x.shape} and {len(y)} grades: needs finite (N, 3), (N,)"
        )
    if len(np.unique(y)) < 2:
        raise InputError("a grader needs vertebrae of two grades at least")
    try:
        from sklearn.svm import SVC
    except ImportError as error:
        raise InputError("fitting a grader needs scikit-learn: pip install scikit-learn") from error
    mean, scale = x.mean(0), x.std(0)
    scale[scale == 0] = 1.0
    machine = SVC(kernel="linear", class_weight="balanced", C=1.0).fit((x - mean) / scale, y)
    # of two classes scikit-learn turns the one plane around
    sign = -1.0 if len(machine.classes_) == 2 else 1.0
    return SvmGrader(
        grades=tuple(int(one) for one in machine.classes_),
        mean=_triple(mean),
        scale=_triple(scale),
        normals=tuple(_triple(sign * row) for row in machine.coef_),
        offsets=tuple(float(sign * one) for one in machine.intercept_),
        examples=len(y),
    )


def _triple(values: np.ndarray) -> Triple:
    a, b, c = (float(value) for value in values)
    return a, b, c
