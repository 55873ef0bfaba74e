"""Kinds of models: how the network of a card becomes what tasks use.

A kind is a name in the card and a function (network, card, where) -> module. Those of diffusion are
here; a wing registers its own (`Wing.loaders`).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from xgen_studio.bundles.card import NetworkCard
from xgen_studio.diffusion import build_denoiser, build_process
from xgen_studio.errors import InputError
from xgen_studio.registry import registered
from xgen_studio.wing import resolve

Loader = Callable[[nn.Module, NetworkCard, str], nn.Module]
DENOISERS = ("denoiser", "regression", "vae")


def as_denoiser(network: nn.Module, card: NetworkCard, where: str) -> nn.Module:
    """A network that estimates the clean picture, with its noise process."""
    process = build_process(card.process, card.process_options, where)
    return build_denoiser(network, process, card.kind)


def loader_of(kind: str, where: str) -> Loader:
    """The loader of a kind; InputError says which there are."""
    if kind in DENOISERS:
        return as_denoiser
    places = registered("loaders")
    if kind not in places:
        known = ", ".join([*DENOISERS, *places])
        raise InputError(f"{where}: no kind of model is called '{kind}'; there is {known}")
    loader: Loader = resolve(places[kind])
    return loader
