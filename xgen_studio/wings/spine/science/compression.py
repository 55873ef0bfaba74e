"""How much height a vertebra lost: what neighbours let expect, and what it shows itself.

Neighbours give a Gaussian over the healthy heights of its thirds. The vertebra's own heights are
what is left of them: all, in most vertebrae, or less, as a compression takes it. Bayes' rule over
the two (a spike at no loss, a slab of `PATTERNS` compressions) gives the loss of each third with
its interval, the healthy heights, and how probable each grade is, all of one piece: where a back
wall stands, its height says how high the front was; and a sound vertebra that is a little low for
its neighbours is what it is, a sound vertebra.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import ndtri

from xgen_studio.wings.spine.science.body import CENTRAL, DEPTHS, THIRD, WIDTHS
from xgen_studio.wings.spine.science.findings import COVERAGE, THIRDS, ByThird, Range
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.grading import THRESHOLDS
from xgen_studio.wings.spine.science.parametric import KINDS, Fracture

PREVALENCE = 0.15  # of compressions before anything is seen; VerSe, which is enriched, has 0.2
PATTERNS = 2400


@cache
def patterns() -> Floats:
    """(PATTERNS, 3) losses of the thirds of compressions: each kind alone and two at once, 8 to
    75 % at the worst third."""
    rng = np.random.default_rng(11)
    y = np.broadcast_to(2 * DEPTHS[:, None] - 1, (len(DEPTHS), len(WIDTHS)))
    x = np.broadcast_to(WIDTHS, y.shape)
    found: list[Floats] = []
    while len(found) < PATTERNS:
        kinds = rng.choice(KINDS, 2)
        share = 1.0 if rng.random() < 0.5 else float(rng.random())
        first, second = (
            Fracture(str(kind), 0.5, sharp=float(rng.uniform(0.8, 1.6))).loss(x, y)
            for kind in kinds
        )
        columns = share * first + (1 - share) * second
        thirds = np.array([columns[rows, CENTRAL].mean() for rows in THIRD.values()])
        found.append(thirds / thirds.max() * rng.uniform(0.08, 0.75))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Compression:
    """What is most likely of one vertebra.

    loss, interval   of each third: mean and 90 % interval, fractions of the healthy height
    healthy_mm, healthy_interval_mm   heights of each third as it was healthy
    grades           (4,) probability that the worst third lost below 20, to 25, to 40 %, or more
    intact           probability that it is not compressed at all
    broken           the same if it is compressed: what to tell of one that is graded as a fracture
    """

    loss: ByThird
    interval: dict[str, Range]
    healthy_mm: ByThird
    healthy_interval_mm: dict[str, Range]
    grades: tuple[float, float, float, float]
    intact: float
    broken: Compression | None = None


def most_likely(real: ByThird, expected: Floats, measuring: float, spread: float) -> Compression:
    """Bayes' rule: `real` mm heights; `expected` (n, 3) draws of healthy heights that neighbours
    let expect, mm; `measuring` mm is the standard deviation of a third's measured height, half of
    whose variance all three share; `spread` widens what neighbours say (see `fitting`)."""
    mean = expected.mean(0)
    cov = np.cov(expected.T) * spread**2 + 1e-4 * np.eye(3)
    noise = measuring**2 * (0.5 * np.eye(3) + 0.5)
    height = np.array([real[third] for third in THIRDS])
    lost = np.concatenate([np.zeros((1, 3)), patterns()])
    left = 1 - lost
    weights = np.concatenate([[1 - PREVALENCE], np.full(PATTERNS, PREVALENCE / PATTERNS)])
    # heights given a pattern are Gaussian: left * healthy + noise
    total = left[:, :, None] * cov * left[:, None, :] + noise
    off = height - left * mean
    solved = np.linalg.solve(total, off[..., None])[..., 0]
    _, size = np.linalg.slogdet(total)
    log = np.log(weights) - 0.5 * (off * solved).sum(1) - 0.5 * size
    share = np.exp(log - log.max())
    share /= share.sum()
    gain = cov * left[:, None, :]  # healthy and measured heights vary together
    healthy = mean + (gain @ solved[..., None])[..., 0]
    within = cov - gain @ np.linalg.solve(total, gain.transpose(0, 2, 1))
    whole = _summary(lost, share, healthy, within)
    compressed = np.concatenate([[0.0], share[1:]])
    if compressed.sum() < 1e-9:  # nothing speaks for it: its parts would be noise
        return whole
    return replace(whole, broken=_summary(lost, compressed / compressed.sum(), healthy, within))


def _summary(lost: Floats, share: Floats, healthy: Floats, within: Floats) -> Compression:
    tail = (1 - COVERAGE) / 2
    loss: ByThird = {}
    heights: ByThird = {}
    interval: dict[str, Range] = {}
    spans: dict[str, Range] = {}
    for i, third in enumerate(THIRDS):
        loss[third] = float(share @ lost[:, i])
        interval[third] = _quantiles(lost[:, i], share, tail)
        heights[third] = float(share @ healthy[:, i])
        square = float(share @ (within[:, i, i] + healthy[:, i] ** 2))
        half = -float(ndtri(tail)) * max(square - heights[third] ** 2, 0.0) ** 0.5
        spans[third] = (heights[third] - half, heights[third] + half)
    grade = np.searchsorted(THRESHOLDS, lost.max(1), side="right")
    p = np.bincount(grade, weights=share, minlength=4)
    grades = (float(p[0]), float(p[1]), float(p[2]), float(p[3]))
    return Compression(loss, interval, heights, spans, grades, float(share[0]))


def _quantiles(values: Floats, share: Floats, tail: float) -> Range:
    """Ends of the interval that leaves `tail` on either side."""
    order = np.argsort(values)
    below = np.cumsum(share[order])
    low, high = np.searchsorted(below, [tail, 1 - tail])
    last = len(values) - 1
    return float(values[order[min(low, last)]]), float(values[order[min(high, last)]])
