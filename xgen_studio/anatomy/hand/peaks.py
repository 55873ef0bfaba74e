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
AROUND = 5          # px about a peak: there its blob lies, or the two that run into each other ...
BLOB_SHARE = 0.3    # ... where the heatmap has this share of the peak's height


@dataclass(frozen=True)
class Peaks:
    """Brightest first: places (N, 2) px, x and y, pixel edges at whole numbers; heights (N,); and
    halves (N, 2, 2) px: where two blobs would lie that ran into each other and made the peak. None
    of peaks that come from no heatmap."""

    places: Points
    heights: NDArray[np.float64]
    halves: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.heights)

    def first(self, most: int) -> Peaks:
        """The brightest of them."""
        halves = None if self.halves is None else self.halves[:most]
        return Peaks(self.places[:most], self.heights[:most], halves)

    def mirrored(self, width: float) -> Peaks:
        """Of the heatmap, `width` px wide, flipped left to right."""
        flip, shift = np.array([-1.0, 1.0]), np.array([width, 0.0])
        halves = None if self.halves is None else self.halves * flip + shift
        return Peaks(self.places * flip + shift, self.heights, halves)


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
    return Peaks(places, heights[order], _halves(heat, rows, columns))


def _subpixel(
    heat: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Points:
    """How far (N, 2) px, x and y, the top of a fitted Gaussian lies from each peak's pixel: least
    squares on the logarithm, weighted by the squared height (Guo 2011)."""
    if not len(rows):
        return np.zeros((0, 2))
    reach = np.arange(-REACH, REACH + 1)
    dy, dx = (a.ravel() for a in np.meshgrid(reach, reach, indexing="ij"))
    window = _windows(heat, rows, columns, dy, dx)
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


def _halves(
    heat: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    """`Peaks.halves` from each blob's second moments: two equal blobs at +-h on a line have the
    variance sigma^2 + h^2 along it and sigma^2 across it, whatever sigma is."""
    reach = np.arange(-AROUND, AROUND + 1)
    dy, dx = (a.ravel() for a in np.meshgrid(reach, reach, indexing="ij"))
    near = dx**2 + dy**2 <= AROUND**2
    dy, dx = dy[near], dx[near]
    window = _windows(heat, rows, columns, dy, dx)
    weights = np.where(window >= BLOB_SHARE * heat[rows, columns][:, None], window, 0.0)
    weights /= weights.sum(1, keepdims=True)
    at = np.stack([dx, dy], 1).astype(np.float64)
    middle = weights @ at
    off = at - middle[:, None]
    sizes, axes = np.linalg.eigh(np.einsum("nk,nki,nkj->nij", weights, off, off))
    half = np.sqrt(np.maximum(sizes[:, 1] - sizes[:, 0], 0))[:, None] * axes[:, :, 1]
    centre = np.stack([columns, rows], 1) + 0.5 + middle
    return np.stack([centre - half, centre + half], 1)


def _windows(
    heat: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp],
    dy: NDArray[np.intp], dx: NDArray[np.intp],
) -> NDArray[np.float64]:  # fmt: skip
    """Values (N, K) at so many pixels from each of (N,) pixels; 0 outside."""
    reach = int(np.abs(dx).max())
    padded = np.pad(heat, reach)
    window: NDArray[np.float64] = padded[
        rows[:, None] + dy + reach, columns[:, None] + dx + reach
    ]
    return window
