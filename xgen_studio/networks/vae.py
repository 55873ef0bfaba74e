"""A variational autoencoder (Kingma 2014) without skips: 64 numbers are all its decoder hears.

A U-Net's skip connections would go around the latent, and nothing could be sampled from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.networks.layers import ResidualBlock, group_norm


@dataclass(frozen=True)
class VAEConfig:
    """Everything that fixes the shape of a `VAE`'s weights."""

    grid: tuple[int, int] = (256, 192)  # rows, columns of its pictures
    channels_in: int = 2  # radiograph and heatmap
    latent: int = 64  # the paper's
    patch: int = 4  # pixels folded into channels, see `UNet`
    channels: tuple[int, ...] = (32, 64, 96, 64)  # width of each level, finest first

    def __post_init__(self) -> None:
        stride = self.patch * 2 ** (len(self.channels) - 1)
        if min(*self.grid, self.channels_in, self.latent, *self.channels) < 1:
            raise ValueError("grid, channels and latent must be at least 1")
        if self.grid[0] % stride or self.grid[1] % stride:
            raise ValueError(f"a grid of {self.grid} px does not divide by {stride}")

    @property
    def coarse(self) -> tuple[int, int]:
        """Rows and columns of the coarsest level."""
        stride = self.patch * 2 ** (len(self.channels) - 1)
        return self.grid[0] // stride, self.grid[1] // stride


class VAE(nn.Module):
    """Encoder (B, C, H, W) -> mean and log variance (B, latent) each; decoder back."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        widths, pixels = config.channels, config.channels_in * config.patch**2
        flat = widths[-1] * config.coarse[0] * config.coarse[1]

        down: list[nn.Module] = [nn.PixelUnshuffle(config.patch)]
        down.append(nn.Conv2d(pixels, widths[0], 3, padding=1))
        up: list[nn.Module] = []
        for level, width in enumerate(widths):
            down.append(_Block(width))
            if level + 1 < len(widths):
                down.append(nn.Conv2d(width, widths[level + 1], 3, stride=2, padding=1))
        for level in reversed(range(len(widths))):
            up.append(_Block(widths[level]))
            if level:
                wider = nn.Conv2d(widths[level], widths[level - 1], 3, padding=1)
                up += [nn.Upsample(scale_factor=2), wider]
        up += [
            group_norm(widths[0]),
            nn.SiLU(),
            nn.Conv2d(widths[0], pixels, 3, padding=1),
            nn.PixelShuffle(config.patch),
        ]
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up)
        self.to_latent = nn.Linear(flat, 2 * config.latent)
        self.from_latent = nn.Linear(config.latent, flat)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latent's posterior, (B, latent) each."""
        mean, log_variance = self.to_latent(self.down(x).flatten(1)).float().chunk(2, 1)
        return mean, log_variance.clamp(-12, 8)

    def decode(self, latent: Tensor) -> Tensor:
        """Pictures (B, C, H, W) of latents (B, latent)."""
        shape = (-1, self.config.channels[-1], *self.config.coarse)
        pictures: Tensor = self.up(self.from_latent(latent).reshape(shape))
        return pictures

    def loss(self, x: Tensor) -> Tensor:
        """Negative evidence lower bound a pixel and channel, of a likelihood of unit variance: the
        squared error and the divergence as they are. A sharper likelihood would copy better, and
        leave a latent that is not normal: nothing could be drawn from it."""
        mean, log_variance = self.encode(x)
        latent = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        error = F.mse_loss(self.decode(latent).float(), x)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return 0.5 * error + divergence / math.prod(x.shape[1:])


class _Block(nn.Module):
    """A residual block that hears no noise level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = ResidualBlock(channels, channels, 0, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x, None)
        return y
