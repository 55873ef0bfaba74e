"""Labelling as published (Hadzic 2024, section 2.2.1), where its text leaves a choice as hand_facts
section 6 reads it.

U(c) = height x Gaussian (25 mm) about the landmark's mean place in the picture;
B(e) = t-density(d) + 2 exp(-|d_mean - d|), d in mm. Nothing stops two landmarks from taking one
peak, and only distances are compared: real hands are mislabelled often. It is here to compare with.
Solved by max-product where the authors' library takes marginals of sum-product: as accurate
(hand_facts, section 6, row 11), and twenty times faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from xgen_studio.wings.hand.science.belief import IMPOSSIBLE, max_product
from xgen_studio.wings.hand.science.labelling import (
    ABSENT,
    Floats,
    Indices,
    Labels,
    in_chunks,
    padded,
)
from xgen_studio.wings.hand.science.landmarks import COUNT
from xgen_studio.wings.hand.science.norms import FRAME, Norms
from xgen_studio.wings.hand.science.peaks import Peaks
from xgen_studio.wings.hand.science.pose import as_complex

UNARY_MM = 25.0
CANDIDATES = 16  # of the 37 peaks: the labels of 597 real hands are those of all 37, see tests
TINY = 1e-30
CHUNK = 25  # hands labelled together
READINGS = ("product", "sum", "rows")


def label_published(
    hands: Sequence[Peaks], grid: tuple[int, int], norms: Norms, reading: str = "product"
) -> list[Labels]:
    """Label each hand's 37 brightest peaks.

    reading  "product": potentials are multiplied, as factor-graph libraries do;
             "sum": equation 5 to the letter, potentials are added;
             "rows": a product whose binary terms are normalised over the states of an edge's end
    """

    def label(some: Sequence[Peaks]) -> list[Labels]:
        brightest = [hand.first(COUNT) for hand in some]
        unary, binary, chosen = potentials(brightest, grid, norms, reading)
        result = max_product(unary, binary, norms.edges)
        peaks = np.take_along_axis(chosen, result.states[:, :, None], 2)[:, :, 0]
        energies = result.energies / len(norms.edges)
        return [
            Labels(np.where(own < len(hand), own, ABSENT), float(energy))
            for hand, own, energy in zip(brightest, peaks, energies, strict=True)
        ]

    return in_chunks(label, hands, CHUNK)


def potentials(
    hands: Sequence[Peaks], grid: tuple[int, int], norms: Norms, reading: str = "product"
) -> tuple[Floats, Floats, Indices]:
    """What `max_product` adds up: unary (B, 37, K) and binary (B, E, K, K), and the numbers (B, 37,
    K) of the peaks that each landmark chooses from: the K with the greatest unary terms."""
    places, heights = padded(hands)
    scale = norms.frame_mm * FRAME / max(grid)
    centre = np.array([grid[1], grid[0]]) / 2 @ [1, 1j]
    mm = (places - centre) * scale
    middle = as_complex(norms.place - norms.frame_mm * FRAME / 2)
    far2 = np.abs(mm[:, None] - middle[:, None]) ** 2
    values = heights[:, None] * np.exp(-far2 / (2 * UNARY_MM**2))
    chosen = np.argsort(-values, axis=2, kind="stable")[:, :, :CANDIDATES]
    unary = np.take_along_axis(values, chosen, 2)
    place = np.take_along_axis(np.repeat(mm[:, None], COUNT, 1), chosen, 2)
    i, j = np.array(norms.edges).T
    apart = np.abs(place[:, i][..., None] - place[:, j][:, :, None])
    freedom, location, width = (column[:, None, None] for column in norms.t_fits.T)
    binary = _t_density((apart - location) / width, freedom) / width
    binary += 2 * np.exp(-np.abs(norms.distance[:, None, None] - apart))
    if reading == "rows":
        binary /= np.maximum(binary.sum(3, keepdims=True), TINY)
    if reading != "sum":
        unary, binary = np.log(unary + TINY), np.log(binary + TINY)
    there = np.take_along_axis(np.repeat(heights[:, None], COUNT, 1), chosen, 2) > 0
    return np.where(there, unary, IMPOSSIBLE), binary, chosen


def _t_density(t: NDArray[np.float64], freedom: NDArray[np.float64]) -> Floats:
    """Density of Student's t-distribution (as `scipy.stats.t.pdf`, without its checks)."""
    half = (freedom + 1) / 2
    top = special.gammaln(half) - special.gammaln(freedom / 2)
    density: Floats = np.exp(top - half * np.log1p(t**2 / freedom)) / np.sqrt(freedom * np.pi)
    return density
