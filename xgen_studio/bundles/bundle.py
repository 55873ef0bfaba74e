"""A folder that says everything about a model, and weights that cannot run code.

`model.toml` names the model's networks, how each was trained, the data's licence and the measured
figures; weights are safetensors whose SHA-256 is written beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xgen_studio.bundles.card import NetworkCard, bundle_card
from xgen_studio.bundles.kinds import loader_of
from xgen_studio.diffusion import Denoiser
from xgen_studio.diffusion.samplers import SAMPLERS
from xgen_studio.errors import CallError, InputError
from xgen_studio.foreign import read_toml
from xgen_studio.imaging.names import is_plain
from xgen_studio.networks import build_network
from xgen_studio.networks.layout import channels_last
from xgen_studio.networks.weights import load_weights, read_weights
from xgen_studio.paths import CARD, bundle_folders
from xgen_studio.tables import from_table

LARGEST_CARD = 2**20  # bytes
LARGEST_GRID = 8192  # px
MOST_STEPS = 10_000  # noise levels; the published processes have 1,000


@dataclass(frozen=True)
class Bundle:
    """A model bundle whose card was read; networks load when asked for."""

    folder: Path
    name: str
    title: str
    summary: str
    anatomy: str  # the wing it belongs to
    grid: tuple[int, int]  # rows, columns of what it makes
    networks: dict[str, NetworkCard]
    methods: dict[str, str]  # method (ctm, csm, unet, ...) -> network
    licence: str
    trained_on: str
    attribution: str
    limits: str
    reference: str = ""  # published table its figures stand beside ("mei2024")
    detail: str = ""  # the finest detail its conditions had in training
    sampler: str = "dpm++2m"  # how it draws best, chosen on training pictures ...
    steps: int = 8  # ... with so many noise levels
    measured: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_plain(self.name):
            raise ValueError(f"'{self.name}' is no name for a model; use letters, digits, - and _")
        if not self.methods:
            raise ValueError("no method is named in [methods]")
        if not (min(self.grid) >= 8 and max(self.grid) <= LARGEST_GRID):
            raise ValueError(f"a grid of {self.grid[1]} x {self.grid[0]} px is no picture")
        if self.sampler not in SAMPLERS or not 1 <= self.steps <= MOST_STEPS:
            raise ValueError(f"cannot sample by {self.sampler} in {self.steps} steps")
        for card in self.networks.values():
            if Path(card.file).name != card.file or card.file in ("", ".", ".."):
                raise ValueError(f"'{card.file}': weights must lie in the bundle's own folder")

    @cached_property
    def default_method(self) -> str:
        """The method used when none is named: the first of the card."""
        return next(iter(self.methods))

    def holds(self, method: str) -> bool:
        """Whether it has a method, and the network behind it."""
        return self.methods.get(method) in self.networks

    def sampling(self, sampler: str | None = None, steps: int | None = None) -> tuple[str, int]:
        """Sampler and steps: what was asked for, else the model's own.

        Another sampler without steps takes that sampler's. CallError for what cannot be."""
        if sampler is not None and sampler not in SAMPLERS:
            raise CallError(f"no sampler is called '{sampler}'; there is {', '.join(SAMPLERS)}")
        if steps is not None and not 1 <= steps <= MOST_STEPS:
            raise CallError(f"{steps} steps: from 1 to {MOST_STEPS:,} are drawn")
        if sampler is None:
            return self.sampler, steps or self.steps
        return sampler, steps or SAMPLERS[sampler].default_steps

    def network_card(self, method: str) -> NetworkCard:
        """The card of the network behind a method; CallError for a method it does not have."""
        if method not in self.methods:
            raise CallError(
                f"{self.name}: has no method '{method}'; it has {', '.join(self.methods)}"
            )
        network = self.methods[method]
        if network not in self.networks:
            raise InputError(
                f"{self.folder / CARD}: method '{method}' needs the network '{network}', which the"
                " bundle does not hold: train it and add it with xgen bundle"
            )
        return self.networks[network]

    def model(self, method: str, device: str | torch.device = "cpu") -> nn.Module:
        """Load the network behind a method, of whatever kind, in evaluation mode.

        InputError where the file is missing, is no safetensors file, or does not fit the card.
        """
        card = self.network_card(method)
        path = self.folder / card.file
        weights = read_weights(path)
        if weights.sha256 != card.sha256:
            raise InputError(
                f"{path}: its SHA-256 is {weights.sha256[:12]}..., the card says"
                f" {card.sha256[:12]}...; the weights are damaged or not this model's: install the"
                " bundle again"
            )
        where = f"{self.folder / CARD}: networks.{self.methods[method]}"
        network = build_network(card.architecture, card.options, where, most=weights.numbers)
        load_weights(network, weights)
        model = loader_of(card.kind, where)(network, card, where)
        return channels_last(model.to(device)).eval()

    def denoiser(self, method: str, device: str | torch.device = "cpu") -> Denoiser:
        """Load the network behind a method as a denoiser; CallError where it is of another kind."""
        model = self.model(method, device)
        if not isinstance(model, Denoiser):
            raise CallError(f"{self.name}: '{method}' draws no pictures")
        return model


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle's card; InputError names what is missing or wrong."""
    path = folder / CARD
    table = read_toml(path, LARGEST_CARD)
    return from_table(Bundle, {**bundle_card(table), "folder": folder}, str(path))


def open_bundle(model: str) -> Bundle:
    """The bundle of that name, or in that folder; CallError says which there are."""
    folders = bundle_folders()
    if model in folders:
        return read_bundle(folders[model])
    if (Path(model) / CARD).is_file():
        return read_bundle(Path(model))
    there = ", ".join(folders) or "none (no bundle is installed)"
    raise CallError(f"no model is called '{model}'; there is {there}")
