"""What a training optimises: parts with weights, phases that move them, a loss for each phase."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xgen_studio.training.batch import Batch
from xgen_studio.training.recipe import Optimiser, Recipe

MAIN = "network"  # the part that a training with one network has
Figures = Mapping[str, Tensor]  # scalars by name, on the device: nobody waits for them


@dataclass(frozen=True)
class Phase:
    """One optimiser's share of a step: the parts it moves, and every how many steps it does."""

    name: str
    parts: tuple[str, ...]
    optimiser: Optimiser
    every: int = 1


class Learner(ABC):
    """Anything that has parameters and learns from batches.

    Made from a recipe alone, so that a checkpoint can be read without the training's data.

    parts     networks by name, all that has weights
    averaged  names of the parts whose moving average is kept; samples and bundles use it
    phases    in the order of a step; each computes its loss anew, after the one before has moved
    kind      how a bundle loads the main part, see `bundles.kinds`
    """

    parts: nn.ModuleDict
    averaged: tuple[str, ...] = (MAIN,)
    phases: tuple[Phase, ...]
    kind: str

    @abstractmethod
    def __init__(self, recipe: Recipe) -> None: ...

    @abstractmethod
    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        """The loss of one phase, and figures to log beside it. All that is random comes from the
        generator, or, as dropout does, from torch's own, which every step seeds."""

    def sample(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor] | None:
        """Pictures (B, 1, H, W) in [-1, 1]: what the learner makes of a batch, and what is true.
        None where there is nothing to look at."""
        return None

    def validate(self, batch: Batch, generator: torch.Generator) -> Figures:
        """Figures of a batch that is not trained on; the first phase's loss unless a learner knows
        better."""
        loss, figures = self.loss(self.phases[0].name, batch, generator)
        return {"loss": loss, **figures}

    def model(self) -> nn.Module:
        """What a bundle would load: the main part as it is used after the training."""
        part: nn.Module = self.parts[MAIN]
        return part


def one_phase(recipe: Recipe) -> tuple[Phase, ...]:
    """The phases of a learner with one network and one optimiser."""
    return (Phase(MAIN, (MAIN,), recipe.optimiser),)
