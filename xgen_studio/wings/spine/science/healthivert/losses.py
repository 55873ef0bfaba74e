"""What HealthiVert-GAN's generator is told (Zhang 2025, arXiv 2503.05990).

Weights are the released code's. Three losses differ, since there they do not do what is meant:
the edge loss and the judge of masks see probabilities instead of thresholded masks, which have no
gradient; and the weight of the grey values does not depend on the batch (there it is divided by the
batch's size: here it is that of the published 16).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xgen_studio.wings.spine.science.healthivert.cutting import BAND

JUDGES = 1 / 6  # each of three
GREY = 400.0 / 16  # times the canvas's area in bands
NEIGHBOURS, BONE = 10.0, 15.0  # soft Dice
EDGES = 800.0
HEIGHT = 40.0  # of the relative error


def grey_loss(fine: Tensor, coarse: Tensor, original: Tensor) -> Tensor:
    """Mean absolute error of both pictures (B, 1, H, W), as if it were counted in the band alone:
    most of a put-together picture is the original's own."""
    bands = original.shape[2] / BAND
    return GREY * bands * ((fine - original).abs().mean() + (coarse - original).abs().mean()) / 2


def dice_loss(probability: Tensor, mask: Tensor) -> Tensor:
    """1 - soft Dice, (2 sum p g + 1e-5) / (sum p + sum g + 1e-5), of each of (B, 1, H, W); mean."""
    probability, mask = probability.float(), mask.float()
    both = 2 * (probability * mask).sum((1, 2, 3)) + 1e-5
    return (1 - both / (probability.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1e-5)).mean()


def edges(mask: Tensor) -> Tensor:
    """Sobel magnitude (B, 1, H, W) of masks or probabilities: 1 at a straight edge of a mask. (The
    released code clips four times that at 1, which is flat wherever an edge is sure.)"""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=mask.device) / 4
    kernel = torch.stack([across, across.T])[:, None]
    slopes = F.conv2d(F.pad(mask.float(), (1, 1, 1, 1), mode="replicate"), kernel)
    return (slopes.square().sum(1, keepdim=True) + 1e-6).sqrt()  # the root has a slope at 0, too


def edge_loss(probability: Tensor, mask: Tensor) -> Tensor:
    """The edge-enhancing module (EEM): mean squared difference of Sobel magnitudes."""
    return EDGES * (edges(probability) - edges(mask)).square().mean()


def height_loss(share: Tensor, height: Tensor) -> Tensor:
    """Relative error of heights (B,): shares of the band against rows."""
    return HEIGHT * ((BAND * share - height).abs() / height).mean()


def fooled(logits: Tensor) -> Tensor:
    """What a judge's logits cost the generator: cross-entropy to 'real'."""
    return F.softplus(-logits.float()).mean()


def judged(real: Tensor, fake: Tensor) -> Tensor:
    """What a judge's logits of real and made examples cost it: half their cross-entropy."""
    return 0.5 * (F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean())
