"""Knee masks and the condition channels the networks see.

A label image holds one id a pixel. Training keeps the structures as separate planes (they overlap:
the fibula lies behind the tibia, the patella before the femur), one bit each of a uint8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgen_studio.wings.knee.science.labels import BACKGROUND, BONE, PARTS

PLANES = ("leg", "femur", "tibia", "fibula", "patella")

# How much of the condition is said: a painter may know only the leg, or the bones as one.
NOTHING, CONTOUR, BONES, NAMED = range(4)

# leg, bone, "bones are drawn", femur, tibia, fibula, patella, "bones are named"
CHANNELS = 8


def flatten_planes(planes: Tensor) -> Tensor:
    """Overlapping planes (B, 5, H, W) in {0, 1} -> what a label image keeps of them."""
    leg, femur, tibia, fibula, patella = planes.unbind(1)
    visible_femur = femur * (1 - fibula) * (1 - patella) * (1 - tibia)
    visible_tibia = tibia * (1 - fibula) * (1 - patella)
    visible_fibula = fibula * (1 - patella)
    return torch.stack([leg, visible_femur, visible_tibia, visible_fibula, patella], dim=1)


def channels_of(planes: Tensor, said: Sequence[int] | Tensor) -> Tensor:
    """Condition channels (B, 8, H, W) from flattened planes and how much of each is said (B,)."""
    said = torch.as_tensor(said, device=planes.device)[:, None, None]
    leg = planes[:, 0] * (said >= CONTOUR)
    drawn = (said >= BONES).to(planes.dtype).expand_as(leg)
    named = (said >= NAMED).to(planes.dtype).expand_as(leg)
    bone = planes[:, 1:].amax(dim=1) * drawn
    parts = planes[:, 1:] * named[:, None]
    return torch.cat([torch.stack([leg, bone, drawn], 1), parts, named[:, None]], dim=1)


def condition_channels(labels: NDArray[np.integer]) -> Tensor:
    """Condition channels (1, 8, H, W) of a painted label image.

    What is said follows from the ids in it: named bones, bone (id 2), or the contour alone. Where
    named and unnamed bone are mixed, the bones count as unnamed.
    """
    planes = torch.from_numpy(
        np.stack([labels > BACKGROUND] + [labels == part for part in PARTS]).astype(np.float32)
    )[None]
    if (labels == BONE).any():
        planes[:, 1] = torch.from_numpy((labels >= BONE).astype(np.float32))
        planes[:, 2:] = 0
        return channels_of(planes, [BONES])
    return channels_of(planes, [NAMED if (labels > BONE).any() else CONTOUR])


def guide_of(channels: Tensor) -> Tensor:
    """The picture (B, 1, H, W) in [-1, 1] that CSM starts from: background 0, leg 0.5, bone 1
    (knee paper, section II-C)."""
    leg, bone = channels[:, :1], channels[:, 1:2]
    return (leg * 0.5 + bone * 0.5).clamp(0, 1) * 2 - 1
