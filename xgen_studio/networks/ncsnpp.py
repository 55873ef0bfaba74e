"""NCSN++ (Song 2021, appendix H) as Mei 2024 configures it: six levels from 256 to 8 px.

Noise features of ln sigma, BigGAN blocks with FIR resampling, progressive residual input,
attention at 16 px, skips scaled by 1/sqrt(2). The output is sigma times the score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.networks.layers import FourierFeatures, SelfAttention, zero_init

HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class NCSNppConfig:
    """Shape of an `NCSNpp`; the defaults are Mei 2024's (section II-D)."""

    in_channels: int = 1
    out_channels: int = 1
    condition_channels: int = 1
    channels: tuple[int, ...] = (64, 128, 128, 128, 128, 256)
    blocks: int = 2
    attention_level: int = 4  # 256 / 2^4 = 16 px
    fourier_scale: float = 16.0
    noise: bool = True  # False: the paper's "improved U-Net" baseline
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if len(self.channels) < 1 or min(self.channels) < 4 or self.blocks < 1:
            raise ValueError("at least one level, one block and 4 channels are needed")

    @property
    def stride(self) -> int:
        """Height and width must be multiples of this."""
        return 2 ** (len(self.channels) - 1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(channels // 4, 32), channels, eps=1e-6)


class FIR(nn.Module):
    """Up- or downsampling by 2 with the [1, 3, 3, 1] filter, as a depthwise convolution."""

    kernel: Tensor

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = torch.outer(taps, taps)
        kernel = kernel / kernel.sum() * (4 if up else 1)
        self.register_buffer("kernel", kernel[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        c = x.shape[1]
        kernel = self.kernel.to(x.dtype).expand(c, 1, 4, 4)
        if self.up:
            return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=c)
        return F.conv2d(x, kernel, stride=2, padding=1, groups=c)


class BigGANBlock(nn.Module):
    """Residual block; the noise embedding is a bias between its two convolutions."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embedding: int,
        dropout: float,
        resample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = _norm(in_channels)
        self.resample = resample
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.bias = nn.Linear(embedding, out_channels) if embedding else None
        self.norm2 = _norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zero_init(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        plain = in_channels == out_channels and resample is None
        self.shortcut = nn.Identity() if plain else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor | None) -> Tensor:
        h = F.silu(self.norm1(x))
        if self.resample is not None:
            h, x = self.resample(h), self.resample(x)
        h = self.conv1(h)
        if self.bias is not None and embedding is not None:
            h = h + self.bias(F.silu(embedding))[:, :, None, None]
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return (self.shortcut(x) + h) * HALF


class NCSNpp(nn.Module):
    """F(x, ln sigma, condition): (B, in, H, W) -> (B, out, H, W). Data is in [-1, 1]."""

    def __init__(self, config: NCSNppConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        base = widths[0]
        width = 4 * base if config.noise else 0
        pixels = config.in_channels + config.condition_channels
        if config.noise:
            self.noise = FourierFeatures(base, config.fourier_scale)
            self.embedding = nn.Sequential(
                nn.Linear(2 * base, width), nn.SiLU(), nn.Linear(width, width)
            )

        def block(a: int, b: int, resample: nn.Module | None = None) -> BigGANBlock:
            return BigGANBlock(a, b, width, config.dropout, resample)

        self.stem = nn.Conv2d(pixels, base, 3, padding=1)
        self.down, self.shrink, self.inject = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.attention = nn.ModuleDict()
        skips, previous, injected = [base], base, pixels
        for level, c in enumerate(widths):
            blocks = nn.ModuleList()
            for _ in range(config.blocks):
                blocks.append(block(previous, c))
                previous = c
                skips.append(c)
            self.down.append(blocks)
            if level == config.attention_level:
                for i in range(config.blocks):
                    self.attention[f"down{i}"] = SelfAttention(c, 1)
            if level + 1 < len(widths):
                self.shrink.append(block(c, c, FIR(up=False)))
                self.inject.append(
                    nn.Sequential(FIR(up=False), nn.Conv2d(injected, c, 3, padding=1))
                )
                injected = c
                skips.append(c)
        self.middle1 = block(previous, previous)
        self.attention["middle"] = SelfAttention(previous, 1)
        self.middle2 = block(previous, previous)

        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, c in reversed(list(enumerate(widths))):
            blocks = nn.ModuleList()
            for _ in range(config.blocks + 1):
                blocks.append(block(previous + skips.pop(), c))
                previous = c
            self.up.append(blocks)
            if level == config.attention_level:
                self.attention["up"] = SelfAttention(c, 1)
            if level:
                self.grow.append(block(c, c, FIR(up=True)))
        self.norm = _norm(previous)
        self.out = zero_init(nn.Conv2d(previous, config.out_channels, 3, padding=1))

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor | None = None,
        condition: Tensor | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """Condition is (B, C, H, W), channels first in the concatenation; `label` is not used."""
        embedding = None
        if self.config.noise:
            if c_noise is None:
                raise ValueError("this network needs the noise level ln sigma, shape (B,)")
            embedding = self.embedding(self.noise(c_noise).to(x.dtype))
        pixels = x
        if self.config.condition_channels and condition is not None:
            pixels = torch.cat([condition.to(x.dtype), x], dim=1)

        h, progressive = self.stem(pixels), pixels
        skips = [h]
        for level, blocks in enumerate(self.down):
            for i, block in enumerate(blocks):  # type: ignore[arg-type,var-annotated]
                h = block(h, embedding)
                if level == self.config.attention_level:
                    h = self._attend(f"down{i}", h)
                skips.append(h)
            if level < len(self.shrink):
                progressive = self.inject[level](progressive)
                h = (self.shrink[level](h, embedding) + progressive) * HALF
                progressive = h
                skips.append(h)
        h = self.middle1(h, embedding)
        h = self.middle2(self._attend("middle", h), embedding)
        last = len(self.up) - 1
        for i, blocks in enumerate(self.up):
            for block in blocks:  # type: ignore[attr-defined]
                h = block(torch.cat([h, skips.pop()], dim=1), embedding)
            if last - i == self.config.attention_level:
                h = self._attend("up", h)
            if i < len(self.grow):
                h = self.grow[i](h, embedding)
        return self.out(F.silu(self.norm(h)))

    def _attend(self, name: str, h: Tensor) -> Tensor:
        return self.attention[name](h) * HALF
