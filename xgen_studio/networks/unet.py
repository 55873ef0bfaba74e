"""The small patch U-Net: a denoising network that a CPU can draw with.

Pixels are folded into channels (space-to-depth) before the first convolution, which divides the
cost of the top level by patch^2; a last layer in pixel space removes the grid this would leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.networks.layers import FourierFeatures, ResidualBlock, SelfAttention, group_norm


@dataclass(frozen=True)
class UNetConfig:
    """Everything that fixes the shape of a `UNet`'s weights."""

    in_channels: int = 1  # image channels
    out_channels: int = 1  # channels of the estimate
    condition_channels: int = 0  # mask channels, concatenated to the image
    classes: int = 0  # values of a class label; 0 = no label
    patch: int = 4  # space-to-depth factor
    channels: tuple[int, ...] = (48, 80, 128)  # width of each level, finest first
    blocks: int = 2  # residual blocks a level
    heads: int = 4  # attention heads at the coarsest level
    pixel_width: int = 12  # channels of the last layer in pixel space
    noise_at_pixels: bool = False  # the last layers hear the noise level, too
    noise: bool = True  # False: no noise embedding (regression, segmentation)
    dropout: float = 0.0

    def __post_init__(self) -> None:
        sizes = (
            self.in_channels,
            self.out_channels,
            self.patch,
            self.blocks,
            self.heads,
            self.pixel_width,
            *self.channels,
        )
        if min(sizes) < 1 or not self.channels or min(self.condition_channels, self.classes) < 0:
            raise ValueError("channels, patch, blocks, heads and widths must be at least 1")
        if self.channels[-1] % self.heads:
            raise ValueError(f"{self.channels[-1]} channels do not divide by {self.heads} heads")
        if self.noise_at_pixels and not self.noise:
            raise ValueError("noise_at_pixels: this network hears no noise level")

    @property
    def stride(self) -> int:
        """Height and width must be multiples of this."""
        return self.patch * 2 ** (len(self.channels) - 1)


class UNet(nn.Module):
    """F(x, c_noise, condition, label): (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        width = 4 * widths[0] if (config.noise or config.classes) else 0
        pixels = config.in_channels + config.condition_channels

        if config.noise:
            self.noise = FourierFeatures(widths[0], scale=1.0)
            self.noise_in = nn.Linear(2 * widths[0], width)
        if config.classes:  # the last row stands for "not said"
            self.label = nn.Embedding(config.classes + 1, width)
        if width:
            self.embedding = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())

        # 1x1 layers at the fold and unfold: their 3x3 twins would cost as much as a whole level
        self.fold = nn.PixelUnshuffle(config.patch)
        self.stem = nn.Conv2d(pixels * config.patch**2, widths[0], 1)

        def block(a: int, b: int) -> ResidualBlock:
            return ResidualBlock(a, b, width, config.dropout)

        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        skips: list[int] = []
        previous = widths[0]
        for level, c in enumerate(widths):
            blocks = nn.ModuleList()
            for _ in range(config.blocks):
                blocks.append(block(previous, c))
                previous = c
                skips.append(c)
            self.down.append(blocks)
            if level + 1 < len(widths):
                self.shrink.append(nn.Conv2d(c, widths[level + 1], 3, stride=2, padding=1))
                previous = widths[level + 1]

        self.middle1 = block(previous, previous)
        self.attention = SelfAttention(previous, config.heads)
        self.middle2 = block(previous, previous)

        self.up = nn.ModuleList()
        self.grow = nn.ModuleList()
        for level, c in reversed(list(enumerate(widths))):
            blocks = nn.ModuleList()
            for _ in range(config.blocks):
                blocks.append(block(previous + skips.pop(), c))
                previous = c
            self.up.append(blocks)
            if level:
                self.grow.append(nn.Conv2d(c, widths[level - 1], 1))
                previous = widths[level - 1]

        self.norm = group_norm(previous)
        self.unfold = nn.Sequential(
            nn.Conv2d(previous, config.pixel_width * config.patch**2, 1),
            nn.PixelShuffle(config.patch),
        )
        self.pixel1 = nn.Conv2d(config.pixel_width + pixels, config.pixel_width, 3, padding=1)
        self.pixel2 = nn.Conv2d(config.pixel_width, config.out_channels, 3, padding=1)
        if config.noise_at_pixels:
            self.pixel_gain = nn.Linear(width, config.pixel_width + pixels)
            nn.init.zeros_(self.pixel_gain.weight)
            nn.init.zeros_(self.pixel_gain.bias)
        nn.init.normal_(self.pixel2.weight, std=1e-3)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor | None = None,
        condition: Tensor | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """Condition is (B, C, H, W); label is (B,) integers, -1 where it is not said."""
        embedding = self._embed(x, c_noise, label)
        pixels = x
        if self.config.condition_channels and condition is not None:
            pixels = torch.cat([x, condition.to(x.dtype)], dim=1)

        h = self.stem(self.fold(pixels))
        skips = []
        for level, blocks in enumerate(self.down):
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, embedding)
                skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
        h = self.middle2(self.attention(self.middle1(h, embedding)), embedding)
        for level, blocks in enumerate(self.up):
            for block in blocks:  # type: ignore[attr-defined]
                h = block(torch.cat([h, skips.pop()], dim=1), embedding)
            if level < len(self.grow):
                h = self.grow[level](F.interpolate(h, scale_factor=2.0, mode="nearest"))

        h = self.unfold(F.silu(self.norm(h)))
        h = torch.cat([h, pixels], dim=1)
        if self.config.noise_at_pixels:
            # The noisy picture is nearly the answer at low noise and nothing but noise at high:
            # without this, its grain passes into the estimate
            h = h * (1 + self.pixel_gain(embedding)[:, :, None, None])
        h = self.pixel1(h)
        return self.pixel2(F.silu(h))

    def _embed(self, x: Tensor, c_noise: Tensor | None, label: Tensor | None) -> Tensor | None:
        parts = []
        if self.config.noise:
            if c_noise is None:
                raise ValueError("this network needs the noise level c_noise, shape (B,)")
            parts.append(self.noise_in(self.noise(c_noise).to(x.dtype)))
        if self.config.classes:
            unknown = self.config.classes
            if label is None:
                label = torch.full((x.shape[0],), -1, device=x.device)
            parts.append(self.label(torch.where(label < 0, unknown, label)).to(x.dtype))
        return self.embedding(sum(parts)) if parts else None
