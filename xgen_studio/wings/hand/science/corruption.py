"""Hands that a gate must refuse: real landmark sets, spoiled in the ways generators spoil them.

Each function takes points (37, 2) in any unit, in template order, and gives the blobs (N, 2) that a
heatmap would show. N need not be 37.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xgen_studio.wings.hand.science.landmarks import FINGERS, Points, mm_per_pixel
from xgen_studio.wings.hand.science.warping import turned

Corruption = Callable[[Points, np.random.Generator], Points]

LONG_FINGERS = FINGERS[1:]


def six_fingers(points: Points, rng: np.random.Generator) -> Points:
    """A sixth finger: one of the long ones again, turned about its metacarpal's base."""
    finger = list(LONG_FINGERS[rng.integers(4)])
    root = points[finger[0]]
    sixth = turned(points[finger[1:]] - root, rng.choice([-1, 1]) * rng.uniform(8, 16))
    return np.concatenate([points, root + sixth])


def missing_finger(points: Points, rng: np.random.Generator) -> Points:
    """A finger without its phalanges."""
    finger = FINGERS[rng.integers(5)]
    return np.delete(points, list(finger[1:]), axis=0)


def merged_fingers(points: Points, rng: np.random.Generator) -> Points:
    """Two neighbouring long fingers grown into one that lies between them."""
    first = rng.integers(3)
    one, other = list(LONG_FINGERS[first][1:]), list(LONG_FINGERS[first + 1][1:])
    between = (points[one] + points[other]) / 2
    return np.concatenate([np.delete(points, one + other, axis=0), between])


def mirrored(points: Points, rng: np.random.Generator) -> Points:
    """The other hand."""
    return points * (-1, 1)


def stretched_bone(points: Points, rng: np.random.Generator) -> Points:
    """One bone of a finger 1.6 times as long, or 0.6 times; what lies beyond moves along."""
    finger = FINGERS[rng.integers(5)]
    joint = rng.integers(1, len(finger))
    here, there = points[finger[joint - 1]], points[finger[joint]]
    made = points.copy()
    made[list(finger[joint:])] += (rng.choice([1.6, 0.6]) - 1) * (there - here)
    return made


def long_thumb(points: Points, rng: np.random.Generator) -> Points:
    """The whole thumb 1.6 times as long."""
    thumb = list(FINGERS[0])
    made = points.copy()
    made[thumb[1:]] = points[thumb[0]] + 1.6 * (points[thumb[1:]] - points[thumb[0]])
    return made


def spurious_blob(points: Points, rng: np.random.Generator) -> Points:
    """A blob somewhere within the hand's box, at least 4 mm from any landmark."""
    low, high = points.min(0), points.max(0)
    while True:
        blob = rng.uniform(low, high)
        if np.hypot(*(points - blob).T).min() * mm_per_pixel(points) >= 4:
            return np.concatenate([points, blob[None]])


def wrist_moved(points: Points, rng: np.random.Generator) -> Points:
    """Radius and ulna 20 mm from where they belong."""
    made = points.copy()
    angle = rng.uniform(0, 2 * np.pi)
    made[:6] += 20 / mm_per_pixel(points) * np.array([np.cos(angle), np.sin(angle)])
    return made


CORRUPTIONS: dict[str, Corruption] = {
    "six fingers": six_fingers,
    "missing finger": missing_finger,
    "merged fingers": merged_fingers,
    "mirrored": mirrored,
    "stretched bone": stretched_bone,
    "long thumb": long_thumb,
    "spurious blob": spurious_blob,
    "wrist moved": wrist_moved,
}
