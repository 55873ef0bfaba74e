"""A run folder: the recipe, `events.jsonl`, the checkpoint and sample images of one training."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from xgen_studio.diffusion import Denoiser
from xgen_studio.errors import CallError, DeviceError, InputError
from xgen_studio.imaging import make_folder
from xgen_studio.networks.memory import memory_guard
from xgen_studio.training.build import make_denoiser
from xgen_studio.training.checkpoint import TrainState, load_checkpoint
from xgen_studio.training.distributed import join_world, leave_world
from xgen_studio.training.origin import note_origin
from xgen_studio.training.recipe import Recipe, load_recipe
from xgen_studio.training.trainer import CHECKPOINT, Trainer

RECIPE = "recipe.toml"

# What a resumed training may not change: it would be another training under the same name.
FIXED = (
    "dataset",
    "dataset_options",
    "network",
    "network_options",
    "process",
    "process_options",
    "objective",
    "batch",
    "seed",
)


def parse_budget(text: str) -> float:
    """'90s', '9m', '2h' or plain seconds -> seconds; CallError for anything else."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise CallError(f"time budget '{text}': write 90s, 9m or 2h")
    return seconds


def check_same_training(old: Recipe, new: Recipe, run: Path) -> None:
    """InputError where a run is to be resumed with another recipe than it was started with."""
    changed = [key for key in FIXED if getattr(old, key) != getattr(new, key)]
    if changed:
        raise InputError(
            f"{run}: was started with other values of {', '.join(changed)};"
            " resume it with its own recipe, or name another run folder"
        )


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
    if device not in ("cpu", "cuda"):
        raise CallError(f"device '{device}': a training runs on cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device here; use --devices cpu (xgen devices shows what is)")
    if (run / CHECKPOINT).exists():
        if not resume:
            raise InputError(
                f"{run}: holds a training already; add --resume, or name another run folder"
            )
        check_same_training(load_recipe(run / RECIPE), recipe, run)
    world = join_world(device)
    with memory_guard(world.device):
        trainer = Trainer(recipe, data, run, world)
        if world.first:
            make_folder(run)
            if recipe_file.resolve() != (run / RECIPE).resolve():
                shutil.copyfile(recipe_file, run / RECIPE)
        if not (resume and trainer.resume()) and start_from is not None:
            trainer.start_from(start_from)
            if world.first:
                note_origin(run, start_from)
        reason = trainer.train(time_budget, should_stop, report)
    del trainer
    leave_world(world)  # not after an error: the others wait elsewhere, torchrun ends them
    return reason


def trained(run: Path) -> tuple[Denoiser, int]:
    """The averaged weights of a run, and the steps it took to them."""
    recipe = load_recipe(run / RECIPE)
    plain, average = make_denoiser(recipe), make_denoiser(recipe)
    state = TrainState(plain.network, average.network, torch.optim.Adam(plain.parameters()))
    load_checkpoint(run / CHECKPOINT, state)
    return average.eval(), state.step
