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
    recipe name a data set or learner by import path.
    """
    recipe = load_recipe(recipe_file)
    if device not in ("cpu", "cuda"):
        raise CallError(f"device '{device}': a training runs on cpu or cuda")
    if device == "cuda" and int(os.environ.get("LOCAL_RANK", "0")) >= torch.cuda.device_count():
        raise DeviceError("no such CUDA device here; use --devices cpu (xgen devices shows all)")
    folder = RunFolder(run)
    if folder.trained:
        if not resume:
            raise InputError(
                f"{run}: holds a training already; add --resume, or name another run folder"
            )
        check_same_training(load_recipe(run / RECIPE), recipe, run)
    world = join_world(device)
    with memory_guard(world.device):
        trainer = Trainer(recipe, data, run, world, trust_code)
        training = _training(folder, trainer, data) if world.first else None
        with training.alone() if training is not None else nullcontext():
            try:
                reason = _run(
                    trainer,
                    training,
                    recipe_file,
                    resume,
                    start_from,
                    time_budget,
                    should_stop,
                    report,
                )
            except BaseException as error:
                if training is not None:
                    _ended_badly(training, error)
                raise
    del trainer
    leave_world(world)  # not after an error: the others wait elsewhere, torchrun ends them
    return reason


def _training(folder: RunFolder, trainer: Trainer, data: Path | None) -> Training:
    recipe, world, examples = trainer.recipe, trainer.world, trainer.dataset
    status = Status(
        STARTING,
        steps=recipe.steps,
        device=_words(world),
        devices=_devices(world),
        processes=world.size,
        data=str(data.resolve()) if data else "",
        facts={"examples": len(examples), "unconditional": getattr(examples, "unconditional", 0.0)},
    )
    return Training(folder, status)


def _devices(world: World) -> str:
    if world.device.type != "cuda":
        return "cpu"
    numbers = map(str, range(world.size))
    return os.environ.get("CUDA_VISIBLE_DEVICES", "") or ",".join(numbers)


def _words(world: World) -> str:
    if world.device.type == "cuda":
        return f"{world.device} ({torch.cuda.get_device_name(world.device)})"
    return f"{world.device}, {torch.get_num_threads()} threads"


def _run(
    trainer: Trainer,
    training: Training | None,
    recipe_file: Path,
    resume: bool,
    start_from: Path | None,
    time_budget: float | None,
    should_stop: Callable[[], bool],
    report: Callable[[dict[str, float]], None],
) -> str:
    run = trainer.run
    if training is not None:
        if recipe_file.resolve() != (run / RECIPE).resolve():
            shutil.copyfile(recipe_file, run / RECIPE)
        training.say(state=RUNNING)
        remember(run)
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
