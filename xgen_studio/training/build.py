"""From a recipe to objects: network, process, denoiser, training set."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from xgen_studio.diffusion import Denoiser, NoiseProcess, build_denoiser, build_process
from xgen_studio.errors import InputError
from xgen_studio.networks import build_network
from xgen_studio.training.batch import TrainingSet
from xgen_studio.training.recipe import Recipe


def make_network(recipe: Recipe) -> nn.Module:
    """The recipe's network, freshly initialised."""
    return build_network(recipe.network, recipe.network_options, f"recipe {recipe.name}")


def make_process(recipe: Recipe) -> NoiseProcess:
    """The recipe's noise process."""
    return build_process(recipe.process, recipe.process_options, f"recipe {recipe.name}")


def make_denoiser(recipe: Recipe) -> Denoiser:
    """Network and process as one denoiser (for objectives 'l1' and 'segment': a regression)."""
    regression = recipe.objective in ("l1", "segment")
    return build_denoiser(make_network(recipe), make_process(recipe), regression=regression)


def make_dataset(recipe: Recipe, data: Path | None) -> TrainingSet:
    """The recipe's training set, from the data folder.

    The recipe names a factory by import path, so that training need not know any anatomy.
    """
    module, _, function = recipe.dataset.partition(":")
    try:
        factory: Any = getattr(import_module(module), function)
        if not callable(factory):
            raise AttributeError(f"'{function}' is no function")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"recipe {recipe.name}: dataset '{recipe.dataset}' cannot be found ({error})"
        ) from error
    try:
        dataset: TrainingSet = factory(data, **recipe.dataset_options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"recipe {recipe.name}: dataset_options do not fit ({error})") from error
    return dataset
