"""Set a gate's limits on real hands, and say how many pass: made by `xgen prepare hand-gate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgen_studio.wings.hand.science.gate import CHECKS, GATES, MOST_PEAKS, Gate, Screening
from xgen_studio.wings.hand.science.landmarks import COUNT, Points, mm_per_pixel
from xgen_studio.wings.hand.science.measures import UNITS
from xgen_studio.wings.hand.science.norms import Floats, Norms, in_frame, to_json
from xgen_studio.wings.hand.science.peaks import Peaks, find_peaks
from xgen_studio.wings.hand.science.warping import turned

FOLDS = 5
GRID = (256, 256)  # of the rendered heatmaps, the paper's
BLOB = 1.0  # px, the paper's
JITTER_MM = 0.5  # of a landmark, as two observers would place it
TURN_DEG = 20.0  # how far hands are turned either way
BEYOND = 0.0025  # share of real hands that one limit may cost ...
BEYOND_OF = {"BONE": 0.0075}  # ... or this one, which alone catches a bone of the wrong length
GIVEN = ("FAINT",)  # limits that real hands cannot set: rendered blobs are all equally high
ROOM = 1.05  # limits lie this much beyond that quantile
RIGHT_PX = 2.5  # a label is right that lies so near

HOW = (
    f"heatmaps rendered from landmarks of real hands ({GRID[1]} x {GRID[0]} px, sigma {BLOB:g} px),"
    f" each judged by statistics and limits from other hands ({FOLDS} folds)"
)


def render(points: Points, grid: tuple[int, int] = GRID, sigma: float = BLOB) -> Floats:
    """A heatmap (H, W) in [0, 1] of points (N, 2) px: the largest of the blobs at each pixel."""
    ys, xs = np.arange(grid[0]) + 0.5, np.arange(grid[1]) + 0.5
    down = np.exp(-((ys - points[:, 1:]) ** 2) / (2 * sigma**2))
    across = np.exp(-((xs - points[:, :1]) ** 2) / (2 * sigma**2))
    heat: Floats = (down[:, :, None] * across[:, None, :]).max(0)
    return heat


def varied(hand: Points, rng: np.random.Generator, turn: float = TURN_DEG) -> Points:
    """A hand turned by up to `turn` degrees, with landmarks as another observer might place them,
    in a picture of GRID."""
    framed = in_frame(turned(hand, rng.uniform(-turn, turn)), GRID)
    jitter: Points = rng.normal(0, JITTER_MM / mm_per_pixel(framed), framed.shape)
    return framed + jitter


def seen(points: Points) -> Peaks:
    """The peaks of a rendered heatmap, as an 8-bit file would hold it."""
    return find_peaks(np.rint(render(points) * 255) / 255, MOST_PEAKS)


def all_right(screening: Screening, truth: Points) -> bool:
    """Whether all 37 landmarks carry their own label."""
    known = screening.labels.peaks >= 0
    off = np.hypot(*(screening.landmarks - truth).T)
    return bool(known.all() and (off < RIGHT_PX).all())


def calibrate(
    hands: Points, progress: Callable[[int, int], None] = lambda done, total: None, seed: int = 0
) -> dict[str, Any]:
    """The table of `gates.json` from hands (N, 37, 2).

    The calibrated gate sees hands turned and jittered (`varied`), the published readings see them
    as they are. `passed_nested` counts with limits from other folds, too.
    """
    norms = Norms.of(hands)
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(hands)) % FOLDS
    total = FOLDS * len(GATES)
    made: dict[str, Any] = {"how": HOW, "norms": to_json(norms), "gates": {}}
    others = [Norms.of(hands[fold != f]) for f in range(FOLDS)]
    for number, name in enumerate(GATES):
        rows: list[Screening] = []
        right, order = [], []
        for f in range(FOLDS):
            progress(number * FOLDS + f, total)
            gate = Gate(name, others[f], CHECKS[name], {})
            own = np.flatnonzero(fold == f)
            points = [
                varied(hands[i], rng) if name == "calibrated" else in_frame(hands[i], GRID)
                for i in own
            ]
            found = gate.judge([str(i) for i in own], [seen(p) for p in points], GRID)
            right += [all_right(s, p) for s, p in zip(found, points, strict=True)]
            rows += found
            order += own.tolist()
        metrics = columns(rows)
        folds = fold[order]
        gate = Gate(name, norms, CHECKS[name], metrics)
        entry: dict[str, Any] = {"limits": {c.code: c.limit for c in gate.checks}}
        if name == "calibrated":
            entry["limits"] = limits_from(gate, metrics)
            nested = [
                gate.with_limits(limits_from(gate, _rows(metrics, folds != f)))
                .passed(_rows(metrics, folds == f))
                .sum()
                for f in range(FOLDS)
            ]
            entry["passed_nested"] = int(np.sum(nested))
        gate = gate.with_limits(entry["limits"])
        entry["passed"], entry["n"] = int(gate.passed(metrics).sum()), len(hands)
        entry["all_labels_right"] = int(np.sum(right))
        entry["real"] = {
            key: [None if np.isnan(v) else round(float(v), 3) for v in column]
            for key, column in metrics.items()
        }
        made["gates"][name] = entry
    progress(total, total)
    return made


def columns(screenings: Sequence[Screening]) -> dict[str, Floats]:
    """Metrics of many hands as one array (N,) each."""
    return {name: np.array([s.metrics[name] for s in screenings], dtype=float) for name in UNITS}


def limits_from(gate: Gate, metrics: dict[str, Floats]) -> dict[str, float]:
    """Limits by code: counts stay, every other limit costs a share BEYOND of real hands."""
    limits = {}
    for check in gate.checks:
        if check.limit == 0 or check.code in GIVEN:
            limits[check.code] = float(check.limit)
            continue
        values, share = metrics[check.metric], BEYOND_OF.get(check.code, BEYOND)
        if check.at_least:
            quantile = float(np.nanquantile(values, share))
            limits[check.code] = quantile * (ROOM if quantile < 0 else 1 / ROOM)
        else:
            limits[check.code] = float(np.nanquantile(np.abs(values), 1 - share)) * ROOM
        limits[check.code] = float(f"{limits[check.code]:.3g}")
    return limits


def _rows(metrics: dict[str, Floats], keep: np.ndarray) -> dict[str, Floats]:
    return {name: column[keep] for name, column in metrics.items()}


def rejection(
    gate: Gate,
    hands: Points,
    corrupt: Callable[[Points, np.random.Generator], Points],
    seed: int = 0,
) -> list[Screening]:
    """Screen hands, varied as in calibration, after `corrupt`."""
    rng = np.random.default_rng(seed)
    peaks = []
    for hand in hands:
        whole = varied(hand, rng, turn=10.0)
        spoiled = corrupt(whole, rng)
        if len(spoiled) == COUNT:
            spoiled = in_frame(spoiled, GRID)
        peaks.append(seen(spoiled))
    return gate.judge([str(i) for i in range(len(hands))], peaks, GRID)
