"""Networks: what has weights. Each is built from a name and a table of options."""

from __future__ import annotations

from typing import Any

from torch import nn

from xgen_studio.errors import InputError
from xgen_studio.networks.ddpm import DDPMConfig, DDPMNet
from xgen_studio.networks.localiser import Localiser, LocaliserConfig
from xgen_studio.networks.ncsnpp import NCSNpp, NCSNppConfig
from xgen_studio.networks.unet import UNet, UNetConfig
from xgen_studio.networks.vae import VAE, VAEConfig
from xgen_studio.tables import from_table

__all__ = [
    "VAE",
    "DDPMConfig",
    "DDPMNet",
    "Localiser",
    "LocaliserConfig",
    "NCSNpp",
    "NCSNppConfig",
    "UNet",
    "UNetConfig",
    "VAEConfig",
    "build_network",
]

NETWORKS: dict[str, tuple[Any, Any]] = {
    "unet": (UNet, UNetConfig),
    "ncsnpp": (NCSNpp, NCSNppConfig),
    "ddpm": (DDPMNet, DDPMConfig),
    "vae": (VAE, VAEConfig),
    "localiser": (Localiser, LocaliserConfig),
}


def build_network(name: str, options: dict[str, Any], where: str = "network") -> nn.Module:
    """The network of that name; InputError for an unknown name, option or value."""
    if name not in NETWORKS:
        raise InputError(f"{where}: no network is called '{name}'; there is {', '.join(NETWORKS)}")
    kind, config = NETWORKS[name]
    network: nn.Module = kind(from_table(config, options, f"{where} options"))
    return network
