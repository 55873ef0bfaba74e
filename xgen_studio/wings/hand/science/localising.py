"""Landmarks of a radiograph by a localiser, and whether to believe them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from xgen_studio.imaging import Image, attenuation_up
from xgen_studio.networks import Localiser
from xgen_studio.wings.hand.science.data import GRID
from xgen_studio.wings.hand.science.gate import Gate
from xgen_studio.wings.hand.science.labelling import Labels
from xgen_studio.wings.hand.science.landmarks import COUNT, Points
from xgen_studio.wings.hand.science.peaks import Peaks
from xgen_studio.wings.hand.science.preparation import letterboxed

# Checks of the calibrated gate that landmarks alone, without a heatmap's peaks, can fail
PLAUSIBLE = ("WRIST", "BONE", "SHAPE", "RESIDUAL", "FIT")
FAR_BEYOND = 1.5  # times a limit: with less, landmarks are doubtful; a localiser errs more than a
#                   person, whose landmarks set the limits


@dataclass(frozen=True)
class Located:
    """points (37, 2) px of the picture, pixel centres at whole numbers.

    flipped  whether the picture looks like a right hand: it was flipped to be read
    doubt    why these landmarks should not be believed, or ""
    """

    points: Points
    flipped: bool
    doubt: str


def grey_levels(image: Image) -> NDArray[np.float32]:
    """Grey values (H, W) of any range, bones bright, as 8-bit radiographs have them, 0 to 255."""
    values = attenuation_up(image)
    if image.pixels.dtype == np.uint8:
        return values
    low, high = np.percentile(values, (0.5, 99.5))
    grey: NDArray[np.float32] = ((values - low) / max(high - low, 1e-9)).clip(0, 1) * 255
    return grey


@torch.no_grad()
def locate(network: Localiser, gate: Gate, image: Image) -> Located:
    """Landmarks of a radiograph of a left or a right hand."""
    grey = grey_levels(image)
    tried = []
    for flipped in (False, True):
        picture = grey[:, ::-1] if flipped else grey
        made, scale, offset = letterboxed(np.ascontiguousarray(picture))
        x = torch.from_numpy(made / 127.5 - 1)[None, None].float()
        device = next(network.parameters()).device
        share = network(x.to(device))[0][0].cpu().numpy()
        on_grid = share.astype(np.float64) * (GRID[1], GRID[0])
        tried.append((_excess(gate, on_grid), flipped, (on_grid - offset) / scale - 0.5))
    (worst, why), flipped, points = min(tried, key=lambda one: (one[0][0], one[1]))
    if flipped:
        points = np.stack([grey.shape[1] - 1 - points[:, 0], points[:, 1]], 1)
    doubt = "" if worst <= FAR_BEYOND else f"this is hardly a hand: {why}"
    return Located(points, flipped, doubt)


def _excess(gate: Gate, points: Points) -> tuple[float, str]:
    """By what multiple of its limit the worst check is missed, and the check's sentence."""
    peaks = Peaks(points, np.ones(COUNT))
    labels = Labels(np.arange(COUNT), 0.0)
    judged = gate.decide("", peaks, labels)
    multiples = {}
    for check in gate.checks:
        if check.code in PLAUSIBLE:
            value = max(abs(judged.metrics[check.metric]), 1e-9)
            share = value / check.limit
            multiples[check.code] = 1 / share if check.at_least else share
    code = max(multiples, key=lambda key: multiples[key])
    sentences = dict(zip(judged.reasons, judged.details, strict=True))
    return multiples[code], sentences.get(code, "")
