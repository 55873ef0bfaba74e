"""What a wing that draws from masks offers to the rest of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xgen_studio.diffusion import Condition
from xgen_studio.errors import CallError
from xgen_studio.imaging import LabelTable, Mask
from xgen_studio.registry import wing
from xgen_studio.wing import resolve


class MaskSystem(Protocol):
    """How a wing's masks become conditions."""

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


def load_system(name: str) -> MaskSystem:
    """The mask system of a wing; CallError where it draws from no masks."""
    place = wing(name).masks
    if not place:
        raise CallError(f"{wing(name).title}: its models do not draw from masks")
    make: Callable[[], MaskSystem] = resolve(place)
    return make()
