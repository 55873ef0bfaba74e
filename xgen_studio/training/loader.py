"""Batches of one step after the other; the next is prepared while the device works on this one."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch

from xgen_studio.training.batch import Batch, TrainingSet, batch_indices, step_generator, step_seed
from xgen_studio.training.distributed import World
from xgen_studio.training.recipe import Recipe


@dataclass(frozen=True)
class Part:
    """Examples of one slot of a step, and what is random in the loss they give."""

    batch: Batch
    generator: torch.Generator
    seed: int  # of what draws from torch's own generator, as dropout does
    share: float  # of the process's examples


@dataclass
class Loader:
    """Gives the parts of any step; asks for the step after it ahead of time."""

    dataset: TrainingSet
    recipe: Recipe
    world: World

    def __post_init__(self) -> None:
        self._ahead: dict[int, Future[list[Part]]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="next batch")

    def parts(self, step: int, last: bool) -> list[Part]:
        """The batch of a step on this process, in the recipe's parts; `last`: none comes after."""
        waiting = self._ahead.pop(step, None)
        made = self._make(step) if waiting is None else waiting.result()
        if not last:
            self._ahead = {step + 1: self._pool.submit(self._make, step + 1)}
        return made

    def close(self) -> None:
        """Nothing more is asked for."""
        self._ahead.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, step: int) -> list[Part]:
        recipe, world = self.recipe, self.world
        indices = batch_indices(
            len(self.dataset), recipe.batch, step, world.rank, world.size, recipe.seed
        )
        made = []
        for number, some in enumerate(indices.chunk(recipe.accumulate)):
            slot = world.rank * recipe.accumulate + number
            generator = step_generator(recipe.seed, step, slot)
            batch = self.dataset.batch(some, generator, world.device)
            seed, share = step_seed(recipe.seed, step, slot), len(some) / len(indices)
            made.append(Part(batch, generator, seed, share))
        return made


def first_examples(dataset: TrainingSet, count: int, device: torch.device) -> Batch:
    """The first examples of a set, always varied in the same way."""
    indices = torch.arange(min(count, len(dataset)))
    return dataset.batch(indices, step_generator(0, 0, 0), device)
