"""Weights in the order that convolutions are fastest in: channels last."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}  # by the number of axes

M = TypeVar("M", bound=nn.Module)


def channels_last(module: M) -> M:
    """The module, its pictures' and volumes' weights laid out channels last (in place)."""
    for tensor in (*module.parameters(), *module.buffers()):
        if (layout := FORMATS.get(tensor.dim())) is not None:
            tensor.data = tensor.data.contiguous(memory_format=layout)
    return module
