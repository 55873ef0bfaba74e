"""The knee as the jobs and the studio meet it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xgen_studio.diffusion import Condition
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Mask
from xgen_studio.wings.knee.science.condition import condition_channels, guide_of
from xgen_studio.wings.knee.science.framing import frame
from xgen_studio.wings.knee.science.labels import BONE, TABLE


class KneeSystem:
    """AP radiographs and DRRs of the knee from leg and bone masks."""

    name = "knee"
    title = "Knee"
    table = TABLE

    def labels_on(self, mask: Mask, grid: tuple[int, int]) -> NDArray[np.integer[Any]]:
        """Label ids on the grid (rows, columns), without inventing classes. A mask of another
        shape is cropped at the joint, see `framing`."""
        if len(mask.shape) != 2:
            raise InputError(f"{mask.source}: the knee takes one picture, this mask is a volume")
        rows, columns = mask.shape
        source = mask.source or "mask"
        window = frame(mask.labels, grid)
        if window.rows * 4 < grid[0]:
            raise InputError(
                f"{source}: is {columns} x {rows} px, too coarse for a model of"
                f" {grid[1]} x {grid[0]} px: draw it larger"
            )
        labels: NDArray[np.integer[Any]] = window.taken_from(mask.labels, grid)
        if not (labels > 0).any():
            raise InputError(f"{source}: nothing is drawn in this mask; paint the leg (label 1)")
        return labels

    def window(self, mask: Mask, grid: tuple[int, int]) -> tuple[float, float, float, float]:
        """Left, top, width and height (px of the mask) of what a model of this grid draws."""
        found = frame(mask.labels, grid)
        return found.left, found.top, found.columns, found.rows

    def simplified(self, labels: NDArray[np.integer[Any]], detail: str) -> NDArray[np.integer[Any]]:
        """Named bones become bone for a model whose `detail` is "bones"."""
        if detail == "bones":
            return np.where(labels > BONE, BONE, labels).astype(labels.dtype)
        return labels

    def condition(self, labels: NDArray[np.integer[Any]], options: Mapping[str, Any]) -> Condition:
        """Options: `grade`, the KL grade 0 to 4 of the knee, or None."""
        grade = options.get("grade")
        if grade is not None and grade not in range(5):
            raise CallError(f"KL grade {grade}: the Kellgren-Lawrence grade is 0, 1, 2, 3 or 4")
        label = None if grade is None else torch.tensor([int(grade)])
        return Condition(condition_channels(labels), label)

    def guide(self, labels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Leg 0.5, bone 1, background 0 (knee paper, section II-C), in units of [-1, 1]."""
        picture: NDArray[np.float32] = guide_of(condition_channels(labels))[0, 0].numpy()
        return picture


def system() -> KneeSystem:
    """The knee wing."""
    return KneeSystem()
