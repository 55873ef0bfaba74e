"""Put a trained network into a model bundle."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomli_w

from xgen_studio.diffusion.bundle import CARD, NetworkCard
from xgen_studio.errors import InputError
from xgen_studio.imaging import atomic_write
from xgen_studio.networks.weights import save_weights
from xgen_studio.training.build import make_denoiser
from xgen_studio.training.checkpoint import TrainState, load_checkpoint
from xgen_studio.training.recipe import load_recipe
from xgen_studio.training.run import RECIPE
from xgen_studio.training.trainer import CHECKPOINT


def bundle_run(run: Path, folder: Path, network: str) -> Path:
    """Write the averaged weights of a run into a bundle's folder as `network`, and its card.

    The card (`model.toml`) must be there; its entry of that network is replaced.
    """
    import torch

    recipe = load_recipe(run / RECIPE)
    plain, average = make_denoiser(recipe), make_denoiser(recipe)
    state = TrainState(plain.network, average.network, torch.optim.Adam(plain.parameters()))
    load_checkpoint(run / CHECKPOINT, state)
    path = folder / f"{network}.safetensors"
    digest = save_weights(average.network, path)
    card = NetworkCard(
        file=path.name, sha256=digest, architecture=recipe.network,
        options=recipe.network_options, process=recipe.process,
        process_options=recipe.process_options, regression=recipe.objective != "denoise",
        steps=state.step, examples=state.step * recipe.batch,
    )  # fmt: skip
    return edit_card(folder, {"networks": {network: asdict(card)}})


def edit_card(folder: Path, changes: dict[str, Any]) -> Path:
    """Merge tables into a bundle's card, one level deep; other entries stay."""
    path = folder / CARD
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: no model card to write into ({error})") from error
    for key, table in changes.items():
        values.setdefault(key, {}).update(json.loads(json.dumps(table)))
    with atomic_write(path) as temporary:
        temporary.write_text(tomli_w.dumps(values), encoding="utf-8")
    return path
