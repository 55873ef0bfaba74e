"""What a wing hands to the trainer: numbered examples, made into batches on demand."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

Batch = dict[str, Tensor]  # named tensors, the first axis of each counts the examples


class TrainingSet(Protocol):
    """Examples to train on. Everything random in a batch comes from the generator handed in.

    A set whose examples leave their condition out now and then says how often, as a share, in
    `unconditional`.
    """

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        """The examples of these indices, augmented, on the device."""
        ...


def epoch_order(length: int, epoch: int, seed: int) -> Tensor:
    """The order of one pass over the data: the same for everyone who knows (epoch, seed)."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(length, generator=generator)


def batch_indices(length: int, batch: int, step: int, rank: int, world: int, seed: int) -> Tensor:
    """The example numbers of one step on one of `world` processes: (batch / world,).

    A function of its arguments only: that is what makes resume exact, also on another number of
    devices. `batch` counts the examples of all processes together.
    """
    share = batch // world
    first = step * batch + rank * share
    places = torch.arange(first, first + share)
    picked = torch.empty(share, dtype=torch.long)
    for epoch in (places // length).unique().tolist():
        inside = places // length == epoch
        picked[inside] = epoch_order(length, epoch, seed)[places[inside] % length]
    return picked


def step_seed(seed: int, step: int, slot: int) -> int:
    """The seed of everything random in one slot of one step. A process's share of a batch is one
    slot, or several where it is taken in parts: two processes see what one sees in two parts."""
    return (seed * 7_919 + step) * 1_009 + slot


def step_generator(seed: int, step: int, slot: int) -> torch.Generator:
    """The CPU generator of one slot of one step."""
    return torch.Generator().manual_seed(step_seed(seed, step, slot))
