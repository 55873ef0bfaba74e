"""A run folder: the recipe, `events.jsonl`, the checkpoint and sample images of one training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from xgen_studio.errors import DeviceError, InputError
from xgen_studio.training.distributed import join_world, leave_world
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.trainer import CHECKPOINT, Trainer

RECIPE = "recipe.toml"


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
) -> str:
    """Train `recipe_file` in the folder `run`; returns why it ended.

    With `start_from` (a bundle's safetensors file) it begins with those weights instead of random
    ones. With `resume` it goes on from the folder's checkpoint. Without, a folder that already
    holds one is refused, so that no training is lost by a forgotten flag.
    """
    recipe = load_recipe(recipe_file)
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device here; use --devices cpu (xgen devices shows what is)")
    if (run / CHECKPOINT).exists() and not resume:
        raise InputError(f"{run}: holds a training already; add --resume, or name another --run")
    world = join_world(device)
    try:
        if world.first:
            run.mkdir(parents=True, exist_ok=True)
            if recipe_file.resolve() != (run / RECIPE).resolve():
                shutil.copyfile(recipe_file, run / RECIPE)
        trainer = Trainer(recipe, data, run, world)
        if not (resume and trainer.resume()) and start_from is not None:
            trainer.start_from(start_from)
        reason = trainer.train(time_budget, should_stop, report)
        del trainer
        return reason
    finally:
        leave_world(world)
