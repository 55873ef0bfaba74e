"""Which landmarks the Markov random field joins (the paper's figure 4 names no rule; this is ours).

Finger chains, transverse rows between neighbouring fingers, and the Gabriel graph (Gabriel and
Sokal 1969) of the mean shape among the wrist, carpus and metacarpal bases.
"""

from __future__ import annotations

import itertools

import numpy as np

from xgen_studio.wings.hand.science.landmarks import FINGERS, Points

NEAR_WRIST = tuple(range(18))  # 0 to 17: everything below the fingers


def gabriel(points: Points) -> list[tuple[int, int]]:
    """Pairs (i < j) of points (N, 2) whose circle, with the pair as diameter, holds no other."""
    squared = ((points[:, None] - points[None]) ** 2).sum(2)
    pairs = []
    for i in range(len(points)):
        for j in range(i + 1, len(points)):
            others = np.delete(np.arange(len(points)), [i, j])
            if (squared[i, others] + squared[j, others] >= squared[i, j]).all():
                pairs.append((i, j))
    return pairs


def edges(mean: Points) -> tuple[tuple[int, int], ...]:
    """The edges (i < j) of a mean shape (37, 2), in order, each once."""
    found = {pair for finger in FINGERS for pair in itertools.pairwise(finger)}
    for one, other in itertools.pairwise(FINGERS[1:]):  # the four long fingers
        found |= set(zip(one[1:], other[1:], strict=True))
    thumb, index = FINGERS[0], FINGERS[1]
    found |= set(zip(thumb[1:], index[1:], strict=False))
    found |= set(gabriel(mean[list(NEAR_WRIST)]))
    return tuple(sorted((min(pair), max(pair)) for pair in found))
