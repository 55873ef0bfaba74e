"""The localiser as a learner, and how a bundle loads it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xgen_studio.bundles import NetworkCard
from xgen_studio.errors import InputError
from xgen_studio.networks import Localiser, build_network
from xgen_studio.training.batch import Batch
from xgen_studio.training.learner import MAIN, Figures, Learner, one_phase
from xgen_studio.training.recipe import Recipe


class LocaliseLearner(Learner):
    """Landmarks of radiographs: batches hold `image` (B, 1, H, W) in [-1, 1] and `landmarks`
    (B, 37, 2), shares of width and height."""

    kind = "localiser"

    def __init__(self, recipe: Recipe) -> None:
        where = f"recipe {recipe.name}"
        self.network = checked(build_network(recipe.network, recipe.network_options, where), where)
        self.parts = nn.ModuleDict({MAIN: self.network})
        self.phases = one_phase(recipe)

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        return self.network.loss(batch["image"], batch["landmarks"]), {}

    def validate(self, batch: Batch, generator: torch.Generator) -> Figures:
        found = self.network(batch["image"])[0]
        apart = (found - batch["landmarks"]) * torch.tensor(batch["image"].shape[-1:-3:-1]).to(
            found
        )
        return {"error px": apart.norm(dim=2).mean()}


def load_localiser(network: nn.Module, _card: NetworkCard, where: str) -> nn.Module:
    """The localiser of a bundle."""
    return checked(network, where)


def checked(network: nn.Module, where: str) -> Localiser:
    """The network, known to be a localiser; InputError where it is not."""
    if not isinstance(network, Localiser):
        raise InputError(f"{where}: a {type(network).__name__} finds no landmarks")
    return network
