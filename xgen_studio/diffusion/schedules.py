"""Noise schedules: falling noise levels from `top` to 0, as float64 tensors of n + 1 entries."""

from __future__ import annotations

import torch
from torch import Tensor

from xgen_studio.diffusion.process import VP, NoiseProcess


def _with_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def karras(process: NoiseProcess, n: int, top: float, rho: float = 7.0) -> Tensor:
    """Karras 2022, eq. 5: evenly spaced in sigma^(1/rho)."""
    ramp = torch.linspace(0, 1, n, dtype=torch.float64)
    high, low = top ** (1 / rho), process.sigma_min ** (1 / rho)
    return _with_zero((high + ramp * (low - high)) ** rho)


def leap(process: NoiseProcess, n: int, top: float, to: float) -> Tensor:
    """One step from `top` to the level `to`, then Karras 2022 in n - 1 steps.

    What is decided above `to`, the overall grey and other coarse contrasts that a condition leaves
    open, comes out at its expected value instead of being sampled: a mode of standard deviation s
    keeps s to / sqrt(s^2 + to^2) of it. Texture, which is far weaker than `to`, is sampled in full.
    """
    if n < 2 or top <= to:
        return karras(process, n, top)
    first = torch.tensor([top], dtype=torch.float64)
    return torch.cat([first, karras(process, n - 1, to)])


def geometric(process: NoiseProcess, n: int, top: float) -> Tensor:
    """Evenly spaced in ln sigma: the VE clock (Mei 2024 eq. 3 with t_n = n / N)."""
    ramp = torch.linspace(0, 1, n, dtype=torch.float64)
    return _with_zero(top * (process.sigma_min / top) ** ramp)


def spaced(process: NoiseProcess, n: int, top: float) -> Tensor:
    """Evenly spaced in the process's own time: DDPM's steps for VP, ln sigma otherwise."""
    if not isinstance(process, VP):
        return geometric(process, n, top)
    t_top = float(process.t(torch.tensor([top], dtype=torch.float64)))
    return _with_zero(process.sigma(torch.linspace(t_top, 0, n, dtype=torch.float64)))
