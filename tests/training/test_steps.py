"""One step by hand: averages, clipping, the loss's weight; several processes against one."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.training.test_training import _start
from tests.training.toy import toy_recipe, train, write_recipe
from xgen_studio.training.distributed import World
from xgen_studio.training.learner import MAIN
from xgen_studio.training.learners import DenoiseLearner, condition_of
from xgen_studio.training.loader import Loader
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.run_folder import CHECKPOINT, RunFolder
from xgen_studio.training.trainer import Trainer

ONE = World(0, 1, torch.device("cpu"))
RUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def trainer_of(folder, *changes, **options):
    recipe = load_recipe(toy_recipe(folder, *changes, **options))
    trainer = Trainer(recipe, None, folder / "run", ONE, trust_code=True)
    return trainer, Loader(trainer.dataset, recipe, ONE)


def test_the_average_keeps_the_past_and_takes_a_little_of_the_present(tmp_path):
    trainer, loader = trainer_of(tmp_path, steps=9)
    (weights,) = [p for n, p in trainer.learner.parts.named_parameters() if "stem.weight" in n]
    (average,) = [p for n, p in trainer.averaged.parts.named_parameters() if "stem.weight" in n]
    expected = None
    for step in range(9):
        trainer.step(loader.parts(step, last=True))
        keep = min(0.9, (1 + step) / (10 + step)) if step else 0.0
        now = weights.detach().clone()
        expected = now if expected is None else keep * expected + (1 - keep) * now
        torch.testing.assert_close(average.detach(), expected, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(average, weights)
    loader.close()


def test_gradients_are_clipped_to_the_recipe_s_norm(tmp_path):
    trainer, loader = trainer_of(tmp_path, ("rate = 2e-3", "rate = 2e-3\nclip = 0.01"))
    trainer.step(loader.parts(0, last=True))
    grads = [p.grad for p in trainer.learner.parts.parameters() if p.grad is not None]
    assert torch.stack([g.norm() for g in grads]).norm().item() == pytest.approx(0.01, rel=1e-3)
    loader.close()


def test_the_ddpm_loss_is_the_error_of_the_noise(tmp_path):
    """Ho 2020, eq. 14: E |eps - eps_theta|^2, where eps_theta = (x - D(x)) / sigma."""
    change = ("[network_options]", 'process = "vp"\n[network_options]')
    trainer, loader = trainer_of(tmp_path, change)
    learner = trainer.learner
    assert isinstance(learner, DenoiseLearner)
    (part,) = loader.parts(0, last=True)
    state = part.generator.get_state()
    loss, _ = learner.loss(MAIN, part.batch, part.generator)
    part.generator.set_state(state)
    sigma = learner.process.draw(torch.rand(4, generator=part.generator))[:, None, None, None]
    noise = torch.randn(part.batch["target"].shape, generator=part.generator)
    noisy = part.batch["target"] + sigma * noise
    clean = learner.denoiser()(noisy, sigma.flatten(), condition_of(part.batch))
    expected = (noise - (noisy - clean) / sigma).square().mean()
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-5)
    loader.close()


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_batch_in_two_parts_sees_what_two_processes_see(tmp_path, dropout):
    """Two processes against one that takes the same batch in two parts: the same examples, noise
    and dropout, so the same weights, up to the order of the sums (steps of 2e-3 here)."""
    fixed = ("batch = 4", 'batch = 4\nprecision = "float32"')
    recipe = toy_recipe(tmp_path, fixed, steps=4, dropout=dropout)
    child = _start(recipe, tmp_path / "two", launcher=RUN)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors[-2000:]
    halves = toy_recipe(
        tmp_path, fixed, ("batch = 4", "batch = 4\naccumulate = 2"), steps=4, dropout=dropout
    )
    train(halves, None, tmp_path / "one")
    two, one = (load_file(tmp_path / run / CHECKPOINT) for run in ("two", "one"))
    assert two.keys() == one.keys()
    for key in one:
        if key.startswith(("part.", "average.")):
            torch.testing.assert_close(two[key], one[key], rtol=0, atol=2e-5, msg=key)


def test_a_checkpoint_of_one_process_goes_on_in_two(tmp_path):
    recipe = write_recipe(tmp_path, steps=12)
    stops = iter([False] * 5 + [True])
    train(recipe, None, tmp_path / "run", should_stop=lambda: next(stops))
    child = _start(recipe, tmp_path / "run", "--resume", launcher=RUN)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors[-2000:]
    assert RunFolder(tmp_path / "run").status().step == 12


def test_parts_that_a_phase_does_not_move_stay(tmp_path):
    trainer, loader = trainer_of(tmp_path)
    trainer.learner.parts["other"] = nn.Linear(2, 2)
    before = trainer.learner.parts["other"].weight.clone()
    trainer._average = lambda: None  # of the recipe's own parts
    trainer.step(loader.parts(0, last=True))
    assert torch.equal(trainer.learner.parts["other"].weight, before)
    loader.close()


def test_the_contract_is_read_without_torch():
    code = (
        "import sys, xgen_studio.training.run_folder, xgen_studio.training.known;"
        "assert 'torch' not in sys.modules and 'PySide6' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_next_batch_is_made_while_the_device_works(tmp_path):
    trainer, _ = trainer_of(tmp_path)
    asked = []
    batch = trainer.dataset.batch
    trainer.dataset.batch = lambda i, *rest: asked.append(i.tolist()) or batch(i, *rest)
    loader = Loader(trainer.dataset, trainer.recipe, ONE)
    first = loader.parts(0, last=False)
    loader._ahead[1].result()
    assert len(asked) == 2  # step 1 is there before anybody asks for it
    second = loader.parts(1, last=True)
    assert len(asked) == 2 and not loader._ahead
    loader.close()
    alone = Loader(trainer.dataset, trainer.recipe, ONE).parts(1, last=True)
    assert torch.equal(second[0].batch["target"], alone[0].batch["target"])
    assert not torch.equal(first[0].batch["target"], second[0].batch["target"])
