"""What is measured of a model of hands: do its hands pass, do they differ as real ones do, are they
copies?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.evaluation.statistics import wilson
from xgen_studio.wings.hand.science.gate import Gate, Screening
from xgen_studio.wings.hand.science.landmarks import GROUPS, Points, mm_per_pixel
from xgen_studio.wings.hand.science.shape import ShapeModel

Floats = NDArray[np.float64]

SMALL = (64, 48)  # rows, columns of a picture when copies are looked for
WINDOW = 64  # px about the carpus
CARPUS = GROUPS[1]
MODES = 5  # of the shape model, 82 % of the variance, whose spread is compared one by one


def acceptance(gate: Gate, runs: Sequence[Sequence[Screening]]) -> dict[str, Any]:
    """Mean and SD of the accepted share over runs, as published, and of all hands with interval."""
    shares = [sum(s.accepted for s in run) / len(run) for run in runs]
    hands = [s for run in runs for s in run]
    accepted = sum(s.accepted for s in hands)
    reasons: dict[str, int] = {}
    for hand in hands:
        for reason in hand.reasons:
            reasons[reason] = reasons.get(reason, 0) + 1
    passed, n = gate.real_rate()
    return {
        "gate": gate.name,
        "runs": len(runs),
        "hands_a_run": len(runs[0]),
        "mean": float(np.mean(shares)),
        "sd_over_runs": float(np.std(shares, ddof=1)) if len(runs) > 1 else None,
        "accepted": accepted,
        "n": len(hands),
        "interval95": wilson(accepted, len(hands)),
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1])),
        "real_hands": {"passed": passed, "n": n, "interval95": wilson(passed, n)},
    }


def spread(shape: ShapeModel, hands: Points, real: Points, seed: int = 0) -> dict[str, Any]:
    """How much shapes (N, 37, 2) differ, against real ones: the ratio of standard deviations over
    all modes together and of the first MODES one by one, with a 95 % bootstrap interval over hands.
    """
    ours = np.stack([shape.parameters(hand) for hand in hands])
    theirs = np.stack([shape.parameters(hand) for hand in real])

    def ratios(a: Floats, b: Floats) -> Floats:
        each = a.std(0, ddof=1)[:MODES] / b.std(0, ddof=1)[:MODES]
        total = np.sqrt(a.var(0, ddof=1).sum() / b.var(0, ddof=1).sum())
        found: Floats = np.append(total, each)
        return found

    rng = np.random.default_rng(seed)
    draws = np.stack(
        [
            ratios(
                ours[rng.integers(len(ours), size=len(ours))],
                theirs[rng.integers(len(theirs), size=len(theirs))],
            )
            for _ in range(1000)
        ]
    )
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    found = ratios(ours, theirs)
    names = ["all modes", *(f"mode {k + 1}" for k in range(MODES))]
    return {
        "n": len(ours),
        "n_real": len(theirs),
        "sd_ratio": {
            name: {"mean": float(v), "ci95": [float(a), float(b)]}
            for name, v, a, b in zip(names, found, low, high, strict=True)
        },
    }


def told_errors_mm(told: Sequence[Points], found: Sequence[Screening]) -> Floats:
    """Mean distance (N,), mm, between what a model was told and what its heatmap shows."""
    return np.array(
        [
            np.hypot(*(hand.landmarks - points).T).mean() * mm_per_pixel(points)
            for points, hand in zip(told, found, strict=True)
        ]
    )


def small(pictures: NDArray[np.floating]) -> Floats:
    """Pictures (N, H, W) as vectors that exposure does not change: averaged to SMALL, mean 0,
    length 1."""
    n, height, width = pictures.shape
    rows, columns = height // SMALL[0], width // SMALL[1]
    cut = pictures[:, : SMALL[0] * rows, : SMALL[1] * columns].astype(np.float64)
    means = cut.reshape(n, SMALL[0], rows, SMALL[1], columns).mean((2, 4)).reshape(n, -1)
    means -= means.mean(1, keepdims=True)
    unit: Floats = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return unit


def nearest(pictures: Floats, others: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Distance (N,) of vectors of `small` to the nearest of others, from 0 (a copy) to 2, and which
    it is."""
    squared = np.maximum(2 - 2 * pictures @ others.T, 0)
    which = squared.argmin(1)
    distance: Floats = np.sqrt(squared[np.arange(len(pictures)), which])
    return distance, which


def carpi(pictures: NDArray[np.floating], points: Points) -> NDArray[np.floating]:
    """Windows (N, 64, 64) about the middle of the carpus of pictures (N, H, W) with landmarks
    (N, 37, 2), px: where bones lie over bones, softness shows most."""
    half = WINDOW // 2
    padded = np.pad(pictures, ((0, 0), (half, half), (half, half)), mode="edge")
    inside = np.array(pictures.shape[:0:-1])
    middles = np.rint(points[:, list(CARPUS)].mean(1)).clip(0, inside).astype(int)
    return np.stack(
        [
            picture[y : y + WINDOW, x : x + WINDOW]
            for picture, (x, y) in zip(padded, middles, strict=True)
        ]
    )
