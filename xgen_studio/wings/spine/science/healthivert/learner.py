"""HealthiVert-GAN as a learner: a generator, and three judges of what it makes. The classifier of
fractures that tells it where to look. How bundles load both."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgen_studio.bundles import NetworkCard
from xgen_studio.errors import InputError
from xgen_studio.networks import HealthiVert, SEResNet, build_network
from xgen_studio.networks.healthivert import Filled
from xgen_studio.networks.patch_judge import PatchJudge
from xgen_studio.tables import from_table
from xgen_studio.training.batch import Batch
from xgen_studio.training.learner import MAIN, Figures, Learner, Phase, one_phase
from xgen_studio.training.recipe import Recipe
from xgen_studio.wings.spine.science.healthivert import losses
from xgen_studio.wings.spine.science.healthivert.cutting import BAND, Cut, composed

WHOLE, BONE, MIDDLE = JUDGES = ("judge-whole", "judge-bone", "judge-middle")
MIDDLE_COLUMNS = 70  # mm from front to back that the third judge sees
MADE = ("made picture", "made bone")  # kept in a batch between the judges' phases


@dataclass(frozen=True)
class JudgeOptions:
    """A recipe's `learner_options`."""

    judge_width: int = 64  # channels of a judge's first layer

    def __post_init__(self) -> None:
        if not 1 <= self.judge_width <= 1024:
            raise ValueError("judge_width must be from 1 to 1024")


class HealthiVertLearner(Learner):
    """Filling a band with a healthy vertebra; batches are `data.SliceSet`'s.

    A step moves the three judges, then the generator, as published. The image losses reach the
    heads that say the height: rows are mixed where it is not whole. They do where it is too large;
    where it is too small nothing is moved (see `composed`), and the height's own loss is alone.
    """

    averaged = (MAIN,)
    kind = "healthivert"

    def __init__(self, recipe: Recipe) -> None:
        where = f"recipe {recipe.name}"
        options = from_table(JudgeOptions, recipe.learner_options, f"{where}: learner_options")
        network = build_network(recipe.network, recipe.network_options, where)
        self.network = generator_of(network, where)
        width = options.judge_width
        self.parts = nn.ModuleDict(
            {
                WHOLE: PatchJudge(width),
                BONE: PatchJudge(width, spectral=True),
                MIDDLE: PatchJudge(width),
                MAIN: self.network,
            }
        )
        self.phases = tuple(
            Phase(name, (name,), recipe.optimiser_of(name)) for name in (*JUDGES, MAIN)
        )

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        if phase == MAIN:
            for name in MADE:
                batch.pop(name, None)
            return self._generator_loss(batch)
        # the generator stands still while the judges move: what it makes is the same for all three
        if MADE[0] not in batch:
            with torch.no_grad():
                filled = self.filled(batch)
            batch[MADE[0]], batch[MADE[1]] = self.restored(batch, filled), filled.bone.float()
        judge = self.parts[phase]
        real = judge(_shown(phase, batch["original"], batch["bone"], batch["band"]))
        fake = judge(_shown(phase, batch[MADE[0]], batch[MADE[1]], batch["band"]))
        return losses.judged(real, fake), {}

    def _generator_loss(self, batch: Batch) -> tuple[Tensor, Figures]:
        original, cut = batch["original"], cut_of(batch)
        filled = self.filled(batch)
        fine = self.restored(batch, filled)
        coarse = composed(original, filled.coarse.float(), cut, BAND * filled.coarse_height)
        says = [self.parts[name](_shown(name, fine, filled.bone, batch["band"])) for name in JUDGES]
        figures = {
            "fooled": losses.JUDGES * torch.stack([losses.fooled(one) for one in says]).sum(),
            "grey": losses.grey_loss(fine, coarse, original),
            "neighbours": losses.NEIGHBOURS
            * losses.dice_loss(filled.neighbours, batch["neighbours"]),
            "bone": losses.BONE * losses.dice_loss(filled.bone, batch["bone"]),
            "edges": losses.edge_loss(filled.bone, batch["bone"]),
            "height": losses.height_loss(filled.coarse_height, cut.height)
            + losses.height_loss(filled.height, cut.height),
        }
        return torch.stack(list(figures.values())).sum(), figures

    def filled(self, batch: Batch) -> Filled:
        """What the generator makes of a batch."""
        made: Filled = self.network(
            batch["masked"], batch["band"], batch["offside"], batch["suspicion"]
        )
        return made

    def restored(self, batch: Batch, filled: Filled) -> Tensor:
        """The slices (B, 1, H, W) put together around what was made."""
        return composed(batch["original"], filled.fine.float(), cut_of(batch), BAND * filled.height)

    def sample(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor] | None:
        return self.restored(batch, self.filled(batch)), batch["original"]

    def validate(self, batch: Batch, generator: torch.Generator) -> Figures:
        """Of slices that are not trained on: mean absolute error in the vertebra's rows as a share
        of the window, Dice of the bone at 0.5, relative error of the height (RHDR)."""
        filled, cut = self.filled(batch), cut_of(batch)
        rows = torch.arange(batch["original"].shape[2], device=cut.top.device)
        inside = (rows >= cut.top[:, None]) & (rows < cut.bottom[:, None])
        error = (filled.fine - batch["original"]).abs().mean(3)[:, 0] / 2
        bone = (filled.bone > 0.5).float()
        return {
            "grey": (error * inside).sum() / inside.sum(),
            "dice": 1 - losses.dice_loss(bone, batch["bone"]),
            "height": ((BAND * filled.height - cut.height).abs() / cut.height).mean(),
        }


