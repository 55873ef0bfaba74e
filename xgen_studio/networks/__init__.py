"""Networks: what has weights. Each is built from a name and a table of options."""

from __future__ import annotations

from typing import Any

from torch import nn

from xgen_studio.networks.unet import UNet, UNetConfig

__all__ = ["UNet", "UNetConfig", "build_network"]


def build_network(name: str, options: dict[str, Any]) -> nn.Module:
    """The network of that name; ValueError for an unknown name or option."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in options.items()
    }
    if name == "unet":
        return UNet(UNetConfig(**values))
    if name == "ncsnpp":
        from xgen_studio.networks.ncsnpp import NCSNpp, NCSNppConfig

        return NCSNpp(NCSNppConfig(**values))
    raise ValueError(f"unknown network '{name}'; known: unet, ncsnpp")
