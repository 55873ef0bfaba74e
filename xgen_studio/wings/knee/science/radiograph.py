"""AP knee radiographs as the models see them: the grid, the grey scale, the outline of the leg."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]


def leg_outline(pixels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where the leg is in an AP radiograph (H, W), grey values rising with attenuation.

    Air and collimated borders are dark and reach the picture's left or right edge; each side has
    its own level. Rows are smoothed first, so that single bright pixels do not count.
    """
    x = np.asarray(pixels, dtype=np.float32)
    smooth = ndimage.gaussian_filter(x, 1.5)
    middle = smooth[:, x.shape[1] // 4 : -x.shape[1] // 4]
    tissue = float(np.percentile(middle, 40))
    outside = np.zeros(x.shape, dtype=bool)
    for side in (slice(0, 4), slice(-4, None)):
        dark = float(np.percentile(smooth[:, side], 5))
        if dark > 0.62 * tissue:
            continue  # the leg reaches this edge everywhere
        level = dark + 0.22 * (tissue - dark)
        low = smooth < level
        parts, _ = ndimage.label(low)
        touching = np.unique(parts[:, side])
        outside |= np.isin(parts, touching[touching > 0])
    leg = ndimage.binary_opening(~outside, iterations=2)
    parts, count = ndimage.label(leg)
    if count == 0:
        return np.ones(x.shape, dtype=bool)
    sizes = ndimage.sum_labels(np.ones_like(parts), parts, np.arange(1, count + 1))
    leg = parts == 1 + int(np.argmax(sizes))
    return ndimage.binary_fill_holes(leg)


def normalised(pixels: NDArray[np.generic], leg: NDArray[np.bool_] | None = None) -> Array:
    """Grey values in [0, 1] that depend on the anatomy and little on the exposure.

    Air (1st percentile) goes to 0, the densest bone (99.7th percentile inside the leg) to 1, and
    a gamma brings the leg's median to 0.55. Exposure and contrast are put back by the display.
    """
    x = np.asarray(pixels, dtype=np.float32)
    inside = leg_outline(x) if leg is None else leg
    low, high = np.percentile(x, 1), np.percentile(x[inside], 99.7)
    if high <= low:
        return np.zeros(x.shape, dtype=np.float32)
    y = np.clip((x - low) / (high - low), 0, 1)
    median = float(np.clip(np.median(y[inside]), 0.05, 0.95))
    return (y ** (np.log(0.55) / np.log(median))).astype(np.float32)
