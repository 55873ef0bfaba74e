"""What a hand model is told to draw: a shape from the shape model, lying as hands lie."""

from __future__ import annotations

import numpy as np
import torch

from xgen_studio.diffusion import Condition
from xgen_studio.wings.hand.science.data import GRID, shape_channels
from xgen_studio.wings.hand.science.landmarks import Points
from xgen_studio.wings.hand.science.norms import Norms, in_frame
from xgen_studio.wings.hand.science.warping import turned

LEAST_MARGIN = 3.0  # px between a landmark and the picture's edge
ZOOM = (0.96, 1.0)  # of a hand that leaves MARGIN free, as they do in real pictures on average


def drawn_shape(norms: Norms, seed: int, grid: tuple[int, int] = GRID) -> Points:
    """Landmarks (37, 2), px, of a hand that nobody has: the same for the same seed."""
    rng = np.random.default_rng(seed)
    shape = norms.shape.sample(rng)
    framed = in_frame(turned(shape, -rng.normal(*norms.turn_deg)), grid)
    zoom = rng.uniform(*ZOOM)
    middle = np.array([grid[1], grid[0]]) / 2
    low, high = (framed - middle).min(0) * zoom + middle, (framed - middle).max(0) * zoom + middle
    room = np.array([low - LEAST_MARGIN, np.array([grid[1], grid[0]]) - LEAST_MARGIN - high])
    shift = rng.uniform(-1, 1, 2) * np.clip(room.min(0), 0, 0.03 * np.array([grid[1], grid[0]]))
    placed: Points = (framed - middle) * zoom + middle + shift
    return placed


def told(points: Points | None, grid: tuple[int, int] = GRID) -> Condition:
    """What the network hears of a shape (37, 2) px, or of none, as a batch of one."""
    if points is None:
        return Condition(torch.zeros(1, 8, *grid))
    return Condition(shape_channels(torch.from_numpy(points.astype(np.float32))[None], grid))
