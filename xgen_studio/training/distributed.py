"""Several processes: what torchrun started, or a single process when it did not."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass

import torch
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


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

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over all processes."""
        if self.size == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=ids)

    def agree(self, stop: bool) -> bool:
        """True on every process as soon as one says stop."""
        if self.size == 1:
            return stop
        flag = torch.tensor([float(stop)], device=self.device)
        dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return bool(flag.item())


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

    gloo aborted at exit in 4 of 12 runs until the reducers were collected before the group was
    destroyed; the caller drops its model first.
    """
    if world.size > 1:
        gc.collect()
        dist.barrier()
        dist.destroy_process_group()
