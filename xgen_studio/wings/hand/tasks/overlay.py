"""Landmarks drawn over a radiograph, for pages without a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.hand.science.landmarks import FINGERS, Points

TIMES = 2  # the picture is enlarged so
RADIUS = 3.2  # px of a dot
REST = (240, 127, 160)
COLOURS = ((244, 167, 66), (242, 225, 76), (103, 212, 111), (91, 200, 242), (179, 155, 245))
UNEXPLAINED = (255, 40, 30)  # a peak that is no landmark


def landmarks_over(
    pixels: NDArray[np.floating], landmarks: Points, spare: Points
) -> NDArray[np.uint8]:
    """An RGB picture of a radiograph (H, W) in [0, 1] with dots of each finger's colour, and red
    squares at `spare` peaks, which belong to no landmark. Points are px, edges at whole numbers."""
    large = np.kron(pixels, np.ones((TIMES, TIMES)))
    picture = np.repeat((large.clip(0, 1) * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    for x, y in spare * TIMES:
        picture[np.maximum(np.abs(xs - x), np.abs(ys - y)) < 2 * RADIUS] = UNEXPLAINED
    for landmark, (x, y) in enumerate(landmarks * TIMES):
        if x == x:
            picture[np.hypot(xs - x, ys - y) < RADIUS] = colour_of(landmark)
    return picture


def colour_of(landmark: int) -> tuple[int, int, int]:
    """The colour of a landmark's finger, as the studio shows it, too."""
    for finger, colour in zip(FINGERS, COLOURS, strict=True):
        if landmark in finger[1:]:
            return colour
    return REST
