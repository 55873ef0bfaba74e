"""Contextual attention (Yu 2018, arXiv 1801.07892, section 4.1): what is missing is put together
from patches of what is there.

The released HealthiVert-GAN applies the mask of a batch's first item to all of them; here each item
has its own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RATE = 2  # patches are compared at half the features' resolution
SHARPNESS = 10.0  # softmax scale
NEVER = -1e4  # score of a patch that is not to be copied from


def contextual_attention(features: Tensor, missing: Tensor) -> Tensor:
    """Features (B, C, h, w) with each place put together from patches where nothing is missing.

    `missing` (B, 1, H, W) is 1 where the picture was cut out; H and W are multiples of h and w, and
    those of RATE. Patches of 4 x 4 are copied, in proportion to the softmax of the cosine between
    3 x 3 patches of the features at half their resolution.
    """
    h, w = features.shape[-2:]
    rows, columns = h // RATE, w // RATE
    small = F.interpolate(features, scale_factor=1 / RATE, mode="nearest")
    patches = F.unfold(small, 3, padding=1)  # (B, 9 C, L)
    unit = patches / patches.norm(dim=1, keepdim=True).clamp_min(1e-4)
    scores = unit.transpose(1, 2) @ patches  # (B, L copied from, L put together)
    scores = _fused(scores, rows, columns)
    hole = F.max_pool2d(missing.float(), (missing.shape[-2] // rows, missing.shape[-1] // columns))
    whole = F.max_pool2d(hole, 3, stride=1, padding=1).flatten(1) == 0  # (B, L)
    scores = (scores.float() * SHARPNESS).masked_fill(~whole[:, :, None], NEVER)
    share = scores.softmax(1).to(features.dtype)
    sources = F.unfold(features, 2 * RATE, padding=1, stride=RATE)  # (B, 16 C, L)
    # every place is covered by four patches
    return F.fold(sources @ share, (h, w), 2 * RATE, padding=1, stride=RATE) / 4


def _fused(scores: Tensor, rows: int, columns: int) -> Tensor:
    """Scores (B, L, L) plus those of neighbours moved alike (Yu 2018, "attention propagation"):
    first to the left and right, then up and down."""
    b, places, _ = scores.shape
    diagonal = torch.eye(3, device=scores.device, dtype=scores.dtype)[None, None]
    across = F.conv2d(scores[:, None], diagonal, padding=1)
    turned = across.reshape(b, rows, columns, rows, columns).permute(0, 2, 1, 4, 3)
    down = F.conv2d(turned.reshape(b, 1, places, places), diagonal, padding=1)
    back = down.reshape(b, columns, rows, columns, rows).permute(0, 2, 1, 4, 3)
    return back.reshape(b, places, places)
