"""Landmark candidates: the peaks of a heatmap, to a fraction of a pixel.

An integer label is 0.41 mm off on average at 256 px (against a localiser's 0.75 mm), so a Gaussian
is fitted about each peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.anatomy.hand.landmarks import COUNT, Points

LEAST = 0.15        # of the heatmap's range: what is fainter is no peak ...
LEAST_SHARE = 0.3   # ... nor what is fainter than this share of the median of the 37 brightest
REACH = 2           # px about a peak that the Gaussian is fitted to
FLOOR = 1e-3        # of the heatmap's range: below it a logarithm means nothing


@dataclass(frozen=True)
class Peaks:
    """Brightest first: places (N, 2) px, x and y, pixel edges at whole numbers; heights (N,)."""

    places: Points
    heights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.heights)

    def first(self, most: int) -> Peaks:
        """The brightest of them."""
        return Peaks(self.places[:most], self.heights[:most])


def find_peaks(heatmap: NDArray[np.floating], most: int) -> Peaks:
    """At most so many local maxima (3 x 3 px) of a heatmap (H, W) in [0, 1]."""
    heat = np.asarray(heatmap, dtype=np.float64)
    # of equal neighbours, as 8-bit files have them, one wins
    ranked = heat - 1e-9 * np.arange(heat.size).reshape(heat.shape) / heat.size
    around = ndimage.maximum_filter(ranked, 3, mode="constant", cval=-1.0)
    rows, columns = np.nonzero((ranked == around) & (heat >= LEAST))
    heights = heat[rows, columns]
    order = np.argsort(-heights, kind="stable")
    if len(order):
        bright = np.median(heights[order[:COUNT]])
        order = order[heights[order] >= LEAST_SHARE * bright][:most]
    rows, columns = rows[order], columns[order]
    shift = _subpixel(heat, rows, columns)
    places = np.stack([columns, rows], 1) + 0.5 + shift
    return Peaks(places, heights[order])


def _subpixel(
    heat: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Points:
    """How far (N, 2) px, x and y, the top of a fitted Gaussian lies from each peak's pixel: least
    squares on the logarithm, weighted by the squared height (Guo 2011)."""
    if not len(rows):
        return np.zeros((0, 2))
    reach = np.arange(-REACH, REACH + 1)
    dy, dx = (a.ravel() for a in np.meshgrid(reach, reach, indexing="ij"))
    padded = np.pad(heat, REACH)
    window = padded[rows[:, None] + dy + REACH, columns[:, None] + dx + REACH]
    known = np.clip(window, FLOOR, None)
    weights = known**2
    terms = np.stack([np.ones_like(dx), dx, dy, dx**2, dy**2], 1).astype(np.float64)
    left = np.einsum("nk,ki,kj->nij", weights, terms, terms)
    right = np.einsum("nk,nk,ki->ni", weights, np.log(known), terms)
    left += 1e-9 * np.eye(terms.shape[1])
    fit = np.linalg.solve(left, right[..., None])[..., 0]
    curve = np.minimum(fit[:, 3:], -1e-3)  # a top curves downwards
    moved: Points = np.clip(-fit[:, 1:3] / (2 * curve), -1.0, 1.0)
    return moved
