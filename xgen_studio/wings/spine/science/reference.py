"""Which vertebrae of a patient serve as healthy reference, and what they make of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xgen_studio.wings.spine.science.body import CENTRAL, DEPTHS, THIRD, Body, thirds_of
from xgen_studio.wings.spine.science.findings import THIRDS
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import place
from xgen_studio.wings.spine.science.prior import Prior, samples_of
from xgen_studio.wings.spine.science.shape import Shape, numbers_of, shape_of

SUSPECT = 0.14  # loss of a third from which a vertebra is no reference
SOUND = 0.11  # ... and below which one that was left out comes back
FEWEST = 2
DRAWS = 400


@dataclass(frozen=True, eq=False)
class Healthy:
    """A vertebra as it would be healthy.

    mean      its most likely shape, fields (A, L)
    draws     `DRAWS` likely ones, fields (DRAWS, A, L)
    thirds    (DRAWS, 3) mean height of each third, mm
    references  levels that it was made from
    """

    mean: Shape
    draws: Shape
    thirds: Floats
    references: tuple[str, ...]

    def at_heights(self, thirds: Mapping[str, float]) -> Healthy:
        """The same with a most likely shape whose thirds have these heights, mm: each row of
        columns is scaled by what its third, or the mean of two, asks for."""
        own = self.mean_thirds
        factors = [thirds[name] / own[name] for name in THIRDS]
        middles = [(rows.start + rows.stop - 1) / 2 for rows in THIRD.values()]
        by_row = np.interp(np.arange(len(DEPTHS)), middles, factors)[:, None]
        shape = Shape(
            self.mean.top * by_row, self.mean.bottom * by_row, self.mean.depth, self.mean.width
        )
        return replace(self, mean=shape)

    @property
    def mean_thirds(self) -> dict[str, float]:
        """Mean height of each third of the most likely shape, mm."""
        return thirds_of(self.mean.height)


def healthy_of(
    level: str, bodies: Mapping[str, Body], references: Sequence[str], prior: Prior
) -> Healthy:
    """A vertebra as the patient's `references` (itself left out) and its own depth and width let
    one expect it."""
    used = tuple(name for name in references if name != level and name in bodies)
    others = {name: numbers_of(bodies[name]) for name in used}
    own = numbers_of(bodies[level])[:2] if level in bodies else None
    mean, cov = prior.healthy(level, others, own)
    draws = shape_of(samples_of(mean, cov, DRAWS))
    thirds = np.stack([draws.height[:, rows, CENTRAL].mean((1, 2)) for rows in THIRD.values()], 1)
    return Healthy(shape_of(mean), draws, thirds, used)


def choose(bodies: Mapping[str, Body], prior: Prior) -> tuple[str, ...]:
    """The vertebrae that are no suspects, in their order.

    All are taken first; the one that lost most against what the others let expect is left out,
    until none lost more than `SUSPECT`; those that look sound against the rest come back. What is
    left out, then, does not shape what is expected of its neighbours. Of two that disagree one
    stays, which is then compared with everybody's average.
    """
    kept = list(bodies)
    while len(kept) > 1:
        worst = {level: _worst(level, bodies, kept, prior) for level in kept}
        level = max(worst, key=lambda name: worst[name])
        if worst[level] < SUSPECT:
            break
        kept.remove(level)
    for level in bodies:
        if level not in kept and _worst(level, bodies, kept, prior) < SOUND:
            kept.append(level)
    return tuple(level for level in bodies if level in kept)


def _worst(level: str, bodies: Mapping[str, Body], kept: Sequence[str], prior: Prior) -> float:
    others = {n: numbers_of(bodies[n]) for n in kept if n != level}
    mean, _ = prior.healthy(level, others, numbers_of(bodies[level])[:2])
    whole, real = thirds_of(shape_of(mean).height), bodies[level].thirds()
    return max(1 - real[third] / whole[third] for third in THIRDS)


def nearest(level: str, references: Sequence[str]) -> list[str]:
    """References from the nearest level to the farthest."""
    return sorted((n for n in references if n != level), key=lambda n: abs(place(n) - place(level)))
