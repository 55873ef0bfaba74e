"""Train a recipe in a run folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from xgen_studio.errors import CallError, Cancelled, DeviceError, InputError, XGenError
from xgen_studio.networks.memory import memory_guard
from xgen_studio.registry import registered
from xgen_studio.training.build import make_learner
from xgen_studio.training.checkpoint import load_average
from xgen_studio.training.distributed import World, join_world, leave_world
from xgen_studio.training.known import remember
from xgen_studio.training.learner import Learner
from xgen_studio.training.origin import note_origin
from xgen_studio.training.recipe import Recipe, load_recipe
from xgen_studio.training.run_folder import (
    CHECKPOINT,
    FAILED,
    FINISHED,
    RECIPE,
    RUNNING,
    STARTING,
    STOPPED,
    RunFolder,
    Status,
    Training,
)
from xgen_studio.training.trainer import Trainer

# What a resumed training may not change: it would be another training under the same name.
FIXED = (
    "dataset",
    "dataset_options",
    "network",
    "network_options",
    "process",
    "process_options",
    "learner",
    "learner_options",
    "batch",
    "seed",
)


def check_same_training(old: Recipe, new: Recipe, run: Path) -> None:
    """InputError where a run is to be resumed with another recipe than it was started with."""
    changed = [key for key in FIXED if _value(old, key) != _value(new, key)]
    if changed:
        raise InputError(
            f"{run}: was started with other values of {', '.join(changed)};"
            " resume it with its own recipe, or name another run folder"
        )


def _value(recipe: Recipe, key: str) -> Any:
    """A recipe's value; a data set goes by the name it has today."""
    value = getattr(recipe, key)
    return registered("former").get(value, value) if key == "dataset" else value


def run_training(
    recipe_file: Path,
    data: Path | None,
    run: Path,
    *,
    device: str = "cpu",
    devices: str = "",
    resume: bool = False,
    start_from: Path | None = None,
    time_budget: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    report: Callable[[dict[str, float]], None] = lambda event: None,
    trust_code: bool = False,
) -> str:
    """Train `recipe_file` in the folder `run`; returns why it ended.

    With `start_from` (a bundle's safetensors file) it begins with those weights instead of random
    ones. With `resume` it goes on from the folder's checkpoint. Without, a folder that already
    holds one is refused, so that no training is lost by a forgotten flag. `trust_code` lets a
    recipe name a data set or learner by import path. `devices` are the call's words for the status.
    """
    recipe = load_recipe(recipe_file)
    _check_folder(RunFolder(run), recipe, resume)
    if device not in ("cpu", "cuda"):
        raise CallError(f"device '{device}': a training runs on cpu or cuda")
    if device == "cuda" and int(os.environ.get("LOCAL_RANK", "0")) >= torch.cuda.device_count():
        raise DeviceError("no such CUDA device here; use --devices cpu (xgen devices shows all)")
    world = join_world(device)
    training = _training(RunFolder(run), recipe, data, world, devices) if world.first else None
    with memory_guard(world.device), training.alone() if training is not None else nullcontext():
        _check_folder(RunFolder(run), recipe, resume)  # again: now nobody else can begin here
        try:
            if training is not None:
                if recipe_file.resolve() != (run / RECIPE).resolve():
                    shutil.copyfile(recipe_file, run / RECIPE)
                training.say()  # who waits for it sees that it begins
                remember(run)
            trainer = Trainer(recipe, data, run, world, trust_code)
            reason = _run(trainer, training, resume, start_from, time_budget, should_stop, report)
        except BaseException as error:
            if training is not None:
                _ended_badly(training, error)
            raise
    del trainer
    leave_world(world)  # not after an error: the others wait elsewhere, torchrun ends them
    return reason


def _check_folder(folder: RunFolder, recipe: Recipe, resume: bool) -> None:
    """InputError where a training that is there would be lost, or become another one."""
    folder.check_resume(resume)
    if folder.trained:
        check_same_training(load_recipe(folder.path / RECIPE), recipe, folder.path)


def _training(
    folder: RunFolder, recipe: Recipe, data: Path | None, world: World, devices: str
) -> Training:
    before = folder.status()
    status = Status(
        STARTING,
        step=before.step,
        steps=recipe.steps,
        seconds=before.seconds,
        facts=before.facts,
        device=_words(world),
        devices=devices or world.device.type,
        processes=world.size,
        data=str(data.resolve()) if data else "",
    )
    return Training(folder, status)


def _words(world: World) -> str:
    if world.device.type == "cuda":
        return f"{world.device} ({torch.cuda.get_device_name(world.device)})"
    return f"{world.device}, {torch.get_num_threads()} threads"


def _run(
    trainer: Trainer,
    training: Training | None,
    resume: bool,
    start_from: Path | None,
    time_budget: float | None,
    should_stop: Callable[[], bool],
    report: Callable[[dict[str, float]], None],
) -> str:
    run, examples = trainer.run, trainer.dataset
    if training is not None:
        unconditional = getattr(examples, "unconditional", 0.0)
        facts = {"examples": len(examples), "unconditional": unconditional}
        training.say(state=RUNNING, facts=facts)
    if not (resume and trainer.resume(training)) and start_from is not None:
        trainer.start_from(start_from)
        if training is not None:
            note_origin(run, start_from)
    reason = trainer.train(training, time_budget, should_stop, report)
    if training is not None:
        finished = trainer.state.step >= trainer.recipe.steps
        training.say(
            state=FINISHED if finished else STOPPED, reason=reason, step=trainer.state.step
        )
    return reason


def _ended_badly(training: Training, error: BaseException) -> None:
    """Leave word of what went wrong for whoever watches."""
    known = isinstance(error, XGenError)
    reason = str(error) if known else f"{type(error).__name__}: {error}"
    code = error.exit_code if isinstance(error, XGenError) else 1
    state = STOPPED if isinstance(error, Cancelled | KeyboardInterrupt) else FAILED
    training.say(state=state, reason=" ".join(reason.split()), exit_code=code)


def trained(run: Path, trust_code: bool = False) -> tuple[Learner, int]:
    """The averaged weights of a run, and the steps it took to them."""
    learner = make_learner(load_recipe(run / RECIPE), trust_code)
    step = load_average(run / CHECKPOINT, learner)
    learner.parts.eval()
    return learner, step
