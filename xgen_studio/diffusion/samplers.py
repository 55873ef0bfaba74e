"""Samplers: generator functions that walk a denoiser from noise to an image.

Each takes (denoiser, x, sigmas, condition, noise) and yields a `Step` after every noise level; the
last step's `x0` is the sample. Cancel by not asking for the next step. `sigmas` is the falling
schedule including the final 0; `x` is (B, C, H, W) noise at sigmas[0].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from xgen_studio.diffusion.condition import Condition
from xgen_studio.diffusion.noise import SeededNoise
from xgen_studio.diffusion.process import NoiseProcess
from xgen_studio.diffusion.schedules import geometric, karras, leap, spaced

DenoiseFunction = Callable[[Tensor, Tensor, Condition], Tensor]


@dataclass(frozen=True)
class Step:
    """One step of a sampler: `index` of `total` done, and the current estimate of the image."""

    index: int
    total: int
    x0: Tensor  # (B, C, H, W); for the last step this is the sample


def _level(sigma: Tensor, x: Tensor) -> Tensor:
    return sigma.to(x).expand(x.shape[0])


def _norm(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1)[:, None, None, None]


def euler(
    denoiser: DenoiseFunction, x: Tensor, sigmas: Tensor, condition: Condition, noise: SeededNoise
) -> Iterator[Step]:
    """Probability flow ODE by Euler's rule; in these coordinates that is DDIM (Song 2021)."""
    total = len(sigmas) - 1
    for i in range(total):
        x0 = denoiser(x, _level(sigmas[i], x), condition)
        x = x0 + (sigmas[i + 1] / sigmas[i]).to(x) * (x - x0)
        yield Step(i + 1, total, x0 if i + 1 < total else x)


def ancestral(
    denoiser: DenoiseFunction, x: Tensor, sigmas: Tensor, condition: Condition, noise: SeededNoise
) -> Iterator[Step]:
    """DDPM's own ancestral sampling (Ho 2020, algorithm 2) in variance exploding coordinates."""
    total = len(sigmas) - 1
    for i in range(total):
        s, s_next = sigmas[i].to(x), sigmas[i + 1].to(x)
        x0 = denoiser(x, _level(s, x), condition)
        up = (s_next**2 * (s**2 - s_next**2)).clamp(min=0).sqrt() / s
        down = (s_next**2 - up**2).clamp(min=0).sqrt()
        x = x0 + down / s * (x - x0)
        if i + 1 < total:
            x = x + up * noise()
        yield Step(i + 1, total, x0 if i + 1 < total else x)


def heun(
    denoiser: DenoiseFunction, x: Tensor, sigmas: Tensor, condition: Condition, noise: SeededNoise
) -> Iterator[Step]:
    """Heun's second-order rule (Karras 2022, algorithm 1): 2n - 1 evaluations for n levels."""
    total = len(sigmas) - 1
    for i in range(total):
        s, s_next = sigmas[i].to(x), sigmas[i + 1].to(x)
        x0 = denoiser(x, _level(s, x), condition)
        slope = (x - x0) / s
        x_next = x + (s_next - s) * slope
        if s_next > 0:
            x0 = denoiser(x_next, _level(s_next, x), condition)
            x_next = x + (s_next - s) * (slope + (x_next - x0) / s_next) / 2
        x = x_next
        yield Step(i + 1, total, x0 if i + 1 < total else x)


def dpm_solver(
    denoiser: DenoiseFunction, x: Tensor, sigmas: Tensor, condition: Condition, noise: SeededNoise
) -> Iterator[Step]:
    """DPM-Solver++(2M) (Lu 2022, algorithm 2): second order at one evaluation a step."""
    total = len(sigmas) - 1
    previous: Tensor | None = None
    for i in range(total):
        s, s_next = sigmas[i].to(x), sigmas[i + 1].to(x)
        x0 = denoiser(x, _level(s, x), condition)
        if previous is None or s_next == 0:
            estimate = x0
        else:
            ratio = (sigmas[i - 1].to(x) / s).log() / (s / s_next).log()
            estimate = (1 + 1 / (2 * ratio)) * x0 - 1 / (2 * ratio) * previous
        x = estimate + s_next / s * (x - estimate)
        previous = x0
        yield Step(i + 1, total, x0 if i + 1 < total else x)


