"""Every shipped recipe can be built and takes a step."""

import numpy as np
import pytest
import torch

from tests.wings.spine.crops import crops
from xgen_studio.registry import registered, wings
from xgen_studio.training.build import make_dataset, make_learner
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.run import run_training
from xgen_studio.training.run_folder import RunFolder
from xgen_studio.wings.spine.science.proposal_data import BLOCK
from xgen_studio.wings.spine.science.raster import Tissue

ARRAYS = {
    "knee-xray": "knee-xray",
    "knee-xray-masks": "knee-xray-outlines",
    "knee-drr": "knee-drr",
    "hand-joint": "hand",
    "hand-paper": "hand",
    "hand-landmarks": "hand",
    "spine-proposal": "spine-proposal",
    "spine-slices": "spine-healthivert",
    "spine-fractures": "spine-healthivert",
}


def write_arrays(folder, name):
    """Three made-up examples of a data set."""
    rng = np.random.default_rng(0)
    held_out = np.zeros(3, bool)
    if name == "spine-healthivert":
        np.savez(folder / f"{name}.npz", **crops(3), fractured=np.array([0, 1, 0]))
        return
    if name == "hand":
        points = rng.uniform((20, 20), (170, 230), (3, 37, 2)).astype(np.float32)
        images = rng.integers(0, 256, (3, 256, 192), np.uint8)
        for kind in ("ddpm", "vae"):
            np.savez(folder / f"hand-{kind}-accepted.npz", images=images, points=points)
        np.savez(
            folder / "hand.npz",
            images=images,
            points=points,
            id=["1", "2", "3"],
            held_out=held_out,
            bent=held_out,
        )
        return
    if name == "spine-proposal":
        tissue = rng.integers(0, len(Tissue), (3, *BLOCK), np.uint8)
        height = rng.integers(-100, 100, (3, *BLOCK), np.int8)
        np.savez(folder / f"{name}.npz", tissue=tissue, height=height)
        return
    shape = (3, 256, 256) if name == "knee-drr" else (3, 162, 300)
    planes = rng.integers(0, 32, shape).astype(np.uint8) | 1
    np.savez(
        folder / f"{name}.npz",
        images=rng.integers(0, 256, shape, np.uint8),
        planes=planes,
        grade=np.array([0, 4, -1], np.int8),
        held_out=held_out,
    )


RECIPES = [path for wing in wings() for path in wing.recipes.values()]


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_a_shipped_recipe_computes_a_loss_and_its_gradient(path, tmp_path):
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    write_arrays(tmp_path, ARRAYS[recipe.dataset])
    dataset = make_dataset(recipe, tmp_path)
    learner = make_learner(recipe)
    generator = torch.Generator().manual_seed(0)
    batch = dataset.batch(torch.tensor([0, 1]), generator, torch.device("cpu"))
    if path.stem.endswith("-paper"):  # 25 M weights on the CPU: a corner is enough
        batch = {k: v[..., :64, :64] if v.ndim == 4 else v for k, v in batch.items()}
    for phase in learner.phases:
        loss, _ = learner.loss(phase.name, batch, generator)
        loss.backward()
        assert torch.isfinite(loss)
    moved = [p for p in learner.parts.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert moved


def test_a_localiser_gets_through_its_first_checkpoint_with_nothing_to_draw(tmp_path):
    """Its recipe as an issue had it: `objective`, an import path, and the default of 4 samples."""
    write_arrays(tmp_path, "hand")
    former = {v: k for k, v in registered("former").items()}["hand-landmarks"]
    recipe = tmp_path / "old.toml"
    recipe.write_text(
        f'name = "old"\ndataset = "{former}"\nnetwork = "localiser"\nobjective = "localise"\n'
        "batch = 2\nsteps = 2\ncheckpoint_every = 1\n"
        "[network_options]\nwidth = 4\npyramid = 8\nhead = 8\n"
    )
    assert run_training(recipe, tmp_path, tmp_path / "run").startswith("finished")
    folder = RunFolder(tmp_path / "run")
    assert folder.trained and folder.samples() == []
