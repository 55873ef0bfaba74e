"""What the checks of a gate are called, and what they look at, for people; by code."""

from __future__ import annotations

from collections.abc import Mapping

from xgen_studio.wings.hand.science.gate import Check
from xgen_studio.wings.hand.science.measures import SIGNED, UNITS

TITLES = {
    "MISSING": "Missing",
    "DUP": "Shared peaks",
    "EXTRA": "Extra peaks",
    "WRIST": "Wrist",
    "BONE": "Worst bone",
    "SHAPE": "Shape",
    "RESIDUAL": "Residual",
    "POSE": "Turn",
    "FIT": "Inliers",
    "MRF": "Edges",
    "FAINT": "Faintest",
    "MIRROR": "Mirrored",
    "none": "nothing: it passes",
}
TIPS = {
    "MISSING": "landmarks without a peak",
    "DUP": "landmarks that share a peak (2 and 3, 0 and 1 may)",
    "EXTRA": "peaks that belong to no landmark, as a sixth finger has",
    "WRIST": "the largest distance of a wrist landmark from its mean place",
    "BONE": "how unusual the worst bone's length is, given the other bones",
    "SHAPE": "squared Mahalanobis distance from the mean hand",
    "RESIDUAL": "how far the landmarks are from anything the shape model can say",
    "POSE": "how far the hand is turned",
    "FIT": "landmarks within 8 mm of the mean hand",
    "MRF": "log density of the displacements between neighbours, an edge on average",
    "FAINT": "the faintest landmark's height, as a share of the median",
    "MIRROR": "looks like a right hand",
    "none": "hands that pass every check",
}


def sign_of(check: Check) -> str:
    """How a limit is meant: '≥', '≤', or '±' where either way is odd."""
    return "≥" if check.at_least else "±" if check.metric in SIGNED else "≤"


def limits_in_words(limits: Mapping[str, float]) -> str:
    """'Wrist 18, Missing 1', of limits by code."""
    return ", ".join(f"{TITLES[code]} {limit:.3g}" for code, limit in limits.items())


def with_unit(metric: str, value: float) -> str:
    """'16 mm', '1 landmark'."""
    unit = UNITS[metric]
    if value == 1 and unit in ("landmarks", "peaks"):
        unit = unit.removesuffix("s")
    return f"{value:.3g} {unit}"
