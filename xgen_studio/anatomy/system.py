"""What a wing of anatomy offers to the rest of the house, and the list of wings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xgen_studio.diffusion import Condition
from xgen_studio.errors import CallError
from xgen_studio.imaging import LabelTable, Mask


class System(Protocol):
    """One clinical problem: how its masks become conditions and its samples become pictures."""

    name: str
    title: str
    table: LabelTable

    def labels_on(self, mask: Mask, grid: tuple[int, int]) -> NDArray[np.integer[Any]]:
        """The mask's label ids on a model's grid; InputError where it does not fit."""
        ...

    def window(self, mask: Mask, grid: tuple[int, int]) -> tuple[float, float, float, float]:
        """Left, top, width and height, in pixels of the mask, of the part `labels_on` takes."""
        ...

    def simplified(self, labels: NDArray[np.integer[Any]], detail: str) -> NDArray[np.integer[Any]]:
        """Label ids without what a model of that `detail` never saw in training."""
        ...

    def condition(self, labels: NDArray[np.integer[Any]], options: Mapping[str, Any]) -> Condition:
        """What the network sees of label ids (H, W), as a batch of one."""
        ...

    def guide(self, labels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """The labels as a picture in [-1, 1] that conditional sampling (CSM) starts from."""
        ...


@dataclass(frozen=True)
class Registry:
    """Known systems by name; each is imported when it is asked for."""

    places: Mapping[str, str]

    def names(self) -> tuple[str, ...]:
        """All systems, in the order the studio shows them."""
        return tuple(self.places)

    def load(self, name: str) -> System:
        """The system of that name; CallError when there is none."""
        if name not in self.places:
            raise CallError(f"no system is called '{name}'; there are {', '.join(self.places)}")
        make: Callable[[], System] = import_module(self.places[name]).system
        return make()

    def with_system(self, name: str, module: str) -> Registry:
        """This registry and one more system: a module with a `system()` function."""
        return Registry({**self.places, name: module})


SYSTEMS = Registry({"knee": "xgen_studio.anatomy.knee.system"})
