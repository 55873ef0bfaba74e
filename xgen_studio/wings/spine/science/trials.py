"""Trials of the grading: one row a vertebra, from which the tables are made.

Simulated patients and compressed real vertebrae, whose true loss is known; manual bodies, each left
out and predicted from the others of its spine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.baselines import LinearNeighbours, neighbour_mean
from xgen_studio.wings.spine.science.body import Body, thirds_of
from xgen_studio.wings.spine.science.compressing import compress
from xgen_studio.wings.spine.science.examination import Graded, Models, examine
from xgen_studio.wings.spine.science.findings import THIRDS, ByThird, Finding
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.grading import rule_grade
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.parametric import KINDS, Fracture, Vertebra
from xgen_studio.wings.spine.science.reference import choose
from xgen_studio.wings.spine.science.simulation import Case
from xgen_studio.wings.spine.science.solid import Solid, healthy_solid, overlay_plane


@dataclass(frozen=True, eq=False)
class Row:
    """One vertebra of a trial.

    patient, level
    true, found    losses of the thirds (3,), fractions
    inside         (3,) whether the true loss lies in the interval
    healthy_off    (3,) relative error of the predicted healthy heights, where they are known
    dice           of the healthy body with the true healthy one, where it is known
    guesses        losses (3,) by other methods
    finding        everything else
    """

    patient: str
    level: str
    true: Floats
    found: Floats
    inside: Floats
    healthy_off: Floats
    dice: float
    guesses: Mapping[str, Floats]
    finding: Finding

    @property
    def true_grade(self) -> int:
        """By the thresholds."""
        return int(rule_grade(dict(zip(THIRDS, self.true.tolist(), strict=True))))


def simulated_rows(
    case: Case, patient: str, models: Models, linear: LinearNeighbours
) -> Iterator[Row]:
    """All vertebrae of a simulated patient that can be measured."""
    measured = measure_all(case.labels)
    graded = examine(measured, case.labels, models)
    found = {f.level: f for f in graded.findings}
    for one in case.truth.vertebrae:
        if one.level not in found:
            continue
        _real, whole = one.columns()
        true = one.true_loss()
        healthy = thirds_of(whole)
        expected = found[one.level].expected_mm
        off = np.array([expected[t] / healthy[t] - 1 for t in THIRDS])
        dice = _dice(one, graded, one.level)
        yield _row(patient, one.level, true, graded, linear, off, dice)


def _dice(one: Vertebra, graded: Graded, level: str) -> float:
    """Of the restored body with the healthy one, on the vertebra's own millimetres. Both are laid
    over each other in the middle, for where a healthy body would lie is anybody's choice."""
    body = graded.measured.bodies[level]
    shape = graded.healthy[level].mean
    ours = healthy_solid(body, shape, overlay_plane(body, shape))
    top, bottom = one.healthy(*one.places())
    true = Solid(one.frame, top, bottom, *one.outline())
    a, b = _centred(ours), _centred(true)
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def _centred(solid: Solid) -> np.ndarray:
    """Its mask on its own millimetres, its middle at zero."""
    shift = (solid.top.mean() + solid.bottom.mean()) / 2
    depth = (solid.front.mean() + solid.back.mean()) / 2
    moved = Solid(
        solid.frame,
        solid.top - shift,
        solid.bottom - shift,
        solid.front - depth,
        solid.back - depth,
        solid.width,
    )
    return moved.block()


def _row(
    patient: str,
    level: str,
    true: ByThird,
    graded: Graded,
    linear: LinearNeighbours,
    off: Floats,
    dice: float,
) -> Row:
    finding = next(f for f in graded.findings if f.level == level)
    wanted = np.array([true[t] for t in THIRDS])
    inside = np.array(
        [
            low <= value <= high
            for value, (low, high) in zip(
                wanted, (finding.rhlv_interval[t] for t in THIRDS), strict=True
            )
        ]
    )
    guesses = other_guesses(level, graded.measured.bodies, graded.references, linear)
    guesses["released formula"] = np.array([finding.released_rhlv[t] for t in THIRDS])
    return Row(
        patient,
        level,
        wanted,
        np.array([finding.rhlv[t] for t in THIRDS]),
        inside,
        off,
        dice,
        guesses,
        finding,
    )


def other_guesses(
    level: str, bodies: Mapping[str, Body], sound: Sequence[str], linear: LinearNeighbours
) -> dict[str, Floats]:
    """Losses (3,) by the baselines, from the same sound neighbours; NaN where they cannot say."""
    real = bodies[level].thirds()
    found = {}
    for name, guess in (
        ("neighbour mean", neighbour_mean(level, bodies, sound)),
        ("linear regression", linear(level, bodies, sound)),
    ):
        found[name] = np.array(
            [np.nan if guess is None else 1 - real[t] / guess[t] for t in THIRDS]
        )
    return found


def compressed_rows(
    patient: str,
    ct: Volume,
    labels: Volume,
    models: Models,
    linear: LinearNeighbours,
    seed: int,
    count: int,
) -> Iterator[Row]:
    """`count` sound vertebrae of a real scan, each compressed alone by a known amount, graded."""
    rng = np.random.default_rng([97, seed])
    before = measure_all(labels)
    levels = choose(before.bodies, models.prior)[1:-1]
    for number in range(min(count, len(levels))):
        level = str(rng.choice(levels))
        kind = KINDS[number % len(KINDS)]
        fracture = Fracture(kind, float(rng.uniform(0.15, 0.55)), upper=float(rng.uniform(0.4, 1)))
        body = before.bodies[level]
        made = compress(level, body, fracture, labels, ct)
        graded = examine(measure_all(made.labels), made.labels, models)
        if not any(f.level == level for f in graded.findings):
            continue
        finding = next(f for f in graded.findings if f.level == level)
        was = body.thirds()
        off = np.array([finding.expected_mm[t] / was[t] - 1 for t in THIRDS])
        yield _row(patient, level, made.true_loss, graded, linear, off, float("nan"))
