"""The ways of drawing: from a mask (CTM, CSM and U-Net of Mei et al. 2024), or several channels at
once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from xgen_studio.diffusion.condition import Condition
from xgen_studio.diffusion.denoiser import Denoiser
from xgen_studio.diffusion.noise import SeededNoise
from xgen_studio.diffusion.process import VE
from xgen_studio.diffusion.samplers import SAMPLERS, DenoiseFunction, Step, sample
from xgen_studio.wing import Method

METHODS = {
    "ctm": Method("conditional training: the network sees the mask at every step", "denoise"),
    "csm": Method(
        "conditional sampling: the mask only sets the start of an unconditional walk", "denoise"
    ),
    "unet": Method("regression: one evaluation, no noise", "l1"),
    "joint": Method("several channels drawn together, from a shape that is told", "denoise"),
    "vae": Method("a variational autoencoder's decoder: one evaluation of a random latent", "vae"),
}

CSM_TIME = 0.4  # t0 of Mei 2024
CSM_SIGMA = float(VE().sigma(torch.tensor(CSM_TIME)))  # 0.439 on [0, 1] data, twice that here


@dataclass(frozen=True)
class Plan:
    """How one method walks: sampler, falling noise levels including 0, condition and start."""

    sampler: str
    sigmas: Tensor
    condition: Condition
    start: Tensor | None = None


def plan(
    method: str, denoiser: Denoiser, condition: Condition, guide: Tensor, sampler: str, steps: int
) -> Plan:
    """The walk of a method. `guide` (B, 1, H, W) is the mask as a picture in [-1, 1] (CSM only).

    CSM leaves the condition out and starts at guide + sigma(t0) z (paper, eq. 6 and algorithm 1).
    Regression and VAE take one step, whatever was asked.
    """
    process = denoiser.process
    if method in ("unet", "vae"):
        sampler, steps = "ddim", 1
    spec = SAMPLERS[sampler]
    if method == "csm":
        sigmas = spec.schedule(process, steps, CSM_SIGMA)
        return Plan(sampler, sigmas, condition.blank(), guide)
    return Plan(sampler, spec.schedule(process, steps, process.sigma_max), condition)


@dataclass(frozen=True)
class Kept:
    """A picture that a walk draws anew in one region only.

    `picture` (B, C, H, W) in [-1, 1]; `inside` (B, 1, H, W) is 1 where it is drawn anew, 0 where it
    stays, and between them at a soft edge.
    """

    picture: Tensor
    inside: Tensor

    def around(self, denoiser: DenoiseFunction) -> DenoiseFunction:
        """The denoiser that already knows the kept part: its estimate there is the picture.

        What is kept then walks at its true noise level beside what is drawn, so that the edge is
        seen from both sides at every step (the replacement of Lugmayr 2022, RePaint, eq. 8, done
        on the estimate instead of on the noisy image).
        """

        def denoise(x: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
            x0 = denoiser(x, sigma, condition)
            return self.picture + self.inside * (x0 - self.picture)

        return denoise


def walk(
    planned: Plan, denoiser: Denoiser, noise: SeededNoise, kept: Kept | None = None
) -> Iterator[Step]:
    """Sample as planned, all of the image or a region; the last step's `x0` is the image."""
    function: DenoiseFunction = denoiser if kept is None else kept.around(denoiser)
    return sample(
        function, planned.sigmas, planned.condition, noise, planned.sampler, planned.start
    )
