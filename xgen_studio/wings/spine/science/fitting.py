"""Fits what grades: the ordinal model and the support vector machine, on simulated patients whose
true loss of height is known; how the shape prior's intervals must be widened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.spine.science.compression import Compression, most_likely
from xgen_studio.wings.spine.science.findings import COVERAGE, THIRDS
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.grading import OrdinalModel, rule_grade
from xgen_studio.wings.spine.science.healthivert.released import released_rhlv
from xgen_studio.wings.spine.science.healthivert.svm import SvmGrader, fit_svm
from xgen_studio.wings.spine.science.parametric import patient, random_fractures
from xgen_studio.wings.spine.science.prior import Prior
from xgen_studio.wings.spine.science.reference import choose, healthy_of
from xgen_studio.wings.spine.science.simulation import measured_directly
from xgen_studio.wings.spine.science.sizes import LEVELS
from xgen_studio.wings.spine.science.solid import healthy_solid, solid_of

ERROR = 0.45  # mm: of a drawn mask, an endplate
SEED = 7
SPREADS = (0.9, 1.0, 1.1, 1.2, 1.35, 1.5)
WEIGHTS = (0.0, 0.15, 0.3, 0.45, 0.6)
FLAT = 0.01
CLOSE = 0.015  # of the coverage that is asked for
Report = Callable[[int, int], None]
Rows = NDArray[np.intp] | slice


@dataclass(frozen=True, eq=False)
class Examples:
    """Simulated vertebrae: true losses (n, 3) and grades (n,), the released code's losses (n, 3),
    heights (n, 3) mm, and draws (n, DRAWS, 3) of what neighbours let expect."""

    true: Floats
    grades: NDArray[np.int64]
    released: Floats
    heights: Floats
    expected: Floats

    def likely(self, spread: float, rows: Rows = slice(None)) -> list[Compression]:
        """What is most likely of each, or of some."""
        return [
            most_likely(dict(zip(THIRDS, h, strict=True)), e, ERROR, spread)
            for h, e in zip(self.heights[rows].tolist(), self.expected[rows], strict=True)
        ]


def simulate_examples(prior: Prior, count: int, seed: int, report: Report) -> Examples:
    """Vertebrae of `count` patients of 6 to 12 vertebrae, measured without voxels."""
    rows: list[tuple[Floats, int, Floats, Floats, Floats]] = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        length = int(rng.integers(6, 13))
        first = int(rng.integers(0, len(LEVELS) - length + 1))
        span = LEVELS[first : first + length]
        truth = patient(rng, span[-1], span[0], random_fractures(rng, span, mean=1.8))
        bodies = {v.level: measured_directly(v, ERROR, rng) for v in truth.vertebrae[::-1]}
        references = choose(bodies, prior)
        for one in truth.vertebrae:
            body = bodies[one.level]
            healthy = healthy_of(one.level, bodies, references, prior)
            released = released_rhlv(
                healthy_solid(body, healthy.mean).block(), solid_of(body).block()
            )
            true, heights = one.true_loss(), body.thirds()
            rows.append(
                (
                    np.array([true[third] for third in THIRDS]),
                    int(rule_grade(true)),
                    np.array([released[third] for third in THIRDS]),
                    np.array([heights[third] for third in THIRDS]),
                    healthy.thirds,
                )
            )
        report(number + 1, count)
    columns = list(zip(*rows, strict=True))
    return Examples(*(np.array(column) for column in columns))


def fit_ordinal(examples: Examples) -> OrdinalModel:
    """The least spread with which 90 % intervals of compressed vertebrae hold about 90 %, then the
    greatest weight whose macro-F1 is within `FLAT` of the best: among rules that are as good, the
    one that overlooks the fewest mild fractures."""
    broken = np.flatnonzero(examples.true.max(1) > 0.1)
    covers = (s for s in SPREADS if _coverage(examples, broken, s) > COVERAGE - CLOSE)
    spread = next(covers, SPREADS[-1])
    likely = examples.likely(spread)
    counts = np.bincount(examples.grades, minlength=4) / len(examples.grades)
    usual = (float(counts[0]), float(counts[1]), float(counts[2]), float(counts[3]))

    def score(weight: float) -> float:
        model = OrdinalModel(usual, weight, spread)
        return macro_f1(examples.grades, [model.grade(one.grades) for one in likely])

    scores = {weight: score(weight) for weight in WEIGHTS}
    best = max(weight for weight in WEIGHTS if scores[weight] > max(scores.values()) - FLAT)
    rounded = (round(usual[0], 4), round(usual[1], 4), round(usual[2], 4), round(usual[3], 4))
    return OrdinalModel(rounded, best, spread)


def _coverage(examples: Examples, rows: NDArray[np.intp], spread: float) -> float:
    inside = [
        low <= value <= high
        for one, true in zip(examples.likely(spread, rows), examples.true[rows], strict=True)
        for (low, high), value in zip(one.interval.values(), true, strict=True)
    ]
    return float(np.mean(inside))


def macro_f1(true: Sequence[int] | NDArray[np.int64], found: Sequence[int]) -> float:
    """Mean F1 of the grades that are there, each counting alike."""
    t, f = np.asarray(true, int), np.asarray(found, int)
    scores = []
    for grade in np.unique(t):
        hits = ((t == grade) & (f == grade)).sum()
        scores.append(2 * hits / ((t == grade).sum() + (f == grade).sum()))
    return float(np.mean(scores))


def fit_released(examples: Examples) -> SvmGrader:
    """The support vector machine as published, on the losses of the released code."""
    return fit_svm(examples.released, examples.grades)
