"""Gates: which labelled hands are sound, and why the others are not.

`paper` is the published rule; `calibrated` has its limits from real hands that its statistics never
saw. A limit is data: the studio's sliders make another gate of the same metrics.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import CallError, InputError
from xgen_studio.wings.hand.science.labelling import ABSENT, SHARED, Labels, label_hands
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES, Points
from xgen_studio.wings.hand.science.measures import (
    WRIST_REGION,
    Pairs,
    bone_name,
    bone_z,
    measure,
    peak_groups,
    placed,
)
from xgen_studio.wings.hand.science.norms import Floats, Norms, from_json
from xgen_studio.wings.hand.science.peaks import Peaks, find_peaks
from xgen_studio.wings.hand.science.published import READINGS, label_published

FILE = Path(__file__).resolve().parent.parent / "data" / "gates.json"
MOST_PEAKS = 60  # candidates looked at
GATES = ("calibrated", "paper", "paper-sum", "paper-rows")
MIRROR_GAIN = 1.0  # energy an edge by which a mirrored hand must explain the peaks better


@dataclass(frozen=True)
class Check:
    """A limit on one metric; `at_least`: the value must not fall below it."""

    code: str
    metric: str
    limit: float
    at_least: bool = False

    @property
    def unit_is_count(self) -> bool:
        """Whether the metric counts something that a sound hand has none of."""
        return self.metric in ("missing", "shared", "extra")

    def excess(self, value: float | Floats) -> Floats:
        """How far beyond the limit, as a share of it (of 1 where the limit is 0); at most 0 passes.

        A metric that could not be measured (NaN) is infinitely far beyond.
        """
        size = abs(self.limit) or 1.0
        sign = -1.0 if self.at_least else 1.0
        size_of = np.asarray(value) if self.at_least else np.abs(value)
        over = sign * (size_of - self.limit)
        return np.where(np.isnan(over), np.inf, over / size)


# Codes in the order in which they are told. The paper's constraint (i) is DUP, (ii) is WRIST.
CHECKS = {
    "calibrated": (
        Check("MISSING", "missing", 0),
        Check("DUP", "shared", 0),
        Check("EXTRA", "extra", 0),
        Check("WRIST", "wrist", 16.0),
        Check("BONE", "bone", 6.0),
        Check("SHAPE", "shape", 46.0),
        Check("RESIDUAL", "residual", 2.5),
        Check("POSE", "turn", 35.0),
        Check("FIT", "inliers", 22, True),
        Check("MRF", "edges", -3.5, True),
        Check("FAINT", "faintest", 0.4, True),
    ),
    **dict.fromkeys(GATES[1:], (Check("DUP", "shared", 0), Check("WRIST", "wrist", 16.0))),
}


@dataclass(frozen=True)
class Screening:
    """The judgement of one hand.

    reasons    codes of the checks that failed, in their order; empty where it is accepted
    details    a sentence for each reason
    metrics    by the names of `measures.UNITS`
    landmarks  (37, 2) px, the peak's place or, where a landmark has none, the expected one
    labels     which peak is which landmark; `peaks` are those of the heatmap
    """

    id: str
    reasons: tuple[str, ...]
    details: tuple[str, ...]
    metrics: dict[str, float]
    landmarks: Points
    labels: Labels
    peaks: Peaks

    @property
    def accepted(self) -> bool:
        """Whether every check was passed."""
        return not self.reasons

    @property
    def spare(self) -> Points:
        """Places (N, 2) px of peaks that belong to no landmark."""
        return np.delete(self.peaks.places, self.labels.peaks[self.labels.peaks >= 0], axis=0)


@dataclass(frozen=True)
class Gate:
    """A labeller and limits on what it measures. `real` holds the same metrics of real hands;
    `nested`: how many of them pass limits set on others, and the limits that are meant by that."""

    name: str
    norms: Norms
    checks: tuple[Check, ...]
    real: Mapping[str, Floats]
    how_real: str = ""
    nested: tuple[int, Mapping[str, float]] | None = None

    def with_limits(self, limits: Mapping[str, float]) -> Gate:
        """The gate with other limits, by code."""
        checks = tuple(replace(c, limit=limits.get(c.code, c.limit)) for c in self.checks)
        return replace(self, checks=checks)

    @property
    def limits(self) -> dict[str, float]:
        """By code."""
        return {check.code: check.limit for check in self.checks}

    @property
    def exempt(self) -> Pairs:
        """Pairs that may share a peak; the paper names 2 and 3 alone."""
        return tuple(SHARED) if self.name == "calibrated" else ((2, 3),)

    def label(self, hands: Sequence[Peaks], grid: tuple[int, int]) -> list[Labels]:
        """Which peak is which landmark, by this gate's own reading."""
        if self.name == "calibrated":
            return label_hands(hands, self.norms)
        reading = dict(zip(GATES[1:], READINGS, strict=True))[self.name]
        return label_published(hands, grid, self.norms, reading)

    def judge(
        self, ids: Sequence[str], hands: Sequence[Peaks], grid: tuple[int, int]
    ) -> list[Screening]:
        """Judge the peaks of hands on heatmaps of `grid` (rows, columns)."""
        found = [
            self.decide(id, peaks, labels)
            for id, peaks, labels in zip(ids, hands, self.label(hands, grid), strict=True)
        ]
        if self.name != "calibrated":
            return found
        return self._with_mirrored(found, grid)

    def decide(self, id: str, peaks: Peaks, labels: Labels) -> Screening:
        """Judge one labelling; a label that a user moved goes through here, too."""
        metrics, framed = measure(peaks, labels, self.norms, self.exempt)
        landmarks = placed(peaks, labels, self.norms)
        made = Screening(id, (), (), metrics, landmarks, labels, peaks)
        failed = [c for c in self.checks if c.excess(metrics[c.metric]) > 0]
        details = tuple(_sentence(c, made, framed, self) for c in failed)
        return replace(made, reasons=tuple(c.code for c in failed), details=details)

    def passed(self, metrics: Mapping[str, Floats]) -> np.ndarray:
        """Which of many hands (N,) pass, from their metrics alone."""
        result: np.ndarray = np.all(self.excess(metrics) <= 0, axis=0)
        return result

    def excess(self, metrics: Mapping[str, Floats]) -> Floats:
        """How far (C, N) each hand lies beyond the limit of each check: `Check.excess`."""
        return np.array([check.excess(metrics[check.metric]) for check in self.checks])

    def real_rate(self) -> tuple[int, int]:
        """How many real hands pass, and of how many.

        With the limits that were set on them: the nested count, each hand judged by limits that
        other hands set. With other limits: simply who passes.
        """
        passed = self.passed(self.real)
        if self.nested is not None and self.limits == self.nested[1]:
            return self.nested[0], len(passed)
        return int(passed.sum()), len(passed)

    def _with_mirrored(self, found: list[Screening], grid: tuple[int, int]) -> list[Screening]:
        """A hand that fails, but whose mirror image is explained far better, is a right hand."""
        failed = [i for i, s in enumerate(found) if s.reasons and len(s.peaks) >= COUNT // 2]
        flipped = [found[i].peaks.mirrored(grid[1]) for i in failed]
        labels = self.label(flipped, grid) if failed else []
        for i, other, peaks in zip(failed, labels, flipped, strict=True):
            mirrored = self.decide(found[i].id, peaks, other)
            better = other.edge_energy > found[i].labels.edge_energy + MIRROR_GAIN
            if mirrored.accepted or (better and len(mirrored.reasons) < len(found[i].reasons)):
                text = "it is mirrored: a right hand, or a picture flipped left to right; flip it"
                found[i] = replace(
                    found[i],
                    reasons=("MIRROR", *found[i].reasons),
                    details=(text, *found[i].details),
                )
        return found


def screen_heatmaps(
    gate: Gate, ids: Sequence[str], heatmaps: Sequence[NDArray[np.floating]]
) -> list[Screening]:
    """Judge heatmaps (H, W) in [0, 1], all of one size."""
    hands = [find_peaks(heatmap, MOST_PEAKS) for heatmap in heatmaps]
    if not hands:
        return []
    return gate.judge(ids, hands, (heatmaps[0].shape[0], heatmaps[0].shape[1]))


def _sentence(check: Check, made: Screening, framed: Points, gate: Gate) -> str:
    """Why a check failed, for people: which landmark, how much, what real hands have."""
    value, limit, norms = made.metrics[check.metric], check.limit, gate.norms
    if math.isnan(value):
        return "too few landmarks were found to measure this"
    if check.code == "MISSING":
        absent = [NAMES[k] for k in np.flatnonzero(made.labels.peaks == ABSENT)]
        return f"no peak for {_some(absent)}"
    if check.code == "DUP":
        shared = peak_groups(made.labels, gate.exempt)
        return f"one peak is taken for {_some(['/'.join(NAMES[k] for k in g) for g in shared])}"
    if check.code == "EXTRA":
        return f"{value:.0f} peak(s) belong to no landmark: {_extra(made)}"
    if check.code == "WRIST":
        off = np.hypot(*(framed - norms.shape.mean).T)[list(WRIST_REGION)]
        worst = NAMES[int(off.argmax())]
        return f"{worst} lies {value:.1f} mm from its mean place (at most {limit:g})"
    if check.code == "BONE":
        bone = int(np.abs(bone_z(made.landmarks, norms)).argmax())
        longer = "longer" if value > 0 else "shorter"
        return (
            f"{bone_name(bone)} is {abs(value):.1f} SD {longer} than the other bones let expect"
            f" (at most {limit:g})"
        )
    unit = {
        "SHAPE": "squared Mahalanobis distance from the mean hand {v:.0f}",
        "RESIDUAL": "{v:.1f} mm from anything the shape model can say",
        "POSE": "turned by {v:.0f}°",
        "FIT": "only {v:.0f} of 37 landmarks lie within 8 mm of the mean hand",
        "MRF": "distances between neighbours are unusual ({v:.1f} an edge)",
        "FAINT": "the faintest landmark has {v:.2f} of the usual height",
    }
    bound = "at least" if check.at_least else "at most"
    return f"{unit[check.code].format(v=value)} ({bound} {limit:g})"


def _extra(made: Screening) -> str:
    return _some([f"({x:.0f}, {y:.0f}) px" for x, y in made.spare])


def _some(words: Sequence[str], most: int = 4) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


@cache
def shipped_gates() -> tuple[Norms, dict[str, Gate]]:
    """The statistics of real hands, and the gates, that come with the application."""
    try:
        table: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
        norms = from_json(table["norms"])
        return norms, {name: as_gate(table, name, norms) for name in GATES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{FILE}: the hand's statistics cannot be read ({error!r}); install again, or make them"
            " with xgen prepare hand-gate"
        ) from error


def as_gate(table: Mapping[str, Any], name: str, norms: Norms) -> Gate:
    """A gate of a table that `calibration.calibrate` made."""
    entry = table["gates"][name]
    real = {key: np.array(values, dtype=float) for key, values in entry["real"].items()}
    nested = (int(entry["passed_nested"]), entry["limits"]) if "passed_nested" in entry else None
    gate = Gate(name, norms, CHECKS[name], real, table["how"], nested)
    return gate.with_limits(entry["limits"])


def load_gate(name: str = "calibrated") -> Gate:
    """A gate by its name; CallError for another name."""
    if name not in GATES:
        raise CallError(f"no gate is called '{name}'; there is {', '.join(GATES)}")
    return shipped_gates()[1][name]
