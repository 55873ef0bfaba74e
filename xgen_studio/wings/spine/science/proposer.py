"""The proposing network as a learner, and how a bundle loads it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.bundles import NetworkCard
from xgen_studio.errors import InputError
from xgen_studio.networks import UNet3D, build_network
from xgen_studio.training.batch import Batch
from xgen_studio.training.learner import MAIN, Figures, Learner, one_phase
from xgen_studio.training.recipe import Recipe
from xgen_studio.wings.spine.science.proposal_data import CLASSES, NO_CLASS

BODY = CLASSES.index("body")


class ProposeLearner(Learner):
    """What each voxel is (`CLASSES`), and how high in its body, -1 on the lower endplate to 1 on
    the upper: two bodies that touch are told apart where the height jumps."""

    kind = "spine-proposer"

    def __init__(self, recipe: Recipe) -> None:
        where = f"recipe {recipe.name}"
        self.network = checked(build_network(recipe.network, recipe.network_options, where), where)
        self.parts = nn.ModuleDict({MAIN: self.network})
        self.phases = one_phase(recipe)

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        out = self.network(batch["image"]).float()
        logits, height = out[:, : len(CLASSES)], torch.tanh(out[:, len(CLASSES)])
        classes = batch["classes"]
        entropy = F.cross_entropy(logits, classes, ignore_index=NO_CLASS)
        known = classes != NO_CLASS
        share = logits.softmax(1) * known[:, None]
        dice = 0.0 * entropy
        for number in range(1, len(CLASSES)):
            wanted = (classes == number).float()
            overlap = 2 * (share[:, number] * wanted).sum() + 1
            dice = dice + 1 - overlap / (share[:, number].sum() + wanted.sum() + 1)
        inside = (classes == BODY).float()
        off = ((height - batch["height"]).abs() * inside).sum() / (inside.sum() + 1)
        loss = entropy + dice / (len(CLASSES) - 1) + off
        return loss, {"entropy": entropy.detach(), "height": off.detach()}

    def validate(self, batch: Batch, generator: torch.Generator) -> Figures:
        out = self.network(batch["image"]).float()
        found = out[:, : len(CLASSES)].argmax(1) == BODY
        wanted = batch["classes"] == BODY
        dice = 2 * (found & wanted).sum() / (found.sum() + wanted.sum()).clamp(min=1)
        return {"body Dice": dice}


def load_proposer(network: nn.Module, _card: NetworkCard, where: str) -> nn.Module:
    """The proposing network of a bundle."""
    return checked(network, where)


def checked(network: nn.Module, where: str) -> UNet3D:
    """The network, known to propose; InputError where it cannot."""
    if not isinstance(network, UNet3D) or network.config.outputs != len(CLASSES) + 1:
        raise InputError(f"{where}: a {type(network).__name__} proposes no vertebral bodies")
    return network
