"""A training outlives who started it, and both find it again; two never share a folder."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.tasks.calls import assert_one_line, xgen
from tests.training.toy import toy_recipe, train, write_recipe
from xgen_studio.errors import CallError, DeviceError, InputError
from xgen_studio.processes import alive
from xgen_studio.tasks.train import Start, follow, start_training, training_environment
from xgen_studio.training.known import known_runs
from xgen_studio.training.run_folder import (
    CHECKPOINT,
    LOST,
    PAUSE,
    PAUSED,
    RESUME,
    RUNNING,
    STARTING,
    STOP,
    STOPPED,
    RunFolder,
    Status,
    Training,
)

ROOT = Path(__file__).resolve().parents[2]
OLD = ROOT / "tests" / "old" / "run"


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


@pytest.fixture
def started(tmp_path, monkeypatch):
    """`xgen train` of a toy without end, in a terminal of its own: its process and its run."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    recipe, run = write_recipe(tmp_path, steps=1_000_000), tmp_path / "run"
    code = "from xgen_studio.cli.main import main; main()"
    terminal = subprocess.Popen(
        [sys.executable, "-c", code, "train", str(recipe), "--run", str(run), "--trust-code"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    folder = RunFolder(run)
    until(lambda: folder.trained and folder.status().state == RUNNING)
    yield terminal, folder
    for pid in (terminal.pid, folder.status().pid):
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    terminal.wait()


def test_a_training_outlives_kill_9_of_its_terminal_and_is_found_again(started):
    terminal, folder = started
    os.killpg(terminal.pid, signal.SIGKILL)  # the terminal, and all that it started in its session
    terminal.wait()
    step = folder.status().step
    until(lambda: folder.status().step > step + 20)
    assert folder.status().state == RUNNING
    assert [run.path for run in known_runs()] == [folder.path]
    listed = xgen("runs")
    assert str(folder.path.name) in listed.stdout and "running" in listed.stdout
    assert_one_line(
        xgen(
            "train", folder.path / "recipe.toml", "--run", folder.path, "--resume", "--trust-code"
        ),
        3,
        "a training runs in this folder",
        "--stop",
    )
    assert folder.status().state == RUNNING  # the refused one wrote nothing
    xgen("runs", "--pause", folder.path)
    until(lambda: folder.status().state == PAUSED)
    step = folder.status().step
    time.sleep(0.5)
    assert folder.status().step == step and (folder.path / CHECKPOINT).exists()
    xgen("runs", "--resume", folder.path)
    until(lambda: folder.status().step > step)
    assert xgen("runs", "--stop", folder.path).returncode == 0
    until(lambda: folder.status().state == STOPPED)
    until(lambda: not alive(folder.status().pid, folder.status().born))
    assert f"stopped at step {folder.status().step}" in folder.status().reason


def test_a_training_that_is_killed_itself_is_lost_and_goes_on(started):
    terminal, folder = started
    os.kill(folder.status().pid, signal.SIGKILL)
    until(lambda: folder.status().state == LOST)
    assert terminal.wait(30) != 0  # who followed it says so
    recipe = folder.path / "recipe.toml"
    reason = train(recipe, None, folder.path, resume=True, time_budget=0.2)
    assert reason.startswith("time budget")


def test_a_pause_is_not_counted_as_training(tmp_path):
    folder = RunFolder(tmp_path / "run")
    asked = iter([False] * 3 + [True] * 1000)

    def should_stop():
        if next(asked, True) and folder.status().state == RUNNING:
            folder.ask(PAUSE)
        if folder.status().state == PAUSED:
            time.sleep(0.4)
            folder.ask(STOP)
        return False

    train(write_recipe(tmp_path, steps=1000), None, folder.path, should_stop=should_stop)
    events, _ = folder.events()
    assert folder.status().state == STOPPED
    assert folder.status().seconds < sum(e["seconds"] for e in events[-1:]) + 0.4
    folder.ask(RESUME)


def test_two_trainings_never_share_a_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with (
        Training(folder, Status(RUNNING)).alone(),
        pytest.raises(InputError, match="another process trains here"),
    ):
        train(write_recipe(tmp_path), None, folder.path)


def test_a_run_of_before_goes_on_to_the_bit(tmp_path, monkeypatch):
    """Its recipe says `objective`, its checkpoint knows one network: both are read, and twelve
    steps more give what the trainer of then gave (tests/old/run was left at step 10 of 20)."""
    run = tmp_path / "run"
    run.mkdir()
    for file in OLD.iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    assert RunFolder(run).status().state == STOPPED
    before = load_file(run / CHECKPOINT)
    assert train(run / "recipe.toml", None, run, resume=True) == "finished at step 20"
    after = load_file(run / CHECKPOINT)
    moved = {k.removeprefix("network."): v for k, v in before.items() if k.startswith("network.")}
    assert {f"part.network.{k}" for k in moved} <= after.keys()
    apart = [float((after[f"part.network.{k}"] - v).abs().max()) for k, v in moved.items()]
    assert 0 < max(apart) < 0.1  # it went on from there: ten steps of 2e-3


def test_a_recipe_that_names_its_data_as_before_is_the_same_training(tmp_path):
    from xgen_studio.registry import registered
    from xgen_studio.training.recipe import parse_recipe
    from xgen_studio.training.run import check_same_training

    former, today = next(iter(registered("former").items()))
    old, new, other = (
        parse_recipe({"name": "r", "dataset": name}, "here") for name in (former, today, "a:b")
    )
    check_same_training(old, new, tmp_path)
    with pytest.raises(InputError, match="other values of dataset"):
        check_same_training(old, other, tmp_path)


def test_code_from_elsewhere_needs_a_word_of_consent(tmp_path):
    recipe = toy_recipe(tmp_path)
    answer = xgen("train", recipe, "--run", tmp_path / "run")
    assert_one_line(answer, 2, "--trust-code")
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_a_stop_is_heard_however_early_it_comes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    recipe, run = write_recipe(tmp_path, steps=1_000_000), tmp_path / "run"
    started = start_training(Start(str(recipe), run=run, trust_code=True))
    assert started.folder.status().state == STARTING  # it loads torch still; others see it begin
    assert [one.path for one in known_runs()] == [run]
    with pytest.raises(InputError, match="a training runs in this folder"):
        start_training(Start(str(recipe), run=run, trust_code=True))
    started.folder.ask(STOP)
    assert follow(started).startswith("stopped at step 1 ")
    assert started.folder.status().state == STOPPED and not (run / "ask").exists()


def test_what_goes_wrong_behind_torchrun_is_said_in_one_line(tmp_path, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    recipe, run = write_recipe(tmp_path), tmp_path / "run"
    with pytest.raises(DeviceError, match="no such CUDA device here"):
        follow(start_training(Start(str(recipe), devices="0", run=run, trust_code=True)))
    assert not run.exists()  # it never began


def test_the_numbers_that_are_named_are_the_devices_that_are_used(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert training_environment("cuda:2,3")["CUDA_VISIBLE_DEVICES"] == "2,3"
    assert "CUDA_VISIBLE_DEVICES" not in training_environment("cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")  # numbers count among those in sight
    assert training_environment("0,2")["CUDA_VISIBLE_DEVICES"] == "4,6"
    with pytest.raises(DeviceError, match="3 only"):
        training_environment("3")
    for wrong in ("gpu", "0,0", "", "-1"):
        with pytest.raises(CallError, match="cpu, or CUDA numbers"):
            training_environment(wrong)
