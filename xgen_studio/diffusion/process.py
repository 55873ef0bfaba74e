"""Noise processes: which noise levels a model is trained on, with what weight, and sampled from.

One loss serves all: E[ lambda(sigma) |D(y + sigma z) - y|^2 ]; a process is the pair (p(sigma),
lambda) plus its own clock t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from xgen_studio.errors import InputError
from xgen_studio.tables import from_table


class NoiseProcess(Protocol):
    """Noise levels of a diffusion: `sigma(t)` rises with t in [0, 1]."""

    @property
    def sigma_min(self) -> float: ...

    @property
    def sigma_max(self) -> float: ...

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t."""
        ...

    def t(self, sigma: Tensor) -> Tensor:
        """Time at noise level sigma (inverse of `sigma`)."""
        ...

    def draw(self, uniform: Tensor) -> Tensor:
        """Training noise levels from uniform numbers in [0, 1)."""
        ...

    def weight(self, sigma: Tensor) -> Tensor:
        """Training weight lambda(sigma)."""
        ...


def _check_levels(low: float, high: float) -> None:
    if not 0 < low < high:
        raise ValueError(f"noise levels from {low} to {high}: 0 < sigma_min < sigma_max is needed")


@dataclass(frozen=True)
class VE:
    """Variance exploding SDE (Song 2021; Mei 2024 eq. 3): sigma_t = smin (smax / smin)^t.

    Trained with t uniform and lambda = 1 / sigma^2 (denoising score matching, Mei 2024 eq. 5).
    The defaults are the paper's 0.01 and 128 in units of [-1, 1] data.
    """

    sigma_min: float = 0.02
    sigma_max: float = 256.0

    def __post_init__(self) -> None:
        _check_levels(self.sigma_min, self.sigma_max)

    def sigma(self, t: Tensor) -> Tensor:
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t

    def t(self, sigma: Tensor) -> Tensor:
        return (sigma / self.sigma_min).log() / math.log(self.sigma_max / self.sigma_min)

    def draw(self, uniform: Tensor) -> Tensor:
        return self.sigma(uniform * (1 - 1e-5) + 1e-5)

    def weight(self, sigma: Tensor) -> Tensor:
        return sigma**-2


@dataclass(frozen=True)
class EDM:
    """Log-normal noise levels (Karras 2022, table 1), weight (s^2 + sd^2) / (s sd)^2."""

    sigma_data: float = 0.5
    log_mean: float = -1.2
    log_sd: float = 1.2
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        _check_levels(self.sigma_min, self.sigma_max)
        if self.sigma_data <= 0 or self.log_sd <= 0:
            raise ValueError("sigma_data and log_sd must be positive")

    def sigma(self, t: Tensor) -> Tensor:
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t

    def t(self, sigma: Tensor) -> Tensor:
        return (sigma / self.sigma_min).log() / math.log(self.sigma_max / self.sigma_min)

    def draw(self, uniform: Tensor) -> Tensor:
        normal = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
        return (self.log_mean + self.log_sd * normal).exp()

    def weight(self, sigma: Tensor) -> Tensor:
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2


@dataclass(frozen=True)
class VP:
    """DDPM with linear betas (Ho 2020), seen as noise levels sigma = sqrt((1 - abar) / abar).

    Step n of N (0-based) sits at t = n / (N - 1); between steps ln sigma is interpolated.
    """

    steps: int = 1000
    beta_first: float = 1e-4
    beta_last: float = 2e-2

    def __post_init__(self) -> None:
        if self.steps < 2 or not 0 < self.beta_first <= self.beta_last < 1:
            raise ValueError("a DDPM needs at least 2 steps and 0 < beta_first <= beta_last < 1")

    @cached_property
    def table(self) -> Tensor:
        """Noise level of every step, rising, (N,) float64."""
        betas = torch.linspace(self.beta_first, self.beta_last, self.steps, dtype=torch.float64)
        alphas_bar = (1 - betas).cumprod(0)
        return ((1 - alphas_bar) / alphas_bar).sqrt()

    @property
    def sigma_min(self) -> float:
        return float(self.table[0])

    @property
    def sigma_max(self) -> float:
        return float(self.table[-1])

    def sigma(self, t: Tensor) -> Tensor:
        log_table = self.table.log().to(device=t.device, dtype=t.dtype)
        place = t.clamp(0, 1) * (self.steps - 1)
        low = place.floor().long().clamp(max=self.steps - 2)
        part = place - low
        return ((1 - part) * log_table[low] + part * log_table[low + 1]).exp()

    def t(self, sigma: Tensor) -> Tensor:
        log_table = self.table.log().to(device=sigma.device, dtype=sigma.dtype)
        log_sigma = sigma.log().clamp(log_table[0], log_table[-1])
        high = torch.searchsorted(log_table, log_sigma.contiguous()).clamp(1, self.steps - 1)
        low = high - 1
        part = (log_sigma - log_table[low]) / (log_table[high] - log_table[low])
        return (low + part) / (self.steps - 1)

    def draw(self, uniform: Tensor) -> Tensor:
        step = (uniform * self.steps).long().clamp(max=self.steps - 1)
        return self.table.to(device=uniform.device, dtype=uniform.dtype)[step]

    def weight(self, sigma: Tensor) -> Tensor:
        """1 / sigma^2: the epsilon loss of Ho 2020, eq. 14."""
        return sigma**-2


PROCESSES = {"ve": VE, "edm": EDM, "vp": VP}


def build_process(name: str, options: dict[str, Any], where: str = "process") -> NoiseProcess:
    """The process of that name ('ve', 'edm', 'vp'); InputError for another name or option."""
    if name not in PROCESSES:
        raise InputError(
            f"{where}: no noise process is called '{name}'; there is {', '.join(PROCESSES)}"
        )
    process: NoiseProcess = from_table(PROCESSES[name], options, f"{where} options")
    return process
