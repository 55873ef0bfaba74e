"""From height loss to a grade: Genant's thresholds, an ordinal model with probabilities, the type,
and the reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from xgen_studio.wings.spine.science.findings import THIRDS, ByThird, Grade
from xgen_studio.wings.spine.science.frame import Floats

THRESHOLDS = (0.20, 0.25, 0.40)  # Genant 1993: mild, moderate, severe
NAMES = {0: "no fracture", 1: "mild", 2: "moderate", 3: "severe"}


def rule_grade(rhlv: Mapping[str, float]) -> Grade:
    """Genant's grade of the third that lost most."""
    return Grade(int(np.searchsorted(THRESHOLDS, max(rhlv.values()), side="right")))


@dataclass(frozen=True)
class OrdinalModel:
    """Ordered probit: P(grade >= k) = Phi((w - cut_k) / sqrt(sd^2 + noise^2)), where w is the loss
    of the worst third and sd how uncertain it is. Fitted on simulated patients whose true loss is
    known (see `fitting`), it allows for what measuring and choosing the worst of three add."""

    cuts: tuple[float, float, float] = THRESHOLDS
    noise: float = 0.02

    def probabilities(self, worst: float, sd: float) -> tuple[float, float, float, float]:
        """Of the grades 0 to 3; they sum to 1."""
        scale = float(np.hypot(sd, self.noise))
        above = [1.0, *(float(ndtr((worst - cut) / scale)) for cut in self.cuts), 0.0]
        p = [above[k] - above[k + 1] for k in range(4)]
        return (p[0], p[1], p[2], p[3])


def grade_of(probabilities: tuple[float, float, float, float]) -> Grade:
    """The median grade: the highest that is at least as likely reached as not."""
    reached = np.cumsum(probabilities[::-1])[::-1]
    return Grade(int(np.flatnonzero(reached >= 0.5)[-1]))


def type_of(rhlv: Mapping[str, float], grade: Grade) -> str:
    """'wedge', 'biconcave' or 'crush' (Genant 1993: the front, the middle, or all with the back);
    '' without a fracture."""
    if grade is Grade.NORMAL:
        return ""
    front, middle, back = (max(rhlv[third], 0.0) for third in THIRDS)
    if back >= 0.6 * max(front, middle):
        return "crush"
    return "wedge" if front >= middle - 0.02 else "biconcave"


def reason_of(
    rhlv: ByThird, interval: Mapping[str, tuple[float, float]], grade: Grade, kind: str
) -> str:
    """Why this grade, a sentence."""
    worst = max(THIRDS, key=lambda third: rhlv[third])
    low, high = interval[worst]
    lost = f"its {worst} third lost {_percent(rhlv[worst])} (90 % interval {_span(low, high)})"
    if grade is Grade.NORMAL:
        if rhlv[worst] >= THRESHOLDS[0]:
            return f"{lost}, but less than 20 % is as likely: not graded as a fracture"
        return f"no third lost 20 % of its height: {lost}"
    low_cut = THRESHOLDS[grade - 1]
    text = f"{NAMES[grade]} {kind}: {lost}"
    return text if rhlv[worst] >= low_cut else f"{text}, which is {_percent(low_cut)} or more"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _span(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def loss_draws(real: ByThird, healthy_thirds: Floats, measuring: float) -> Floats:
    """(n, 3) draws of the loss of each third: `healthy_thirds` (n, 3) mm are draws of the healthy
    heights; `measuring` is the standard deviation of the real one's in mm, half of whose variance
    all thirds share. The same for the same input."""
    rng = np.random.default_rng(1)
    count = len(healthy_thirds)
    wrong = rng.normal(0, measuring * np.sqrt(0.5), (count, 1))
    wrong = wrong + rng.normal(0, measuring * np.sqrt(0.5), (count, 3))
    measured = np.array([real[third] for third in THIRDS]) + wrong
    return np.asarray(1 - measured / healthy_thirds)
