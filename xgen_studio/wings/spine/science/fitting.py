"""Fits what grades: the ordinal model and the support vector machine, on simulated patients whose
true loss of height is known; how the shape prior's intervals must be widened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr

from xgen_studio.wings.spine.science.findings import THIRDS
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.grading import OrdinalModel, loss_draws, rule_grade
from xgen_studio.wings.spine.science.healthivert.released import released_rhlv
from xgen_studio.wings.spine.science.healthivert.svm import SvmGrader, fit_svm
from xgen_studio.wings.spine.science.parametric import patient, random_fractures
from xgen_studio.wings.spine.science.prior import Prior
from xgen_studio.wings.spine.science.reference import choose, healthy_of, losses
from xgen_studio.wings.spine.science.simulation import measured_directly
from xgen_studio.wings.spine.science.sizes import LEVELS
from xgen_studio.wings.spine.science.solid import healthy_solid, solid_of

ERROR = 0.45  # mm: of a drawn mask, an endplate
SEED = 7
Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Examples:
    """Simulated vertebrae: true and estimated losses (n, 3), the spread of the worst third's, the
    released code's losses (n, 3), true grades (n,)."""

    true: Floats
    found: Floats
    spread: Floats
    released: Floats
    grades: Floats


def simulate_examples(prior: Prior, count: int, seed: int, report: Report) -> Examples:
    """Vertebrae of `count` patients of 6 to 12 vertebrae, measured without voxels."""
    rows: list[tuple[Floats, Floats, float, Floats, int]] = []
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
            found = losses(body, healthy)
            draws = loss_draws(body.thirds(), healthy.thirds, ERROR * np.sqrt(0.5))
            values = np.array([found[third] for third in THIRDS])
            released = released_rhlv(
                healthy_solid(body, healthy.mean).block(), solid_of(body).block()
            )
            true = one.true_loss()
            rows.append(
                (
                    np.array([true[third] for third in THIRDS]),
                    values,
                    float(draws[:, values.argmax()].std()),
                    np.array([released[third] for third in THIRDS]),
                    int(rule_grade(true)),
                )
            )
        report(number + 1, count)
    columns = list(zip(*rows, strict=True))
    return Examples(*(np.array(column) for column in columns))


def fit_ordinal(examples: Examples) -> OrdinalModel:
    """The cuts and the noise that make the true grades most likely. Every grade counts alike, so
    that the cuts do not lean on how often the simulation breaks a vertebra."""
    worst = examples.found.max(1)
    grades = examples.grades.astype(int)
    weights = 1 / np.bincount(grades, minlength=4)[grades]

    def unlikely(values: Floats) -> float:
        cuts = np.cumsum([values[0], np.exp(values[1]), np.exp(values[2])])
        scale = np.hypot(examples.spread, np.exp(values[3]))
        above = np.stack(
            [np.ones_like(worst), *(ndtr((worst - c) / scale) for c in cuts), 0 * worst], 1
        )
        rows = np.arange(len(worst))
        share = above[rows, grades] - above[rows, grades + 1]
        return float(-(weights * np.log(np.clip(share, 1e-9, 1))).sum())

    start = np.array([0.2, np.log(0.05), np.log(0.15), np.log(0.03)])
    best = minimize(unlikely, start, method="Nelder-Mead", options={"maxiter": 2000}).x
    cuts = np.cumsum([best[0], np.exp(best[1]), np.exp(best[2])])
    return OrdinalModel(
        (round(float(cuts[0]), 4), round(float(cuts[1]), 4), round(float(cuts[2]), 4)),
        round(float(np.exp(best[3])), 4),
    )


def fit_released(examples: Examples) -> SvmGrader:
    """The support vector machine as published, on the losses of the released code."""
    return fit_svm(examples.released, examples.grades.astype(int))
