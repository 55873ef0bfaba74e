"""Recipes: one TOML file says a whole training."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError

OBJECTIVES = ("denoise", "l1", "segment")


@dataclass(frozen=True)
class Optimiser:
    """Adam with warm-up, clipping and an exponential moving average of the weights."""

    rate: float = 2e-4          # learning rate
    final_rate: float = 0.0     # rate at the last step (cosine); 0 = constant rate
    warmup: int = 500           # steps of linear warm-up
    clip: float = 1.0           # gradient norm limit
    ema: float = 0.999          # decay of the moving average
    beta2: float = 0.999


@dataclass(frozen=True)
class Recipe:
    """Data set, network, process, optimiser and budget of one training."""

    name: str
    dataset: str                # import path "package.module:function" of a TrainingSet factory
    dataset_options: dict[str, Any] = field(default_factory=dict)
    network: str = "unet"
    network_options: dict[str, Any] = field(default_factory=dict)
    process: str = "edm"
    process_options: dict[str, float] = field(default_factory=dict)
    objective: str = "denoise"  # denoise | l1 (the U-Net baseline) | segment
    optimiser: Optimiser = field(default_factory=Optimiser)
    batch: int = 16             # examples a step and process
    steps: int = 100_000        # length of the whole training
    precision: str = "auto"     # auto | float32 | bfloat16
    seed: int = 0
    checkpoint_every: int = 500  # steps
    log_every: int = 20          # steps
    samples: int = 8             # sample images drawn at each checkpoint


def _table(cls: type, values: dict[str, Any], where: str) -> dict[str, Any]:
    known = {f.name for f in fields(cls)}
    for key in values:
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'; known: {', '.join(sorted(known))}")
    return values


def parse_recipe(values: dict[str, Any], where: str) -> Recipe:
    """A recipe from parsed TOML; InputError names the key that does not fit."""
    values = dict(_table(Recipe, values, where))
    for key in ("name", "dataset"):
        if not isinstance(values.get(key), str):
            raise InputError(f"{where}: the recipe needs '{key} = \"...\"'")
    optimiser = _table(Optimiser, dict(values.pop("optimiser", {})), f"{where} [optimiser]")
    recipe = Recipe(optimiser=Optimiser(**optimiser), **values)
    if recipe.objective not in OBJECTIVES:
        raise InputError(
            f"{where}: objective '{recipe.objective}' is not one of {', '.join(OBJECTIVES)}"
        )
    if recipe.batch < 1 or recipe.steps < 1:
        raise InputError(f"{where}: batch and steps must be at least 1")
    return recipe


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file; InputError with one line where it cannot be used."""
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such recipe file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: not a readable TOML recipe ({error})") from error
    return parse_recipe(values, str(path))
