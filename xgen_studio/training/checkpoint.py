"""Checkpoints: a folder entry that is either whole or absent, read without pickle.

One safetensors file holds the weights of every part, the moving averages and Adam's moments; its
metadata hold the step and what else a step depends on. Data order and noise follow from the step
number, so nothing else is needed to go on exactly where the training stopped.

Names: `part.PART.KEY`, `average.PART.KEY`, `optimiser.PHASE.N.KEY`. Checkpoints of before had one
network: `network.KEY`, `ema.KEY`, `optimiser.N.KEY`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json
from xgen_studio.networks.weights import save_tensors
from xgen_studio.training.learner import MAIN, Learner


@dataclass
class TrainState:
    """What changes while training."""

    parts: nn.ModuleDict
    averages: nn.ModuleDict  # of the parts that have one
    optimisers: dict[str, torch.optim.Adam]  # by phase
    step: int = 0
    seconds: float = 0.0  # spent training, over all sittings
    window: dict[str, float] = field(default_factory=dict)  # sums since the last event ...
    counts: dict[str, int] = field(default_factory=dict)  # ... and of how many values each


def _moments(state: TrainState) -> dict[str, Tensor]:
    return {
        f"optimiser.{phase}.{number}.{key}": torch.as_tensor(value)
        for phase, optimiser in state.optimisers.items()
        for number, values in optimiser.state_dict()["state"].items()
        for key, value in values.items()
    }


def save_checkpoint(path: Path, state: TrainState) -> None:
    """Write the state; a kill at any moment leaves the old file or the new one."""
    tensors = {f"part.{k}": v for k, v in state.parts.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in state.averages.state_dict().items()}
    tensors |= _moments(state)
    card = {
        "step": state.step,
        "seconds": state.seconds,
        "window": state.window,
        "counts": state.counts,
    }
    save_tensors(tensors, path, {"xgen": json.dumps(card)})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The card and the tensors of a checkpoint, under today's names."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            card = parse_json((file.metadata() or {}).get("xgen", "{}"), f"{path}: its card")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error
    if not isinstance(card, dict) or not isinstance(card.get("step"), int):
        raise InputError(f"{path}: does not say its step; it is damaged or no checkpoint")
    if any(key.startswith("network.") for key in tensors):
        today = {
            "network.": f"part.{MAIN}.",
            "ema.": f"average.{MAIN}.",
            "optimiser.": f"optimiser.{MAIN}.",
        }
        tensors = {
            new + key.removeprefix(old): value
            for key, value in tensors.items()
            for old, new in today.items()
            if key.startswith(old)
        }
    return card, tensors


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def load_checkpoint(path: Path, state: TrainState) -> None:
    """Read a checkpoint into `state`; InputError where file and recipe do not fit, or where a
    weight is no finite number: nothing good comes from going on with it."""
    card, tensors = _read(path)
    broken = sorted(
        k for k, v in tensors.items() if v.is_floating_point() and not v.isfinite().all()
    )
    if broken:
        raise InputError(
            f"{path}: {len(broken)} of its tensors hold numbers that are not finite (first:"
            f" {broken[0]}); go back to an older checkpoint, or train anew"
        )
    try:
        state.parts.load_state_dict(_under(tensors, "part."))
        state.averages.load_state_dict(_under(tensors, "average."))
    except RuntimeError as error:
        raise InputError(
            f"{path}: the checkpoint is of another network than the recipe's"
        ) from error
    for phase, optimiser in state.optimisers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(tensors, f"optimiser.{phase}.").items():
            number, _, name = key.partition(".")
            moments.setdefault(int(number), {})[name] = value
        whole = optimiser.state_dict()
        whole["state"] = moments
        optimiser.load_state_dict(whole)
    state.step, state.seconds = int(card["step"]), float(card["seconds"])
    state.counts = {str(k): int(v) for k, v in card.get("counts", {}).items()}
    window = card.get("window", {}).items()  # one of before counted steps: its sums are let go
    state.window = {str(k): float(v) for k, v in window if k in state.counts}


def load_average(path: Path, learner: Learner) -> int:
    """Read a checkpoint's weights into a learner, averaged where there is an average; returns the
    step they were taken at."""
    card, tensors = _read(path)
    weights = _under(tensors, "part.") | _under(tensors, "average.")
    if any(v.is_floating_point() and not v.isfinite().all() for v in weights.values()):
        raise InputError(f"{path}: holds weights that are not finite numbers; train it anew")
    try:
        learner.parts.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"{path}: the checkpoint is of another network than the recipe's"
        ) from error
    return int(card["step"])
