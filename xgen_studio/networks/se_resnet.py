"""A small SE-ResNet (Hu 2018, arXiv 1709.01507) of pictures, and where it looks: Grad-CAM++.

HealthiVert-GAN's attention module (HGAM) uses MONAI's SE-ResNet-50: bottlenecks, 64 channels at
first, three to six blocks a stage. This one has two basic blocks a stage and 16 channels at first,
about 0.7 M weights instead of 26 M, which a few hundred vertebrae feed better.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

REDUCTION = 8  # of the squeeze


@dataclass(frozen=True)
class SEResNetConfig:
    """Everything that fixes the shape of an `SEResNet`'s weights."""

    classes: int = 2
    width: int = 16  # channels of the first stage, doubled at each of the three later ones
    blocks: int = 2  # a stage

    def __post_init__(self) -> None:
        if min(self.classes, self.blocks) < 1 or self.width < REDUCTION:
            raise ValueError(f"classes and blocks must be at least 1, width at least {REDUCTION}")


class SEResNet(nn.Module):
    """Pictures (B, 1, H, W) in [-1, 1] -> logits (B, classes)."""

    def __init__(self, config: SEResNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**stage for stage in range(4)]
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        blocks: list[nn.Module] = []
        for stage, (first, last) in enumerate(zip([widths[0], *widths], widths, strict=False)):
            blocks.append(_Block(first, last, 1 if stage == 0 else 2))
            blocks += [_Block(last, last, 1) for _ in range(config.blocks - 1)]
        self.stages = nn.Sequential(*blocks)
        self.head = nn.Linear(widths[3], config.classes)

    def features(self, x: Tensor) -> Tensor:
        """The last stage's maps (B, C, h, w), at 1/32 of the picture's resolution."""
        maps: Tensor = self.stages(self.stem(x))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x).mean((2, 3)))
        return logits


class _Block(nn.Module):
    """The basic block of He 2016, its channels weighted by what the whole picture shows."""

    def __init__(self, first: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(first, width, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.squeeze = nn.Sequential(
            nn.Linear(width, width // REDUCTION),
            nn.ReLU(),
            nn.Linear(width // REDUCTION, width),
            nn.Sigmoid(),
        )
        same = stride == 1 and first == width
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.Conv2d(first, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x)
        h = h * self.squeeze(h.mean((2, 3)))[:, :, None, None]
        return F.relu(h + self.shortcut(x))


def attention_map(network: SEResNet, pictures: Tensor, which: int = 1) -> Tensor:
    """Where pictures (B, 1, H, W) look like class `which`: (B, 1, H, W), each from 0 to 1.

    Grad-CAM++ (Chattopadhay 2018, arXiv 1710.11063, eqs. 10 and 19) at the last stage: with
    g = ds/dA, alpha = g^2 / (2 g^2 + g^3 sum A), w_k = sum alpha relu(e^s g),
    map = relu(sum_k w_k A_k).
    """
    with torch.enable_grad():
        maps = network.features(pictures).float()
        if not maps.requires_grad:
            maps = maps.requires_grad_()
        score = network.head(maps.mean((2, 3)).to(network.head.weight.dtype))[:, which].float()
        (slope,) = torch.autograd.grad(score.sum(), maps)
    maps = maps.detach()
    alpha = slope**2 / (2 * slope**2 + slope**3 * maps.sum((2, 3), keepdim=True) + 1e-7)
    # e^s scales a whole map, which is scaled to 1 below; beyond 20 it would only overflow
    gain = score.detach().clamp(-20, 20).exp()[:, None, None, None]
    weight = (alpha * F.relu(gain * slope)).sum((2, 3), keepdim=True)
    cam = F.relu((weight * maps).sum(1, keepdim=True))
    cam = F.interpolate(cam, size=pictures.shape[-2:], mode="bilinear", align_corners=False)
    low, high = (f(cam, dim=(1, 2, 3), keepdim=True) for f in (torch.amin, torch.amax))
    return ((cam - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
