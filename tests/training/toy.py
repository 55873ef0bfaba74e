"""A tiny training set and recipe: images that are their own condition."""

import torch

from xgen_studio.training.run import run_training


class ToySet:
    """Sixteen 16 x 16 pictures of a bright square somewhere."""

    def __init__(self, scale=1.0):
        self.images = torch.full((16, 1, 16, 16), -scale)
        for i in range(16):
            self.images[i, :, i % 4 * 4 : i % 4 * 4 + 4, i // 4 * 4 : i // 4 * 4 + 4] = scale

    def __len__(self):
        return len(self.images)

    def batch(self, indices, generator, device):
        jitter = 0.01 * torch.randn(len(indices), 1, 1, 1, generator=generator)
        images = (self.images[indices] + jitter).to(device)
        return {"target": images, "condition": (images > 0).float()}


def toy_set(data, **options):
    return ToySet(**options)


def untold_set(data):
    """Three in ten of its examples are said to hear no condition."""
    made = ToySet()
    made.unconditional = 0.3
    return made


def empty_set(data):
    empty = ToySet()
    empty.images = empty.images[:0]
    return empty


RECIPE = """
name = "toy"
dataset = "tests.training.toy:toy_set"
batch = 4
steps = {steps}
checkpoint_every = 5
log_every = 2

[network_options]
condition_channels = 1
patch = 2
channels = [8, 16]
blocks = 1
heads = 2
pixel_width = 4
dropout = {dropout}

[optimiser]
rate = 2e-3
warmup = 2
ema = 0.9
"""


def write_recipe(folder, steps=10, dropout=0.0):
    path = folder / "toy.toml"
    path.write_text(RECIPE.format(steps=steps, dropout=dropout))
    return path


def toy_recipe(folder, *changes, **options):
    """A toy's recipe with some of its text replaced."""
    path = write_recipe(folder, **options)
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def train(recipe, data, run, **more):
    """Train a toy, which is code of our own."""
    return run_training(recipe, data, run, trust_code=True, **more)
