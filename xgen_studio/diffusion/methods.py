"""The three ways the knee paper turns a mask into an image: CTM, CSM and the U-Net baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from xgen_studio.diffusion.condition import Condition
from xgen_studio.diffusion.denoiser import Denoiser
from xgen_studio.diffusion.noise import SeededNoise
from xgen_studio.diffusion.process import VE
from xgen_studio.diffusion.samplers import SAMPLERS, Step, sample

METHODS = {
    "ctm": "conditional training: the network sees the mask at every step",
    "csm": "conditional sampling: the mask only sets the start of an unconditional walk",
    "unet": "regression: one evaluation, no noise",
}

CSM_TIME = 0.4  # t0 of the knee paper
CSM_SIGMA = float(VE().sigma(torch.tensor(CSM_TIME)))  # 0.439 on [0, 1] data, twice that here


@dataclass(frozen=True)
class Plan:
    """How one method walks: sampler, falling noise levels including 0, condition and start."""

    sampler: str
    sigmas: Tensor
    condition: Condition
    start: Tensor | None = None


def plan(
    method: str,
    denoiser: Denoiser,
    condition: Condition,
    guide: Tensor,
    sampler: str,
    steps: int,
) -> Plan:
    """The walk of a method. `guide` (B, 1, H, W) is the mask as a picture in [-1, 1] (CSM only).

    CSM leaves the condition out and starts at guide + sigma(t0) z (paper, eq. 6 and algorithm 1).
    The regression takes one step, whatever was asked.
    """
    process = denoiser.process
    if method == "unet":
        sampler, steps = "ddim", 1
    spec = SAMPLERS[sampler]
    if method == "csm":
        sigmas = spec.schedule(process, steps, CSM_SIGMA)
        return Plan(sampler, sigmas, condition.blank(), guide)
    return Plan(sampler, spec.schedule(process, steps, process.sigma_max), condition)


def walk(planned: Plan, denoiser: Denoiser, noise: SeededNoise) -> Iterator[Step]:
    """Sample as planned; the last step's `x0` is the image."""
    return sample(
        denoiser, planned.sigmas, planned.condition, noise, planned.sampler, planned.start
    )