def reverse_diffusion(
    denoiser: DenoiseFunction, x: Tensor, sigmas: Tensor, condition: Condition, noise: SeededNoise
) -> Iterator[Step]:
    """Reverse-time SDE, reverse-diffusion discretisation (Song 2021, eq. 46; Mei 2024 alg. 2).

    x_i = x_{i+1} + (s_{i+1}^2 - s_i^2) score + sqrt(s_{i+1}^2 - s_i^2) z; ends on the mean.
    """
    yield from _predict_correct(denoiser, x, sigmas, condition, noise, snr=None)


def predictor_corrector(
    denoiser: DenoiseFunction,
    x: Tensor,
    sigmas: Tensor,
    condition: Condition,
    noise: SeededNoise,
    snr: float = 0.16,
) -> Iterator[Step]:
    """Reverse diffusion, then one Langevin step a level (Song 2021, algorithms 2 and 4).

    `snr` sets the Langevin step size from the norms of noise and score, image by image. Mei 2024
    uses 0.4, which leaves noise behind (see the tests); 0.16 is Song's value.
    """
    yield from _predict_correct(denoiser, x, sigmas, condition, noise, snr=snr)


def _predict_correct(
    denoiser: DenoiseFunction,
    x: Tensor,
    sigmas: Tensor,
    condition: Condition,
    noise: SeededNoise,
    snr: float | None,
) -> Iterator[Step]:
    total = len(sigmas) - 1
    for i in range(total):
        s, s_next = sigmas[i].to(x), sigmas[i + 1].to(x)
        x0 = denoiser(x, _level(s, x), condition)
        score = (x0 - x) / s**2
        mean = x + (s**2 - s_next**2) * score
        if s_next == 0:
            yield Step(i + 1, total, mean)
            return
        x = mean + (s**2 - s_next**2).sqrt() * noise()
        if snr is not None:
            x0 = denoiser(x, _level(s_next, x), condition)
            score = (x0 - x) / s_next**2
            z = noise()
            step = 2 * (snr * _norm(z) / _norm(score)) ** 2
            x = x + step * score + (2 * step).sqrt() * z
        yield Step(i + 1, total, x0)


@dataclass(frozen=True)
class SamplerSpec:
    """A sampler as a user meets it: its name, its plain words, its schedule and evaluations."""

    name: str
    summary: str
    function: Callable[..., Iterator[Step]]
    schedule: Callable[[NoiseProcess, int, float], Tensor]
    default_steps: int
    evaluations_per_step: int = 1
    options: tuple[tuple[str, float], ...] = ()


SAMPLERS = {
    spec.name: spec
    for spec in (
        SamplerSpec("dpm++2m", "fast and sharp", dpm_solver, karras, 8),
        SamplerSpec(
            "leap",
            "DPM-Solver++(2M) after one leap to sigma 2: likely greys, full texture",
            dpm_solver,
            partial(leap, to=2.0),
            8,
        ),
        SamplerSpec(
            "leap-ddim",
            "DDIM after one leap to sigma 0.5: the likeliest greys, calm texture",
            euler,
            partial(leap, to=0.5),
            6,
        ),
        SamplerSpec("heun", "second order, for many steps", heun, karras, 18, 2),
        SamplerSpec("ddim", "deterministic, first order", euler, spaced, 50),
        SamplerSpec("ancestral", "DDPM's own, random at each step", ancestral, spaced, 250),
        SamplerSpec("reverse", "reverse-time SDE", reverse_diffusion, geometric, 500),
        SamplerSpec("pc", "predictor-corrector, SNR 0.16", predictor_corrector, geometric, 500, 2),
        SamplerSpec(
            "pc-paper",
            "predictor-corrector as Mei 2024 has it (SNR 0.4)",
            predictor_corrector,
            geometric,
            500,
            2,
            (("snr", 0.4),),
        ),
    )
}


@torch.no_grad()
def sample(
    denoiser: DenoiseFunction,
    sigmas: Tensor,
    condition: Condition,
    noise: SeededNoise,
    sampler: str = "dpm++2m",
    start: Tensor | None = None,
) -> Iterator[Step]:
    """Sample images: yields a `Step` after each noise level, the last one holding the result.

    Without `start` the walk begins at pure noise of sigmas[0]; with `start` (B, C, H, W) at
    start + sigmas[0] z (SDEdit, Meng 2022).
    """
    spec = SAMPLERS[sampler]
    x = noise() * float(sigmas[0])
    if start is not None:
        x = x + start.to(x)
    yield from spec.function(denoiser, x, sigmas, condition, noise, **dict(spec.options))
