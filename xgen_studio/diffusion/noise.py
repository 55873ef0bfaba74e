"""Noise that depends on the seed alone: the same pixels on any device and at any batch size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class SeededNoise:
    """Standard normal noise, one CPU generator an image.

    Image i draws from its own seed, so it does not matter with which others it shares a batch,
    and CPU draws are the same whichever device then uses them.
    """

    def __init__(
        self, seeds: Sequence[int], shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        self.shape = shape
        self.device = device
        self._generators = [torch.Generator().manual_seed(int(s)) for s in seeds]

    def __len__(self) -> int:
        return len(self._generators)

    def __call__(self) -> Tensor:
        """The next draw, (B, C, H, W) float32."""
        draws = [torch.randn(self.shape, generator=g) for g in self._generators]
        return torch.stack(draws).to(self.device)
