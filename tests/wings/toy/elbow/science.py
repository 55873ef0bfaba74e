"""What the networks see, a data set, and a GAN: two parts, two phases, two optimisers."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from xgen_studio.diffusion import Condition
from xgen_studio.imaging import Label, LabelTable
from xgen_studio.training.learner import Learner, Phase


class Masks:
    """The condition is the mask itself."""

    table = LabelTable([Label(1, "arm", (9, 9, 9))])

    def labels_on(self, mask, grid):
        return mask.resized(grid).labels

    def window(self, mask, grid):
        return (0, 0, *mask.shape[::-1])

    def simplified(self, labels, detail):
        return labels

    def condition(self, labels, options):
        return Condition(torch.from_numpy(labels.astype(np.float32))[None, None])

    def guide(self, labels):
        return labels.astype(np.float32) * 2 - 1


class Arms:
    """Bright bars, somewhere; the mask says where."""

    unconditional = 0.25

    def __len__(self):
        return 12

    def batch(self, indices, generator, device):
        masks = torch.zeros(len(indices), 1, 8, 8)
        for row, index in zip(masks, indices.tolist(), strict=True):
            row[:, index % 8] = 1
        noise = 0.1 * torch.randn(masks.shape, generator=generator)
        return {"target": (masks * 2 - 1 + noise).to(device), "condition": masks.to(device)}


def arms(data):
    return Arms()


class Gan(Learner):
    """Pix2pix in small: the generator hears the mask, the discriminator judges pairs."""

    averaged = ("network",)
    kind = "as it is"

    def __init__(self, recipe):
        def layers(first, last):
            middle = nn.Conv2d(first, 4, 3, padding=1), nn.ReLU(), nn.Dropout(0.2)
            return nn.Sequential(*middle, nn.Conv2d(4, last, 3, padding=1))

        self.parts = nn.ModuleDict({"network": layers(1, 1), "judge": layers(2, 1)})
        self.phases = (
            Phase("draw", ("network",), recipe.optimiser_of("draw")),
            Phase("judge", ("judge",), recipe.optimiser_of("judge"), every=2),
        )

    def loss(self, phase, batch, generator):
        mask, real = batch["condition"], batch["target"]
        fake = self.parts["network"](mask) + 0.01 * torch.randn(mask.shape, generator=generator)
        if phase == "draw":
            says = self.parts["judge"](torch.cat([mask, fake], 1))
            error = (fake - real).abs().mean()
            return error + 0.1 * F.softplus(-says).mean(), {"l1": error}
        says = self.parts["judge"](torch.cat([mask, fake.detach()], 1))
        truth = self.parts["judge"](torch.cat([mask, real], 1))
        return F.softplus(says).mean() + F.softplus(-truth).mean(), {}

    def sample(self, batch, seed):
        return self.parts["network"](batch["condition"]), batch["target"]

    def validate(self, batch, generator):
        return {"l1": (self.parts["network"](batch["condition"]) - batch["target"]).abs().mean()}
