"""Several processes: what torchrun started, or a single process when it did not."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed as dist
from torch.nn import Parameter


@dataclass(frozen=True)
class World:
    """This process among its peers."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """True for the one process that writes files."""
        return self.rank == 0

    def share_gradients(self, parameters: Iterable[Parameter]) -> None:
        """Average the gradients over all processes, in one message.

        A gradient that is missing here counts as zero, so that every process sends the same.
        """
        if self.size == 1:
            return
        moved = list(parameters)
        flat = torch.cat([_gradient(p).flatten() for p in moved])
        dist.all_reduce(flat)
        flat /= self.size
        for parameter, part in zip(moved, flat.split([p.numel() for p in moved]), strict=True):
            parameter.grad = part.view_as(parameter)

    def share_weights(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the first one's tensors."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return values

    def most(self, value: int) -> int:
        """The largest of what the processes say: what one wants, all do."""
        if self.size == 1:
            return value
        said = torch.tensor([value], device=self.device)
        dist.all_reduce(said, op=dist.ReduceOp.MAX)
        return int(said.item())


def _gradient(parameter: Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def join_world(device: str) -> World:
    """Join the processes torchrun started (nccl on CUDA, gloo on the CPU)."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    if device == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(place)
    else:
        place = torch.device(device)
    if size > 1:
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    return World(rank, size, place)


def leave_world(world: World) -> None:
    """Say goodbye in the order that does not abort.

    gloo aborted at exit in 4 of 12 runs until everything was collected before the group was
    destroyed; the caller drops its model first.
    """
    if world.size > 1:
        gc.collect()
        dist.barrier()
        dist.destroy_process_group()
