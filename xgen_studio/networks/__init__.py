"""Networks: what has weights. Each is built from a name and a table of options."""

from __future__ import annotations

from typing import Any

from torch import nn

from xgen_studio.errors import InputError
from xgen_studio.networks.ncsnpp import NCSNpp, NCSNppConfig
from xgen_studio.networks.unet import UNet, UNetConfig
from xgen_studio.tables import from_table

__all__ = ["NCSNpp", "NCSNppConfig", "UNet", "UNetConfig", "build_network"]

NETWORKS = {"unet": (UNet, UNetConfig), "ncsnpp": (NCSNpp, NCSNppConfig)}


def build_network(name: str, options: dict[str, Any], where: str = "network") -> nn.Module:
    """The network of that name; InputError for an unknown name, option or value."""
    if name not in NETWORKS:
        raise InputError(f"{where}: no network is called '{name}'; there is {', '.join(NETWORKS)}")
    network, config = NETWORKS[name]
    return network(from_table(config, options, f"{where} options"))
