"""Networks: what has weights. Each is built from a name and a table of options."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import nn

from xgen_studio.errors import InputError
from xgen_studio.networks.ddpm import DDPMConfig, DDPMNet
from xgen_studio.networks.healthivert import HealthiVert, HealthiVertConfig
from xgen_studio.networks.localiser import Localiser, LocaliserConfig
from xgen_studio.networks.ncsnpp import NCSNpp, NCSNppConfig
from xgen_studio.networks.se_resnet import SEResNet, SEResNetConfig
from xgen_studio.networks.unet import UNet, UNetConfig
from xgen_studio.networks.unet3d import UNet3D, UNet3DConfig
from xgen_studio.networks.vae import VAE, VAEConfig
from xgen_studio.tables import from_table

__all__ = [
    "VAE",
    "DDPMConfig",
    "DDPMNet",
    "HealthiVert",
    "HealthiVertConfig",
    "Localiser",
    "LocaliserConfig",
    "NCSNpp",
    "NCSNppConfig",
    "SEResNet",
    "SEResNetConfig",
    "UNet",
    "UNet3D",
    "UNet3DConfig",
    "UNetConfig",
    "VAEConfig",
    "build_network",
]

MOST_NUMBERS = 2 * 10**9  # weights
MOST_LEVELS = 64  # levels, or blocks of one
MOST_OF_ANYTHING = 100_000  # channels, heads, time steps

NETWORKS: dict[str, tuple[Any, Any]] = {
    "unet": (UNet, UNetConfig),
    "ncsnpp": (NCSNpp, NCSNppConfig),
    "ddpm": (DDPMNet, DDPMConfig),
    "vae": (VAE, VAEConfig),
    "localiser": (Localiser, LocaliserConfig),
    "unet3d": (UNet3D, UNet3DConfig),
    "healthivert": (HealthiVert, HealthiVertConfig),
    "se-resnet": (SEResNet, SEResNetConfig),
}


def build_network(
    name: str, options: dict[str, Any], where: str = "network", most: int = MOST_NUMBERS
) -> nn.Module:
    """The network of that name; InputError for an unknown name, option or value, and for one of
    more than `most` weights, before any of them is allocated."""
    if name not in NETWORKS:
        raise InputError(f"{where}: no network is called '{name}'; there is {', '.join(NETWORKS)}")
    kind, config = NETWORKS[name]
    built = from_table(config, options, f"{where} options")
    _check_options(built, where)
    try:
        with torch.device("meta"):  # shapes alone
            count = sum(tensor.numel() for tensor in kind(built).state_dict().values())
        if count > most:
            raise InputError(
                f"{where}: its options ask for {count:,} weights, {most:,} at most are there or"
                " allowed; the options are damaged or of another network"
            )
        network: nn.Module = kind(built)
    except (ValueError, RuntimeError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"{where}: its options make no network ({error})") from error
    return network


def _check_options(config: Any, where: str) -> None:
    """InputError for numbers that no network has, such as a million blocks."""
    for field in fields(config):
        value = getattr(config, field.name)
        several = value if isinstance(value, tuple) else (value,)
        if len(several) > MOST_LEVELS or any(
            isinstance(v, int | float) and abs(v) > MOST_OF_ANYTHING for v in several
        ):
            raise InputError(f"{where}: {field.name} = {value!r:.60} is beyond any network")
    for name in ("blocks", "levels"):
        if getattr(config, name, 0) > MOST_LEVELS:
            raise InputError(f"{where}: {name} = {getattr(config, name)} is beyond any network")
