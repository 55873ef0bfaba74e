"""Which vertebrae a run of bodies most likely is, by their sizes alone: a guess, said to be one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.prior import LEVELS, Prior
from xgen_studio.wings.spine.science.shape import SIZE

ALIKE = 4.0  # how many of a patient's sizes say the same: what one says is not said anew by each
WRONG = 0.03  # of a log size: what a proposed mask adds


def likely_names(
    sizes: Sequence[Floats | None], prior: Prior
) -> list[tuple[tuple[str, ...], float]]:
    """Runs of levels T1-L5 for bodies from head to feet and how probable each is, the likeliest
    first. `sizes` (3,) are log depth, width and height; None where one could not be measured.
    Empty where there are more bodies than levels."""
    count = len(sizes)
    known = [i for i, size in enumerate(sizes) if size is not None]
    if count > len(LEVELS) or not known:
        return []
    found = []
    for first in range(len(LEVELS) - count + 1):
        names = LEVELS[first : first + count]
        off = np.concatenate([np.asarray(sizes[i]) - prior.at(names[i])[:SIZE] for i in known])
        cov = np.block(
            [
                [prior.covariance(names[a], names[b], a == b)[:SIZE, :SIZE] for b in known]
                for a in known
            ]
        )
        factor = cho_factor(cov + WRONG**2 * np.eye(len(cov)))
        fits = -0.5 * off @ cho_solve(factor, off) - np.log(np.diag(factor[0])).sum()
        found.append((names, float(fits)))
    best = max(fits for _, fits in found)
    weights = np.exp([(fits - best) / ALIKE for _, fits in found])
    weights /= weights.sum()
    order = np.argsort(-weights)
    return [(found[i][0], float(weights[i])) for i in order]