class FractureLearner(Learner):
    """Is the vertebra of a slice fractured? Batches are `data.FractureSet`'s. Both classes weigh
    alike, however many there are."""

    kind = "fracture-classifier"

    def __init__(self, recipe: Recipe) -> None:
        where = f"recipe {recipe.name}"
        network = build_network(recipe.network, recipe.network_options, where)
        self.network = classifier_of(network, where)
        self.parts = nn.ModuleDict({MAIN: self.network})
        self.phases = one_phase(recipe)

    def loss(self, phase: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Figures]:
        logits, label = self.network(batch["picture"]).float(), batch["label"]
        count = torch.bincount(label, minlength=2).clamp_min(1)
        weight = (1 / count)[label]
        error = F.cross_entropy(logits, label, reduction="none")
        return (error * weight).sum() / weight.sum(), {}


def load_healthivert(network: nn.Module, _card: NetworkCard, where: str) -> nn.Module:
    """The generator of a bundle."""
    return generator_of(network, where)


def load_classifier(network: nn.Module, _card: NetworkCard, where: str) -> nn.Module:
    """The classifier of a bundle."""
    return classifier_of(network, where)


def generator_of(network: nn.Module, where: str) -> HealthiVert:
    """The network, known to fill slices; InputError where it does not."""
    if not isinstance(network, HealthiVert):
        raise InputError(f"{where}: a {type(network).__name__} fills no slices of a spine")
    return network


def classifier_of(network: nn.Module, where: str) -> SEResNet:
    """The network, known to tell fractured from healthy; InputError where it does not."""
    if not isinstance(network, SEResNet) or network.config.classes != 2:
        raise InputError(f"{where}: not an SE-ResNet of 2 classes; it tells no fractures")
    return network


def cut_of(batch: Batch) -> Cut:
    """Where the slices of a batch are cut."""
    return Cut(batch["top"], batch["bottom"], batch["start"])


def _shown(judge: str, picture: Tensor, bone: Tensor, band: Tensor) -> Tensor:
    """What a judge sees: the whole slice, the vertebra's mask, or the middle of the band."""
    if judge == WHOLE:
        return picture
    if judge == BONE:
        return bone.float()
    first = max(0, picture.shape[3] // 2 - MIDDLE_COLUMNS // 2)
    columns = torch.zeros_like(picture)
    columns[..., first : first + MIDDLE_COLUMNS] = 1
    return picture * band * columns
