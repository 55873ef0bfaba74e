"""Training: it learns, it resumes exactly, it survives being killed, it runs on two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.training.toy import train, write_recipe
from xgen_studio.errors import CallError, InputError
from xgen_studio.training.batch import batch_indices, epoch_order
from xgen_studio.training.budget import parse_budget
from xgen_studio.training.learners import segmentation_loss
from xgen_studio.training.recipe import load_recipe, parse_recipe
from xgen_studio.training.run_folder import CHECKPOINT, EVENTS, FAILED, RunFolder
from xgen_studio.training.trainer import learning_rate

ROOT = Path(__file__).resolve().parents[2]


def weights(run):
    return load_file(run / CHECKPOINT)


def losses(run):
    return [json.loads(line)["loss"] for line in (run / EVENTS).read_text().splitlines()]


def test_the_loss_falls_and_the_run_folder_says_so(tmp_path):
    reason = train(write_recipe(tmp_path, steps=100), None, tmp_path / "run")
    assert reason == "finished at step 100"
    seen = losses(tmp_path / "run")
    assert sum(seen[-10:]) < 0.5 * sum(seen[:10])
    assert (tmp_path / "run" / "recipe.toml").exists()


def test_resuming_gives_the_same_weights_as_never_stopping(tmp_path):
    recipe = write_recipe(tmp_path, steps=12, dropout=0.2)
    train(recipe, None, tmp_path / "whole")
    stops = iter([False] * 6 + [True])
    train(recipe, None, tmp_path / "parts", should_stop=lambda: next(stops))
    assert json.loads(_meta(tmp_path / "parts"))["step"] == 7
    train(recipe, None, tmp_path / "parts", resume=True)
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


def _meta(run):
    from safetensors import safe_open

    with safe_open(run / CHECKPOINT, framework="pt") as file:
        return file.metadata()["xgen"]


def test_a_training_can_begin_with_the_weights_of_a_bundle(tmp_path):
    recipe = write_recipe(tmp_path, steps=60)
    train(recipe, None, tmp_path / "first")
    tensors = weights(tmp_path / "first")
    file = tmp_path / "weights.safetensors"
    save_file(
        {
            k.removeprefix("average.network."): v.half()
            for k, v in tensors.items()
            if k.startswith("average.")
        },
        file,
    )
    recipe.write_text(recipe.read_text().replace("steps = 60", "steps = 2"))
    train(recipe, None, tmp_path / "fresh")
    train(recipe, None, tmp_path / "tuned", start_from=file)
    assert losses(tmp_path / "tuned")[0] < 0.6 * losses(tmp_path / "fresh")[0]


def test_the_average_lags_behind_the_weights(tmp_path):
    train(write_recipe(tmp_path), None, tmp_path / "run")
    w = weights(tmp_path / "run")
    assert not torch.equal(w["part.network.stem.weight"], w["average.network.stem.weight"])


def test_a_time_budget_ends_a_training_early(tmp_path):
    recipe = write_recipe(tmp_path, steps=100_000)
    began = time.monotonic()
    assert train(recipe, None, tmp_path / "run", time_budget=1.0).startswith("time budget")
    assert time.monotonic() - began < 20
    assert (tmp_path / "run" / CHECKPOINT).exists()


def test_an_old_run_is_not_overwritten_by_a_forgotten_flag(tmp_path):
    recipe = write_recipe(tmp_path, steps=5)
    train(recipe, None, tmp_path / "run")
    with pytest.raises(InputError, match="--resume"):
        train(recipe, None, tmp_path / "run")


def _start(recipe, run, *more, launcher=()):
    command = [
        sys.executable,
        *launcher,
        "-m",
        "xgen_studio.training",
        str(recipe),
        "--folder",
        str(run),
        "--trust-code",
        *more,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_killed_training_leaves_a_checkpoint_it_can_go_on_from(tmp_path):
    recipe, run = write_recipe(tmp_path, steps=100_000), tmp_path / "run"
    child = _start(recipe, run)
    deadline = time.monotonic() + 60
    while not (run / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert "time budget" in train(recipe, None, run, resume=True, time_budget=0.2)


def test_interrupting_saves_and_exits_with_130(tmp_path):
    recipe, run = write_recipe(tmp_path, steps=100_000), tmp_path / "run"
    child = _start(recipe, run)
    deadline = time.monotonic() + 60
    while not (run / EVENTS).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 130
    assert (run / CHECKPOINT).exists()


def test_two_processes_train_one_model(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    child = _start(write_recipe(tmp_path, steps=6), tmp_path / "run", launcher=launcher)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors[-2000:]
    assert json.loads(_meta(tmp_path / "run"))["step"] == 6


def test_processes_share_an_epoch_without_overlap():
    seen = torch.cat(
        [batch_indices(16, 8, step, rank, 2, seed=5) for step in range(2) for rank in range(2)]
    )
    assert sorted(seen.tolist()) == list(range(16))


def test_epochs_differ_and_steps_can_be_asked_in_any_order():
    assert not torch.equal(epoch_order(50, 0, 0), epoch_order(50, 1, 0))
    late = batch_indices(16, 4, 9, 0, 1, seed=1)
    batch_indices(16, 4, 3, 0, 1, seed=1)
    assert torch.equal(late, batch_indices(16, 4, 9, 0, 1, seed=1))


def test_a_batch_across_the_end_of_an_epoch_takes_from_both():
    picked = batch_indices(6, 4, 1, 0, 1, seed=0)  # places 4..7 of epochs of 6
    assert picked[:2].tolist() == epoch_order(6, 0, 0)[4:].tolist()
    assert picked[2:].tolist() == epoch_order(6, 1, 0)[:2].tolist()


def test_learning_rate_warms_up_and_falls():
    recipe = parse_recipe(
        {
            "name": "r",
            "dataset": "x:y",
            "steps": 100,
            "optimiser": {"rate": 1.0, "final_rate": 0.1, "warmup": 10},
        },
        "here",
    )
    assert learning_rate(recipe.optimiser, 0, recipe.steps) == pytest.approx(0.1)
    assert learning_rate(recipe.optimiser, 50, recipe.steps) == pytest.approx(0.55, abs=0.01)
    assert learning_rate(recipe.optimiser, 100, recipe.steps) == pytest.approx(0.1)
    straight = replace(recipe.optimiser, fall="linear", steady=20)
    for step, rate in ((5, 0.6), (20, 1.0), (40, 0.775), (80, 0.325), (100, 0.1), (120, 0.1)):
        assert learning_rate(straight, step, recipe.steps) == pytest.approx(rate)
    with pytest.raises(ValueError, match="fall 'slow'"):
        replace(straight, fall="slow")


def test_unlabelled_pixels_do_not_count_in_the_segmentation_loss():
    logits = torch.zeros(1, 2, 4, 4)
    target = torch.zeros(1, 2, 4, 4)
    target[:, 1] = -1
    moved = logits.clone()
    moved[:, 1] = 7
    assert segmentation_loss(logits, target) == segmentation_loss(moved, target)
    moved[:, 0] = 7
    assert segmentation_loss(moved, target) > segmentation_loss(logits, target)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "TOML"),
        ('name = "a"', "dataset"),
        ('name = "a"\ndataset = "x:y"\nbach = 3', "unknown key 'bach'"),
        ('name = "a"\ndataset = "x:y"\n[optimiser]\nlr = 3', "unknown key 'lr'"),
        ('name = "a"\ndataset = "x:y"\nbatch = 0', "at least 1"),
        ('name = "a"\ndataset = "x:y"\nbatch = 1.5', "whole number"),
        ('name = "a"\ndataset = "x:y"\nsteps = "9"', "whole number"),
        ('name = "a"\ndataset = "x:y"\noptimiser = 3', "table"),
        ('name = "a"\ndataset = "x:y"\n[optimiser]\nrate = inf', "finite"),
        ('name = "a"\ndataset = "x:y"\n[optimiser]\nema = 1.5', "below 1"),
        ('name = "a"\ndataset = "x:y"\nprecision = "float16"', "precision"),
    ],
)
def test_a_bad_recipe_gets_one_line(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("patch = 2", 'patch = "2"', "whole number"),
        ("patch = 2", "patches = 2", "unknown key 'patches'"),
        ("[network_options]", 'network = "resnet"\n[network_options]', "no network"),
        ("[network_options]", 'process = "flow"\n[network_options]', "no noise process"),
        ("tests.training.toy:toy_set", "os:sep", "dataset"),
        ("tests.training.toy:toy_set", ":x", "cannot be found"),
        ("batch = 4", "batch = 4\ndataset_options = { foo = 1 }", "dataset_options"),
    ],
)
def test_what_cannot_be_built_is_said_and_the_run_folder_says_it_too(tmp_path, old, new, message):
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        train(recipe, None, tmp_path / "run")
    assert "\n" not in str(caught.value)
    folder = RunFolder(tmp_path / "run")
    assert not folder.trained and folder.status().state == FAILED
    assert folder.status().reason == str(caught.value) and folder.status().exit_code == 3


@pytest.mark.parametrize("text", ["9x", "nan", "-5", "0", ""])
def test_a_time_budget_that_is_no_time_is_a_wrong_call(text):
    with pytest.raises(CallError, match="90s, 9m or 2h"):
        parse_budget(text)


def test_a_broken_gradient_stops_before_it_reaches_the_weights(tmp_path):
    recipe = write_recipe(tmp_path, steps=50)
    recipe.write_text(recipe.read_text().replace("rate = 2e-3", "rate = 1e30"))
    with pytest.raises(InputError, match="no longer finite"):
        train(recipe, None, tmp_path / "run")
    if (tmp_path / "run" / CHECKPOINT).exists():
        assert all(torch.isfinite(t).all() for t in weights(tmp_path / "run").values())


def test_samples_are_drawn_at_every_checkpoint(tmp_path):
    train(write_recipe(tmp_path, steps=10), None, tmp_path / "run")
    names = sorted(p.name for p in (tmp_path / "run" / "samples").iterdir())
    assert names == ["0000005.png", "0000010.png"]


def test_an_empty_data_set_is_said(tmp_path):
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace("toy_set", "empty_set"))
    with pytest.raises(InputError, match="empty"):
        train(recipe, None, tmp_path / "run")


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    recipe = write_recipe(tmp_path, steps=5)
    train(recipe, None, tmp_path / "run")
    recipe.write_text(recipe.read_text().replace("[8, 16]", "[8, 24]"))
    with pytest.raises(InputError, match="other values of network_options"):
        train(recipe, None, tmp_path / "run", resume=True)
    assert "[8, 16]" in (tmp_path / "run" / "recipe.toml").read_text()  # the run keeps its own
    (tmp_path / "run" / "recipe.toml").write_text(recipe.read_text())
    with pytest.raises(InputError, match="another network"):
        train(recipe, None, tmp_path / "run", resume=True)
