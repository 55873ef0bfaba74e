"""Convolutions whose largest singular value is one (Miyato 2018, arXiv 1802.05957, algorithm 1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FIRST = 15  # rounds of power iteration of fresh weights; later one a step


class SpectralConv2d(nn.Conv2d):
    """A `Conv2d` that divides its weights by their spectral norm, estimated anew in training.

    torch's own parametrisation takes seconds to be built on the meta device, where the size of a
    network is checked before its weights are allocated.
    """

    u: Tensor
    v: Tensor

    def __init__(self, *shape: Any, **options: Any) -> None:
        super().__init__(*shape, **options)
        rows = self.weight.flatten(1)
        self.register_buffer("u", F.normalize(torch.randn(rows.shape[0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(rows.shape[1]), dim=0))
        if not self.weight.is_meta:
            self.estimate(FIRST)

    @torch.no_grad()
    def estimate(self, rounds: int = 1) -> None:
        """Bring the singular vectors nearer to those of the weights as they are now."""
        rows = self.weight.flatten(1).float()
        for _ in range(rounds):
            self.u.copy_(F.normalize(rows @ self.v, dim=0))
            self.v.copy_(F.normalize(rows.T @ self.u, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            if self.training:
                self.estimate()
            # copies: another call may move the vectors before this one's gradient is taken
            u, v = self.u.clone(), self.v.clone()
            norm = u @ (self.weight.flatten(1).float() @ v)
        return self._conv_forward(x, self.weight / norm, self.bias)
