"""Which vertebrae a run of bodies most likely is, by their sizes alone: a guess, said to be one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.prior import LEVELS, Prior
from xgen_studio.wings.spine.science.shape import SIZE

ALIKE = 4.0  # how many of a patient's sizes say the same: what one says is not said anew by each
CERVICAL = tuple(f"C{n}" for n in range(1, 8))
CERVICAL_SD = 0.15  # of a log size
WRONG = 0.03  # of a log size: what a proposed mask adds


def likely_names(
    sizes: Sequence[Floats | None], prior: Prior
) -> list[tuple[tuple[str, ...], float]]:
    """Runs of levels for bodies from head to feet that end between T4 and L5, and how probable each
    is, the likeliest first. `sizes` (3,) are log depth, width and height; None where one could not
    be measured. Empty where there are more bodies than C1 to L5.

    Cervical bodies are looked for and not graded: of them is only known that they are about as
    large as T1.
    """
    count = len(sizes)
    known = [i for i, size in enumerate(sizes) if size is not None]
    levels = [*CERVICAL, *LEVELS]
    if count > len(levels) or not known:
        return []
    found = []
    for last in range(max(count, len(CERVICAL) + 4), len(levels) + 1):
        names = tuple(levels[last - count : last])
        thoracic = [i for i in known if names[i] not in CERVICAL]
        fits = sum(_broad(np.asarray(sizes[i]), prior) for i in known if i not in thoracic)
        if thoracic:
            fits += _together(
                [np.asarray(sizes[i]) for i in thoracic], [names[i] for i in thoracic], prior
            )
        found.append((names, fits))
    best = max(fits for _, fits in found)
    weights = np.exp([(fits - best) / ALIKE for _, fits in found])
    weights /= weights.sum()
    order = np.argsort(-weights)
    return [(found[i][0], float(weights[i])) for i in order]


def _together(sizes: Sequence[Floats], names: Sequence[str], prior: Prior) -> float:
    """Log likelihood of the sizes of thoracic and lumbar vertebrae of one patient."""
    off = np.concatenate(
        [size - prior.at(name)[:SIZE] for size, name in zip(sizes, names, strict=True)]
    )
    cov = np.block([[prior.covariance(a, b, a == b)[:SIZE, :SIZE] for b in names] for a in names])
    factor = cho_factor(cov + WRONG**2 * np.eye(len(cov)))
    fits = -0.5 * off @ cho_solve(factor, off) - np.log(np.diag(factor[0])).sum()
    return float(fits)


def _broad(size: Floats, prior: Prior) -> float:
    """Log likelihood of a cervical body's size."""
    off = (size - prior.at("T1")[:SIZE]) / CERVICAL_SD
    return float(-0.5 * off @ off - SIZE * np.log(CERVICAL_SD))
