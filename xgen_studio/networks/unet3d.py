"""A U-Net for volumes (Cicek 2016), after nnU-Net's plain recipe (Isensee 2021): strided
convolutions down, nearest neighbours up, instance norms, leaky rectifiers.

Input (B, C, D, H, W) of any size; output (B, K, D, H, W).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class UNet3DConfig:
    """Everything that fixes the shape of a `UNet3D`'s weights."""

    inputs: int = 1
    outputs: int = 1
    widths: tuple[int, ...] = (16, 32, 64, 96)  # channels at full, half, quarter ... size

    def __post_init__(self) -> None:
        if min(self.inputs, self.outputs, *self.widths) < 1 or len(self.widths) < 2:
            raise ValueError("inputs, outputs and at least two widths must be at least 1")


class UNet3D(nn.Module):
    """Volumes -> channels of the same size."""

    def __init__(self, config: UNet3DConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.down = nn.ModuleList([_Block(config.inputs, widths[0], 1)])
        self.down.extend(_Block(a, b, 2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(
            _Block(wide + narrow, narrow, 1, convolutions=1) for narrow, wide in pairwise(widths)
        )
        self.head = nn.Conv3d(widths[0], config.outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, D, H, W); sizes that do not divide are padded, and cut again."""
        size = x.shape[-3:]
        step = 2 ** (len(self.down) - 1)
        padding = [(-n) % step for n in size]
        h = F.pad(x, (0, padding[2], 0, padding[1], 0, padding[0]), mode="replicate")
        kept = []
        for block in self.down:
            h = block(h)
            kept.append(h)
        for block, beside in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            h = block(torch.cat([F.interpolate(h, scale_factor=2.0), beside], 1))
        out: Tensor = self.head(h)
        return out[..., : size[0], : size[1], : size[2]]


class _Block(nn.Sequential):
    """Convolution, norm, rectifier, twice; the first may halve the size."""

    def __init__(self, inputs: int, width: int, stride: int, convolutions: int = 2) -> None:
        layers: list[nn.Module] = []
        for index in range(convolutions):
            step, channels = (stride, inputs) if index == 0 else (1, width)
            layers += [
                nn.Conv3d(channels, width, 3, stride=step, padding=1, bias=False),
                nn.InstanceNorm3d(width, affine=True),
                nn.LeakyReLU(0.01, inplace=True),
            ]
        super().__init__(*layers)
