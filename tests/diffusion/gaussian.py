"""A data density whose denoiser is known exactly: y ~ N(mean, sd^2) at every pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xgen_studio.diffusion import Condition

MEAN, SD = 0.2, 0.25


def exact_denoiser(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
    """E[y | y + sigma z = x] for the Gaussian above."""
    s = sigma[:, None, None, None]
    return (SD**2 * x + s**2 * MEAN) / (SD**2 + s**2)


class ExactVENetwork(nn.Module):
    """What a perfect VE score network would return: sigma times the score."""

    def forward(self, x, c_noise, condition=None, label=None):
        sigma = c_noise.exp()
        s = sigma[:, None, None, None]
        return s * (MEAN - x) / (SD**2 + s**2)


class ExactEpsNetwork(nn.Module):
    """What a perfect epsilon network would return for a scaled input."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x, c_noise, condition=None, label=None):
        sigma = self.process.sigma(c_noise)
        s = sigma[:, None, None, None]
        z = x * (1 + s**2).sqrt()
        return (z - exact_denoiser(z, sigma, Condition())) / s


def noisy(shape=(4, 1, 16, 16), seed=0) -> Tensor:
    """A batch of noise in double precision."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
