"""From height loss to a grade: Genant's thresholds, a rule for probabilities, type, reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xgen_studio.wings.spine.science.findings import THIRDS, ByThird, Grade

Probabilities = tuple[float, float, float, float]
THRESHOLDS = (0.20, 0.25, 0.40)  # Genant 1993: mild, moderate, severe
NAMES = {0: "no fracture", 1: "mild", 2: "moderate", 3: "severe"}


def rule_grade(rhlv: Mapping[str, float]) -> Grade:
    """Genant's grade of the third that lost most."""
    return Grade(int(np.searchsorted(THRESHOLDS, max(rhlv.values()), side="right")))


@dataclass(frozen=True)
class OrdinalModel:
    """How probable grades become one grade: that of the greatest p_k / usual_k^weight.

    usual   how often each grade is where the model was fitted, simulated patients
    weight  0: the likeliest grade; 1: rare grades count as much as the usual one. Between: a mild
            fracture that is overlooked costs more than a second look
    spread  factor on the standard deviation of what neighbours let expect, so that 90 % intervals
            of compressed vertebrae hold 90 %
    """

    usual: tuple[float, float, float, float] = (0.85, 0.05, 0.06, 0.04)
    weight: float = 0.25
    spread: float = 1.0

    def grade(self, probabilities: Probabilities) -> Grade:
        """One grade for probabilities of the grades 0 to 3 (see `compression`)."""
        worth = np.array(probabilities) / np.array(self.usual) ** self.weight
        return Grade(int(worth.argmax()))


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
            return f"{lost}, but less than 20 % is likelier: not graded as a fracture"
        return f"no third lost 20 % of its height: {lost}"
    return f"{NAMES[grade]} {kind}: {lost}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _span(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f} %"
