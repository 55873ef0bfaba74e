"""The learners that belong to no clinical problem: denoisers, regression, segmentation, the VAE."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.diffusion import (
    Condition,
    Denoiser,
    SeededNoise,
    build_denoiser,
    build_process,
    plan,
    walk,
)
from xgen_studio.networks import VAE, build_network
from xgen_studio.training.batch import Batch
from xgen_studio.training.learner import MAIN, Figures, Learner, one_phase
from xgen_studio.training.recipe import Recipe

WALK = ("dpm++2m", 8)  # sampler and steps of samples: quick, and sharp early in training


def condition_of(batch: Batch) -> Condition:
    """What guides the examples of a batch: its channels `condition`, its class `label`."""
    return Condition(batch.get("condition"), batch.get("label"))


class _OneNetwork(Learner):
    """One network, one optimiser."""

    def __init__(self, recipe: Recipe) -> None:
        where = f"recipe {recipe.name}"
        network = build_network(recipe.network, recipe.network_options, where)
        self.parts = nn.ModuleDict({MAIN: network})
        self.phases = one_phase(recipe)
        self.process = build_process(recipe.process, recipe.process_options, where)

    def denoiser(self) -> Denoiser:
        """The network as a denoiser."""
        return build_denoiser(self.parts[MAIN], self.process, self.kind)

    def model(self) -> nn.Module:
        return self.denoiser()

    def _drawn(self, batch: Batch, target: Tensor, seed: int, method: str) -> Tensor:
        noise = SeededNoise(
            range(seed, seed + len(target)),
            (target.shape[1], target.shape[2], target.shape[3]),
            target.device,
        )
        planned = plan(method, self.denoiser(), condition_of(batch), target, *WALK)
        *_, last = walk(planned, self.denoiser(), noise)
        return last.x0


class DenoiseLearner(_OneNetwork):
    """Score matching over the process's noise levels: E[ lambda(sigma) |D(y + sigma z) - y|^2 ].

    Batches hold `target` (B, C, H, W) in [-1, 1], and `condition` and `label` where there are any.
    """

    kind = "denoiser"

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        target = batch["target"]
        uniform = torch.rand(len(target), generator=generator)
        sigma = self.process.draw(uniform).to(target.device)
        noise = torch.randn(target.shape, generator=generator).to(target.device)
        noisy = target + sigma[:, None, None, None] * noise
        estimate = self.denoiser()(noisy, sigma, condition_of(batch))
        error = (estimate - target).square().mean((1, 2, 3))
        return (self.process.weight(sigma) * error).mean(), {}

    def sample(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor] | None:
        target = batch["target"]
        return self._drawn(batch, target, seed, "ctm")[:, :1], target[:, :1]


class L1Learner(_OneNetwork):
    """The U-Net baseline: the mean absolute error of `target` from its `condition`."""

    kind = "regression"

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        target = batch["target"]
        sigma = torch.ones(len(target), device=target.device)
        return (self.denoiser()(target, sigma, condition_of(batch)) - target).abs().mean(), {}

    def sample(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor] | None:
        return self._drawn(batch, batch["target"], seed, "unet")[:, :1], batch["target"][:, :1]


class SegmentLearner(_OneNetwork):
    """Planes `target` (B, K, H, W) in {0, 1}, -1 where not labelled, from `condition` pictures."""

    kind = "regression"

    def logits(self, batch: Batch) -> Tensor:
        """One number a plane and pixel, above 0 where it is more likely than not."""
        pictures = batch["condition"]
        logits: Tensor = self.denoiser()(
            pictures, torch.ones(len(pictures), device=pictures.device), condition_of(batch)
        )
        return logits

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        return segmentation_loss(self.logits(batch), batch["target"]), {}

    def sample(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor] | None:
        shown = self.logits(batch)[:, :1].sigmoid()
        return shown * 2 - 1, batch["target"][:, :1].clamp(0, 1) * 2 - 1


class VAELearner(_OneNetwork):
    """A variational autoencoder (Kingma 2014) of `target` (B, C, H, W)."""

    kind = "vae"

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        network = self.parts[MAIN]
        assert isinstance(network, VAE)
        return network.loss(batch["target"]), {}

    def sample(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor] | None:
        target = batch["target"]
        return self._drawn(batch, target, seed, "vae")[:, :1], target[:, :1]


LEARNERS: dict[str, type[Learner]] = {
    "denoise": DenoiseLearner,
    "l1": L1Learner,
    "segment": SegmentLearner,
    "vae": VAELearner,
}


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of independent labels plus soft Dice, (B, K, H, W) each.

    Targets are in [0, 1]; -1 means "not labelled here" and does not count.
    """
    known = (target >= 0).to(logits.dtype)
    target = target.clamp(min=0)
    entropy = F.binary_cross_entropy_with_logits(logits, target, known)
    p = logits.sigmoid() * known
    overlap = 2 * (p * target).sum((0, 2, 3)) + 1
    dice = overlap / (p.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 1)
    return entropy + (1 - dice).mean()
