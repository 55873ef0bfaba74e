"""From the masks of a scan to what is found of each vertebra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science import grading
from xgen_studio.wings.spine.science.body import DEPTHS, ROWS, WIDTHS, Body
from xgen_studio.wings.spine.science.compression import Compression, most_likely
from xgen_studio.wings.spine.science.findings import (
    COVERAGE,
    THIRDS,
    ByThird,
    Finding,
    Grade,
    HeightMap,
    Range,
)
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.grading import OrdinalModel
from xgen_studio.wings.spine.science.healthivert.released import released_rhlv
from xgen_studio.wings.spine.science.healthivert.svm import SvmGrader
from xgen_studio.wings.spine.science.levels import LABELS, RARE, place
from xgen_studio.wings.spine.science.measuring import Measured
from xgen_studio.wings.spine.science.prior import Prior
from xgen_studio.wings.spine.science.reference import FEWEST, Healthy, choose, healthy_of
from xgen_studio.wings.spine.science.solid import endplate_loss, healthy_solid, solid_of

MEASURING = (0.15, 0.12)  # mm, and share of a voxel: standard deviation of a third's height


@dataclass(frozen=True, eq=False)
class Graded:
    """All that is known of a scan's vertebrae, to be shown and asked again with other references.

    healthy    by level, what each would be
    findings   from head to feet
    references levels that served as healthy reference
    """

    measured: Measured
    healthy: dict[str, Healthy]
    findings: tuple[Finding, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Models:
    """What grades: the shape prior, the ordinal model, the support vector machine."""

    prior: Prior
    ordinal: OrdinalModel
    svm: SvmGrader


def examine(
    measured: Measured,
    labels: Volume,
    models: Models,
    references: Sequence[str] | None = None,
    flags: Mapping[str, Sequence[str]] | None = None,
    density: Mapping[str, float] | None = None,
) -> Graded:
    """Grade every measured vertebra. `references` are the user's choice instead of ours; `flags`
    says, by level, what others found doubtful."""
    bodies = measured.bodies
    chosen = choose(bodies, models.prior) if references is None else tuple(references)
    healthy: dict[str, Healthy] = {}
    findings = []
    for level, body in bodies.items():
        expected = healthy_of(level, bodies, chosen, models.prior)
        finding, healthy[level] = _finding(level, body, expected, measured, labels, models)
        findings.append(finding)
    fractured = {f.level for f in findings if f.grade > Grade.NORMAL}
    finished = []
    for finding in findings:
        told = [*_flags_of(finding, fractured, bodies), *(flags or {}).get(finding.level, ())]
        finished.append(
            replace(
                finding,
                flags=tuple(told),
                confidence="low" if told else "high",
                density_hu=(density or {}).get(finding.level),
            )
        )
    return Graded(measured, healthy, tuple(finished), chosen)


def _finding(
    level: str, body: Body, expected: Healthy, measured: Measured, labels: Volume, models: Models
) -> tuple[Finding, Healthy]:
    """What is found of a vertebra, and its most likely healthy shape."""
    real = body.thirds()
    voxel = voxel_along(labels, body.frame.up)
    wrong = MEASURING[0] + MEASURING[1] * voxel
    likely = most_likely(real, expected.thirds, wrong, models.ordinal.spread)
    grades = likely.grades
    grade = models.ordinal.grade(grades)
    if grade > Grade.NORMAL and likely.broken is not None:
        likely = likely.broken
    healthy = expected.at_heights(likely.healthy_mm)
    rhlv = likely.loss
    interval = _interval(real, expected, likely, wrong)
    kind = grading.type_of(rhlv, grade)
    reason = grading.reason_of(rhlv, interval, grade, kind)
    if grade > Grade.NORMAL and max(rhlv.values()) < grading.THRESHOLDS[0]:
        reason += (
            f"; less than 20 %, but {100 * (1 - grades[0]):.0f} % probable to be more: a mild"
            " fracture is not passed over"
        )
    released = released_rhlv(healthy_solid(body, healthy.mean).block(), solid_of(body).block())
    worst = max(THIRDS, key=lambda third: rhlv[third])
    finding = Finding(
        level=level,
        label=LABELS[level],
        heights_mm=real,
        healthy_mm=likely.healthy_mm,
        expected_mm=expected.mean_thirds,
        healthy_interval_mm=likely.healthy_interval_mm,
        rhlv=rhlv,
        rhlv_interval=interval,
        endplate_mm=endplate_loss(body, healthy.mean),
        released_rhlv=released,
        six_point_mm=_six_points(body),
        ratios=_ratios(level, body, measured.bodies),
        voxel_sensitivity=_sensitivity(real, likely.healthy_mm, worst, voxel),
        grade=grade,
        grade_rule=grading.rule_grade(rhlv),
        grade_svm=models.svm.grade(*(released[third] for third in THIRDS)),
        probabilities=grades,
        reason=reason,
        type=kind,
        references=expected.references,
        columns=HeightMap(
            body.height,
            healthy.mean.height,
            expected.draws.height.std(0),
            body.depth / ROWS,
            body.width / 2 * float(WIDTHS[1] - WIDTHS[0]),
        ),
    )
    return finding, healthy


def _interval(
    real: ByThird, expected: Healthy, likely: Compression, wrong: float
) -> dict[str, Range]:
    """90 % intervals of the losses. Of a vertebra that is compressed, most likely, those of all
    that is known; of one that is not, what the references and the mask alone leave open, for its
    own heights say too little of how far one may be wrong. The estimate is always inside."""
    if likely.intact < 0.5:
        return likely.interval
    height = np.array([real[third] for third in THIRDS])
    draws = 1 - height / expected.thirds
    tail = (1 - COVERAGE) / 2
    found = {}
    for i, third in enumerate(THIRDS):
        mean, spread = float(draws[:, i].mean()), float(draws[:, i].std())
        spread = float(np.hypot(spread, wrong / expected.mean_thirds[third]))
        half = -spread * float(ndtri(tail))
        loss = likely.loss[third]
        found[third] = (min(mean - half, loss), max(mean + half, loss))
    return found


def voxel_along(volume: Volume, up: Floats) -> float:
    """Size of a voxel in the direction `up`, mm."""
    steps = np.abs(volume.direction.T @ up) * np.array(volume.spacing)
    return float(steps.sum())


def _sensitivity(real: ByThird, whole: ByThird, worst: str, voxel: float) -> dict[str, float]:
    """Change of the worst third's loss where each endplate's mask had one voxel more, or less."""
    change = 2 * voxel / whole[worst]
    return {"grown": -change, "shrunk": min(change, real[worst] / whole[worst])}


def _six_points(body: Body) -> dict[str, float]:
    """Heights in the midsagittal plane at the front rim, half way, at the back rim, mm."""
    middle = body.height[:, len(WIDTHS) // 2]
    half = [int(np.searchsorted(DEPTHS, 0.5)) - 1, int(np.searchsorted(DEPTHS, 0.5))]
    return {"Ha": float(middle[0]), "Hm": float(middle[half].mean()), "Hp": float(middle[-1])}


def _ratios(level: str, body: Body, bodies: Mapping[str, Body]) -> dict[str, float]:
    """Ha/Hp, Hm/Hp, and Hp against the vertebrae above and below, where they are measured."""
    own = _six_points(body)
    found = {"Ha/Hp": own["Ha"] / own["Hp"], "Hm/Hp": own["Hm"] / own["Hp"]}
    for other, beside in bodies.items():
        step = place(other) - place(level)
        if 0 < abs(step) <= 1:
            name = "Hp/Hp above" if step < 0 else "Hp/Hp below"
            found[name] = own["Hp"] / _six_points(beside)["Hp"]
    return found


def _flags_of(finding: Finding, fractured: Iterable[str], bodies: Mapping[str, Body]) -> list[str]:
    """What lowers the confidence in a grade, as far as the shapes tell."""
    said = []
    beside = [o for o in bodies if 0 < abs(place(o) - place(finding.level)) <= 1]
    broken = [o for o in beside if o in set(fractured)]
    if broken:
        said.append(f"{' and '.join(broken)} beside it {_is(broken)} also fractured")
    if len(finding.references) < FEWEST:
        count = len(finding.references)
        said.append(
            f"only {count} sound vertebra(e) serve as reference: what is healthy rests on averages"
        )
    elif min(abs(place(o) - place(finding.level)) for o in finding.references) > 2:
        said.append("its nearest reference is more than two levels away")
    if finding.level in RARE:
        said.append("a supernumerary level: its norms are those between its neighbours")
    low, high = finding.rhlv_interval[finding.worst]
    if high - low > 0.2:
        said.append(f"its height loss is uncertain by {100 * (high - low):.0f} points")
    crossed = [cut for cut in grading.THRESHOLDS if low < cut < high]
    if crossed and finding.grade != finding.grade_rule:
        said.append(
            f"the ordinal model says grade {finding.grade}, the thresholds {finding.grade_rule}"
        )
    return said


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
