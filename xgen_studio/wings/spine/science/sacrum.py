"""The sacrum: what lies below the last vertebra, and is none though it may look like one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.document.blocks import largest_part
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import NoBodyError, Sampler, measure
from xgen_studio.wings.spine.science.frame import Floats

LEAST_MM3 = 12_000.0  # of it that must be seen
NEAR = (5.0, 60.0)  # mm that its upper end lies below the middle of L5
TAPERS = 0.7  # front over back of S1, which a vertebra has only when it is crushed in front
BEHIND = 12.0  # degrees that the step to S1 turns back against the step before


def sacral_below(bodies: NDArray[np.uint8], count: int, grid: Volume) -> int:
    """How many of the lowest of `count` bodies (numbered from the head) are segments of a sacrum:
    the first one tapers to the front and stands behind the line of those above, and what lies below
    it is more of it. 0 where fewer than three would be left."""
    if count < 4:
        return 0
    index = np.array(ndimage.center_of_mass(bodies > 0, bodies, range(1, count + 1)))
    centres = grid.index_to_mm(index)
    for number in range(max(count - 2, 4), count + 1):  # S1 is seen last, or as one of three
        before = centres[number - 2] - centres[number - 3]
        step = centres[number - 1] - centres[number - 2]
        turn = np.degrees(np.arctan2(step[1], -step[2]) - np.arctan2(before[1], -before[2]))
        if turn > BEHIND and _tapers(bodies == number, grid, -step):
            return count - number + 1
    return 0


def _tapers(inside: NDArray[np.bool_], grid: Volume, up: Floats) -> bool:
    try:
        thirds = measure(Sampler.from_mask(grid, inside), up).thirds()
    except NoBodyError:
        return True  # the lower segments are no bodies at all
    return thirds["anterior"] < TAPERS * thirds["posterior"]


def sacrum_in(share: NDArray[np.float32], grid: Volume, lowest: Floats) -> Floats | None:
    """LPS mm of the highest part of a sacrum (`share` of each voxel) that lies below the lowest
    body, if enough of one is seen there."""
    inside = share > 0.5
    if not inside.any():
        return None
    index = np.argwhere(largest_part(inside))
    if len(index) * np.prod(grid.spacing) < LEAST_MM3:
        return None
    highest = index[index[:, 0] >= index[:, 0].max() - 6].mean(0)
    top = grid.index_to_mm(highest)
    down = lowest[2] - top[2]
    near = np.linalg.norm((top - lowest)[:2]) < NEAR[1]
    return top if near and NEAR[0] < down < NEAR[1] else None
