"""The denoising network of Hadzic 2024 (section 3.2), to the letter of its text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.networks.layers import group_norm


@dataclass(frozen=True)
class DDPMConfig:
    """Everything that fixes the shape of a `DDPMNet`'s weights."""

    in_channels: int = 2  # radiograph and heatmap
    features: int = 32  # of the finest level; doubled at each coarser one
    levels: int = 3  # beside the bottleneck
    blocks: int = 3  # residual blocks a level, and in the bottleneck
    timesteps: int = 800

    def __post_init__(self) -> None:
        if min(self.in_channels, self.features, self.levels, self.blocks, self.timesteps) < 1:
            raise ValueError("channels, features, levels, blocks and timesteps must be at least 1")


class DDPMNet(nn.Module):
    """epsilon(x_t, t): (B, C, H, W) and t in [0, 1] -> (B, C, H, W). Takes no condition."""

    def __init__(self, config: DDPMConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.features * 2**level for level in range(config.levels)]
        deepest = config.features * 2**config.levels
        time = config.features

        def blocks(first: int, width: int) -> nn.ModuleList:
            return nn.ModuleList(
                _Block(first if n == 0 else width, width, time) for n in range(config.blocks)
            )

        self.stem = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(blocks(w, w) for w in widths)
        self.shrink = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1)
            for a, b in zip(widths, [*widths[1:], deepest], strict=True)
        )
        self.middle = blocks(deepest, deepest)
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 2, stride=2)
            for a, b in zip([deepest, *widths[:0:-1]], widths[::-1], strict=True)
        )
        self.up = nn.ModuleList(blocks(2 * w, w) for w in widths[::-1])
        self.out = nn.Conv2d(widths[0], config.in_channels, 1)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor | None = None,
        condition: Tensor | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """`c_noise` is the time t (B,) in [0, 1]; condition and label are not heard."""
        if c_noise is None:
            raise ValueError("this network needs the time t, shape (B,)")
        time = sinusoids(c_noise * (self.config.timesteps - 1), self.config.features).to(x.dtype)
        h = self.stem(x)
        skips = []
        for level, shrink in zip(self.down, self.shrink, strict=True):
            for block in level:  # type: ignore[attr-defined]
                h = block(h, time)
            skips.append(h)
            h = shrink(h)
        for block in self.middle:
            h = block(h, time)
        for grow, level in zip(self.grow, self.up, strict=True):
            h = torch.cat([grow(h), skips.pop()], 1)
            for block in level:  # type: ignore[attr-defined]
                h = block(h, time)
        y: Tensor = self.out(h)
        return y


def sinusoids(value: Tensor, width: int) -> Tensor:
    """Sinusoidal position embedding (Vaswani 2017, section 3.5) of (B,) as (B, width)."""
    half = width // 2
    rates = torch.exp(-math.log(10_000) * torch.arange(half, device=value.device) / half)
    angle = value.float()[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], 1)


class _Block(nn.Module):
    """Group norm, two convolutions, SiLU; the time enters by linear, SiLU, linear."""

    def __init__(self, first: int, width: int, time: int) -> None:
        super().__init__()
        self.norm = group_norm(first)
        self.conv1 = nn.Conv2d(first, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.time = nn.Sequential(nn.Linear(time, width), nn.SiLU(), nn.Linear(width, width))
        self.shortcut = nn.Identity() if first == width else nn.Conv2d(first, width, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = F.silu(self.conv1(self.norm(x))) + self.time(time)[:, :, None, None]
        y: Tensor = self.shortcut(x) + F.silu(self.conv2(h))
        return y
