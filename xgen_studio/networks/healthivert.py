"""The generator of HealthiVert-GAN (Zhang 2025, arXiv 2503.05990): coarse, then fine.

It fills a band of fixed height in a sagittal slice, and says how high the bone in it should be.
Both stages follow DeepFill (Yu 2018, arXiv 1801.07892): ELU, dilated convolutions, contextual
attention; every convolution is spectrally normalised (Miyato 2018). The layers are those of the
released code: 409,771 + 577,117 weights at a width of 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.networks.contextual import contextual_attention
from xgen_studio.networks.spectral import SpectralConv2d

STRIDE = 8  # rows and columns of a picture are multiples of it: the attention works at 1/8
DILATIONS = (2, 4, 8, 16)


@dataclass(frozen=True)
class HealthiVertConfig:
    """Everything that fixes the shape of a `HealthiVert`'s weights."""

    width: int = 16  # channels of the first stage, four times as many at the coarsest

    def __post_init__(self) -> None:
        if self.width < 2 or self.width % 2:
            raise ValueError("width must be an even number")


@dataclass(frozen=True)
class Filled:
    """What the generator makes of slices (B, 1, H, W).

    coarse, fine    (B, 1, H, W) in [-1, 1], the picture by either stage
    neighbours      (B, 1, H, W) probability of the healthy vertebrae around the band (AHVS)
    bone            (B, 1, H, W) probability of the vertebra in the band
    coarse_height, height  (B,) of that vertebra, as a share of the band's height, by either stage
    """

    coarse: Tensor
    neighbours: Tensor
    coarse_height: Tensor
    fine: Tensor
    bone: Tensor
    height: Tensor


class HealthiVert(nn.Module):
    """A slice with its band cut out -> the slice filled, its bone, the bone's height."""

    def __init__(self, config: HealthiVertConfig) -> None:
        super().__init__()
        self.config = config
        self.coarse = Coarse(config.width)
        self.fine = Fine(config.width)

    def forward(self, masked: Tensor, band: Tensor, offside: Tensor, suspicion: Tensor) -> Filled:
        """Fill slices.

        masked     (B, 1, H, W) in [-1, 1], H and W multiples of STRIDE; the band is empty
        band       (B, 1, H, W), 1 in the band
        offside    (B,) how far to the side of the vertebra's middle the slice lies, 0 to 1
        suspicion  (B, 1, H, W) in [0, 1], where a classifier sees a fracture (HGAM); the decoder
                   hears 1 - suspicion
        """
        if masked.shape[-2] % STRIDE or masked.shape[-1] % STRIDE:
            raise ValueError(f"slices of {tuple(masked.shape[-2:])} do not divide by {STRIDE}")
        aside = offside[:, None, None, None].expand_as(masked).to(masked.dtype)
        coarse, neighbours, first = self.coarse(masked, aside, band, 1 - suspicion)
        fine, bone, second = self.fine(masked, neighbours, band, aside, coarse)
        return Filled(coarse, neighbours, first, fine, bone, second)


class Coarse(nn.Module):
    """The first stage, which also segments the healthy neighbours (AHVS)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.encode = nn.Sequential(
            _conv(3, w, kernel=5),
            _conv(w, 2 * w, stride=2),
            _conv(2 * w, 2 * w),
            _conv(2 * w, 4 * w, stride=2),
            _conv(4 * w, 4 * w),
            _conv(4 * w, 4 * w),
            *(_conv(4 * w, 4 * w, dilation=d) for d in DILATIONS),
        )
        self.height = nn.Linear(4 * w, 1)
        self.middle = nn.Sequential(_conv(4 * w, 4 * w), _conv(4 * w, 4 * w))
        self.at_half = nn.Sequential(
            _conv(4 * w + 1, 4 * w), _conv(4 * w, 2 * w), _conv(2 * w, 2 * w)
        )
        self.at_full = nn.Sequential(_conv(2 * w + 1, 2 * w), _conv(2 * w, w), _conv(w, w // 2))
        self.picture = _last(w // 2)
        self.neighbours = _last(w // 2)

    def forward(
        self, masked: Tensor, aside: Tensor, band: Tensor, healthy: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Picture in [-1, 1], probability of the neighbours (B, 1, H, W), height (B,)."""
        h = self.encode(torch.cat([masked, aside, band], 1))
        height = _height(self.height, h)
        h = _double(self.middle(h))
        h = self.at_half(torch.cat([h, F.avg_pool2d(healthy, 2).to(h.dtype)], 1))
        h = self.at_full(torch.cat([_double(h), healthy.to(h.dtype)], 1))
        return self.picture(h).clamp(-1, 1), self.neighbours(h).sigmoid(), height


class Fine(nn.Module):
    """The refinement: a dilated branch, and one that copies texture from outside the band."""

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.dilated = nn.Sequential(
            _conv(4, w, kernel=5),
            _conv(w, w, stride=2),
            _conv(w, 2 * w),
            _conv(2 * w, 2 * w, stride=2),
            _conv(2 * w, 4 * w),
            _conv(4 * w, 4 * w),
            *(_conv(4 * w, 4 * w, dilation=d) for d in DILATIONS),
        )
        self.attending = nn.Sequential(
            _conv(4, w, kernel=5),
            _conv(w, w, stride=2),
            _conv(w, 2 * w),
            _conv(2 * w, 4 * w, stride=2),
            _conv(4 * w, 4 * w),
            _conv(4 * w, 4 * w, activation=nn.ReLU),
        )
        self.attended = nn.Sequential(_conv(4 * w, 4 * w), _conv(4 * w, 4 * w))
        self.merge = _conv(8 * w, 4 * w)
        self.height = nn.Linear(4 * w, 1)
        self.middle = nn.Sequential(_conv(4 * w, 4 * w), _conv(4 * w, 4 * w))
        self.at_half = nn.Sequential(_conv(4 * w, 2 * w), _conv(2 * w, 2 * w))
        self.at_full = nn.Sequential(_conv(2 * w, w), _conv(w, w // 2))
        self.picture = _last(w // 2 + 1)
        self.bone = _last(w // 2 + 1)

    def forward(
        self, masked: Tensor, neighbours: Tensor, band: Tensor, aside: Tensor, coarse: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Picture in [-1, 1], probability of the bone (B, 1, H, W), height (B,)."""
        x = torch.cat([masked, neighbours.to(masked.dtype), band, aside], 1)
        attended = self.attended(contextual_attention(self.attending(x), band))
        h = self.merge(torch.cat([self.dilated(x), attended], 1))
        height = _height(self.height, h)
        h = self.at_half(_double(self.middle(h)))
        h = torch.cat([self.at_full(_double(h)), coarse], 1)
        return self.picture(h).clamp(-1, 1), self.bone(h).sigmoid(), height


def _conv(
    first: int,
    last: int,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    activation: type[nn.Module] = nn.ELU,
) -> nn.Module:
    padding = dilation * (kernel - 1) // 2
    layer = SpectralConv2d(first, last, kernel, stride=stride, padding=padding, dilation=dilation)
    return nn.Sequential(layer, activation())


def _last(first: int) -> nn.Module:
    return SpectralConv2d(first, 1, 3, padding=1)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _height(layer: nn.Module, features: Tensor) -> Tensor:
    """The height (B,) as a share of the band, from features averaged over the picture."""
    height: Tensor = layer(features.mean((2, 3))).float().sigmoid()[:, 0]
    return height
