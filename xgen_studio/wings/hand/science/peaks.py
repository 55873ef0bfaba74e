"""Landmark candidates: the peaks of a heatmap, to a fraction of a pixel.

An integer label is 0.41 mm off on average at 256 px (against a localiser's 0.75 mm), so a Gaussian
is fitted about each peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.hand.science.landmarks import COUNT, Points

LEAST = 0.15  # of the heatmap's range: what is fainter is no peak ...
LEAST_SHARE = 0.3  # ... nor what is fainter than this share of the median of the 37 brightest
REACH = 2  # px about a peak that the Gaussian is fitted to
FLOOR = 1e-3  # of the heatmap's range: below it a logarithm means nothing
AROUND = 5  # px about a peak: there its blob lies, or the two that run into each other ...
BLOB_SHARE = 0.3  # ... where the heatmap has this share of the peak's height


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
    rows, columns = np.nonzero(heat >= LEAST)
    heights = heat[rows, columns]
    dy, dx = _square(1)
    above = heights[:, None] - _windows(heat, rows, columns, dy, dx)
    # of equal neighbours, as 8-bit files have them, the first wins
    first = (dy < 0) | ((dy == 0) & (dx < 0))
    top = np.where(first, above > 0, above >= 0).all(1)
    rows, columns, heights = rows[top], columns[top], heights[top]
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
    dy, dx = _square(REACH)
    window = _windows(heat, rows, columns, dy, dx)
    known = np.clip(window, FLOOR, None)
    weights = known**2
    terms = np.stack([np.ones_like(dx), dx, dy, dx**2, dy**2], 1).astype(np.float64)
    count = terms.shape[1]
    products = (terms[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)
    left = (weights @ products).reshape(-1, count, count)
    right = (weights * np.log(known)) @ terms
    left += 1e-9 * np.eye(count)
    fit = np.linalg.solve(left, right[..., None])[..., 0]
    curve = np.minimum(fit[:, 3:], -1e-3)  # a top curves downwards
    moved: Points = np.clip(-fit[:, 1:3] / (2 * curve), -1.0, 1.0)
    return moved


def _halves(
    heat: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    """`Peaks.halves` from each blob's second moments: two equal blobs at +-h on a line have the
    variance sigma^2 + h^2 along it and sigma^2 across it, whatever sigma is."""
    dy, dx = _square(AROUND)
    near = dx**2 + dy**2 <= AROUND**2
    dy, dx = dy[near], dx[near]
    window = _windows(heat, rows, columns, dy, dx)
    weights = np.where(window >= BLOB_SHARE * heat[rows, columns][:, None], window, 0.0)
    weights /= weights.sum(1, keepdims=True)
    moments = weights @ np.stack([dx, dy, dx * dx, dy * dy, dx * dy], 1).astype(np.float64)
    x, y, xx, yy, xy = moments.T
    wider, tilt = xx - x * x - (yy - y * y), 2 * (xy - x * y)
    half = np.sqrt(np.hypot(wider, tilt))  # of the difference of the two principal variances
    angle = np.arctan2(tilt, wider) / 2  # of the principal axis
    apart = half[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    centre = np.stack([columns + 0.5 + x, rows + 0.5 + y], 1)
    return np.stack([centre - apart, centre + apart], 1)


def _square(reach: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Steps down and across to each pixel of the square about one."""
    steps = np.arange(-reach, reach + 1)
    dy, dx = np.meshgrid(steps, steps, indexing="ij")
    return dy.ravel(), dx.ravel()


def _windows(
    heat: NDArray[np.float64],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    dy: NDArray[np.intp],
    dx: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Values (N, K) at so many pixels from each of (N,) pixels; 0 outside."""
    reach = int(np.abs(dx).max())
    padded = np.pad(heat, reach)
    window: NDArray[np.float64] = padded[rows[:, None] + dy + reach, columns[:, None] + dx + reach]
    return window
