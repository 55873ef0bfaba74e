"""What guides a generation, as the network sees it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Condition:
    """Mask channels (B, C, H, W) in [0, 1] and, where the model takes one, a class label (B,).

    Label -1 means "not said". A model without condition gets `channels=None`.
    """

    channels: Tensor | None = None
    label: Tensor | None = None

    def to(self, device: torch.device | str) -> Condition:
        """The same condition on another device."""
        channels = None if self.channels is None else self.channels.to(device)
        label = None if self.label is None else self.label.to(device)
        return Condition(channels, label)

    def blank(self) -> Condition:
        """The condition that says nothing: zero channels, no label (for unconditional sampling)."""
        channels = None if self.channels is None else torch.zeros_like(self.channels)
        label = None if self.label is None else torch.full_like(self.label, -1)
        return Condition(channels, label)

    def repeat(self, n: int) -> Condition:
        """Each entry n times, along the batch."""
        channels = None if self.channels is None else self.channels.repeat_interleave(n, dim=0)
        label = None if self.label is None else self.label.repeat_interleave(n, dim=0)
        return Condition(channels, label)
