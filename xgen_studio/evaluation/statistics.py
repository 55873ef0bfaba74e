"""Means with bootstrap intervals, by group where images are not independent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard deviation and 95 % percentile bootstrap interval."""

    n: int
    groups: int  # independent units (subjects) behind the n values
    mean: float
    sd: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": self.n,
            "groups": self.groups,
            "mean": self.mean,
            "sd": self.sd,
            "ci95": [self.low, self.high],
        }


def in_words(figure: dict[str, Any], digits: int) -> str:
    """An `Estimate.as_dict` as 'mean ± SD [low, high]'."""
    low, high = figure["ci95"]
    f = f".{digits}f"
    return f"{figure['mean']:{f}} ± {figure['sd']:{f}} [{low:{f}}, {high:{f}}]"


def _resampled_means(
    values: NDArray[np.float64], groups: NDArray[np.generic], seed: int
) -> NDArray[np.float64]:
    """Means of RESAMPLES draws of whole groups with replacement."""
    names, inverse = np.unique(groups, return_inverse=True)
    sums = np.bincount(inverse, weights=values)
    counts = np.bincount(inverse)
    draws = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    means: NDArray[np.float64] = sums[draws].sum(1) / counts[draws].sum(1)
    return means


def estimate(values: ArrayLike, groups: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Mean of `values` (n,), resampled by whole groups (subjects); ValueError when empty."""
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        raise ValueError("an estimate needs at least one value")
    g = np.arange(x.size) if groups is None else np.asarray(groups)
    means = _resampled_means(x, g, seed)
    low, high = np.percentile(means, [2.5, 97.5])
    sd = float(x.std(ddof=1)) if x.size > 1 else 0.0
    units = int(len(np.unique(g)))
    return Estimate(int(x.size), units, float(x.mean()), sd, float(low), float(high))


def ratio(a: ArrayLike, b: ArrayLike, groups: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """mean(a) / mean(b) over the same images, resampled together by whole groups.

    `sd` is that of the image-wise ratios.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    g = np.arange(x.size) if groups is None else np.asarray(groups)
    draws = _resampled_means(x, g, seed) / _resampled_means(y, g, seed)
    low, high = np.percentile(draws, [2.5, 97.5])
    whole = estimate(x / y, g, seed)
    return replace(whole, mean=float(x.mean() / y.mean()), low=float(low), high=float(high))


def paired(a: ArrayLike, b: ArrayLike, groups: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Mean of a - b over the same images."""
    return estimate(np.asarray(a, float) - np.asarray(b, float), groups, seed)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (0, 1) of none."""
    from scipy import stats

    if n == 0:
        return 0.0, 1.0
    interval = stats.binomtest(successes, n).proportion_ci(method="wilson")
    return round(float(interval.low), 4), round(float(interval.high), 4)
