"""Checkpoints: a folder entry that is either whole or absent, read without pickle.

One safetensors file holds the weights, their moving average and Adam's moments; its metadata hold
the step and the settings. Data order and noise follow from the step number, so nothing else is
needed to go on exactly where the training stopped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from xgen_studio.errors import InputError
from xgen_studio.networks.weights import save_tensors


@dataclass
class TrainState:
    """What changes while training."""

    network: nn.Module
    ema: nn.Module
    optimiser: torch.optim.Adam
    step: int = 0
    seconds: float = 0.0  # spent training, over all sittings


def _optimiser_tensors(optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    tensors = {}
    for number, state in optimiser.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimiser.{number}.{key}"] = torch.as_tensor(value)
    return tensors


def save_checkpoint(path: Path, state: TrainState) -> None:
    """Write the state; a kill at any moment leaves the old file or the new one."""
    tensors = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in state.ema.state_dict().items()}
    tensors |= _optimiser_tensors(state.optimiser)
    meta = {"xgen": json.dumps({"step": state.step, "seconds": state.seconds})}
    save_tensors(tensors, path, meta)


def load_checkpoint(path: Path, state: TrainState) -> None:
    """Read a checkpoint into `state`; InputError where file and recipe do not fit."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            meta = json.loads((file.metadata() or {}).get("xgen", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error

    def part(prefix: str) -> dict[str, Tensor]:
        return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        state.network.load_state_dict(part("network."))
        state.ema.load_state_dict(part("ema."))
    except RuntimeError as error:
        raise InputError(
            f"{path}: the checkpoint is of another network than the recipe's"
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimiser.").items():
        number, _, name = key.partition(".")
        moments.setdefault(int(number), {})[name] = value
    whole = state.optimiser.state_dict()
    whole["state"] = moments
    state.optimiser.load_state_dict(whole)
    state.step, state.seconds = int(meta["step"]), float(meta["seconds"])
