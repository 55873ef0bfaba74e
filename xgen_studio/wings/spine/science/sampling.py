"""A mask below its voxels: cut out, softened, read anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.frame import Floats, Frame

BLUR = 0.6  # mm, of a mask before its surface is read: half of the steps between voxels
FINEST = 0.6  # mm: a mask that is softened by BLUR needs no finer voxels
ROOM = 3.0  # mm around a mask: what softening spreads
COARSE = 1.2  # mm: fine enough to see where a mask is thickest

COARSE = 1.6  # mm: the steps of larger voxels are no surface that could be softened
STEPS = 0.5  # of a voxel: how far steps are smoothed
EDGE = 2.0  # mm that a share of 0 and one of 1 stand apart, where distances become shares
Box = tuple[slice, slice, slice]
Shares = NDArray[np.float32]


class NoBodyError(ValueError):
    """A mask in which no vertebral body can be measured; the message says why."""


@dataclass(frozen=True, eq=False)
class Sampler:
    """How much of a place is mask: a label of a volume, cut out, softened, read anywhere.

    soft     shares 0 to 1, every `every`-th voxel of the volume (z, y, x) from index `first` on
    volume   the grid
    """

    soft: NDArray[np.float32]
    first: Floats
    every: Floats
    volume: Volume

    @classmethod
    def of(cls, labels: Volume, label: int, blur: float = BLUR, box: Box | None = None) -> Sampler:
        """Of one label, which lies in `box`; NoBodyError where the volume does not hold it."""
        where = (slice(None),) * 3 if box is None else _grown(box, labels)
        inside = labels.voxels[where] == label
        if not inside.any():
            raise NoBodyError("the mask does not hold it")
        start = np.array([s.start or 0 for s in where], dtype=float)
        return cls._made(labels, inside.astype(np.float32), start, blur)

    @classmethod
    def from_mask(cls, volume: Volume, inside: NDArray[np.bool_], blur: float = BLUR) -> Sampler:
        """Of voxels of a volume's grid."""
        return cls.from_soft(volume, inside.astype(np.float32), blur)

    @classmethod
    def from_soft(cls, volume: Volume, share: NDArray[np.float32], blur: float = BLUR) -> Sampler:
        """Of shares 0 to 1 of each voxel that are mask: probabilities, or partial volumes."""
        return cls._made(volume, share, np.zeros(3), blur)

    @classmethod
    def _made(
        cls, volume: Volume, share: NDArray[np.float32], start: Floats, blur: float
    ) -> Sampler:
        """Of shares from index `start` of the volume on."""
        spacing = np.array(volume.spacing[::-1])
        [box] = ndimage.find_objects((share > 0.05).astype(np.uint8))
        grown = _grown(box, volume, share.shape)
        # a voxel beyond the scan is empty: a body that is cut by its border ends there
        if spacing.max() > COARSE:
            soft = _between_steps(share[grown], spacing)
        else:
            soft = ndimage.gaussian_filter(share[grown], blur / spacing, mode="constant")
        every = np.maximum(np.floor(FINEST / spacing), 1)
        thinned = soft[tuple(slice(None, None, int(n)) for n in every)]
        first = start + [s.start for s in grown]
        return cls(np.ascontiguousarray(thinned), first, every, volume)

    def at(self, mm: ArrayLike) -> NDArray[np.float32]:
        """Share of mask, 0 to 1, at points (..., 3) LPS mm."""
        points = np.moveaxis(self._index(mm), -1, 0)
        read = ndimage.map_coordinates(self.soft, points, order=1, mode="constant")
        return np.asarray(read, dtype=np.float32)

    def block(self, frame: Frame, up: Floats, back: Floats, left: Floats, side: int = 1) -> Shares:
        """Share of mask (up, back, left) on a frame's own millimetres, 1 mm apart; read every
        `side` mm to the back and to the left, each value standing for as many places."""
        block = np.zeros((len(up), len(back), len(left)), dtype=np.float32)
        last = np.array(self.soft.shape) - 1
        corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
        local = frame.to_local(self._mm((corners + 1) / 2 * last + corners))[:, ::-1]
        starts = np.array([up[0], back[0], left[0]])
        low = np.clip(np.floor(local.min(0) - starts), 0, block.shape).astype(int)
        high = np.clip(np.ceil(local.max(0) - starts) + 1, 0, block.shape).astype(int)
        if (high <= low).any():
            return block
        # places of a block stand in rows, so that one matrix takes them all to voxels
        step = np.array([1, side, side])
        steps = np.concatenate([np.zeros((1, 3)), np.diag(step)]) + starts + low + (step - 1) / 2
        index = self._index(frame.to_patient(steps[:, ::-1]))
        part = ndimage.affine_transform(
            self.soft,
            (index[1:] - index[0]).T,
            index[0],
            tuple(-(-(high - low) // step)),
            order=1,
            mode="constant",
        )
        part = part.repeat(side, 1).repeat(side, 2)
        size = high - low
        where = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        block[where] = part[:, : size[1], : size[2]]
        return block

    def _index(self, mm: ArrayLike) -> Floats:
        return np.asarray((self.volume.mm_to_index(mm) - self.first) / self.every)

    def _mm(self, index: Floats) -> Floats:
        return self.volume.index_to_mm(index * self.every + self.first)

    @cached_property
    def middle(self) -> Floats:
        """LPS mm of the middle of the thickest part, which is the body, not the arch; NoBodyError
        where nothing is left of the mask once it is softened."""
        spacing = np.array(self.volume.spacing[::-1]) * self.every
        skip = np.maximum(np.floor(COARSE / spacing), 1)
        inside = self.soft > 0.5
        if not inside.any():
            raise NoBodyError("the mask is thinner than its voxels")
        coarse = inside[tuple(slice(None, None, int(n)) for n in skip)]
        if not coarse.any():
            coarse, skip = inside, np.ones(3)
        deep = ndimage.distance_transform_edt(np.pad(coarse, 1), sampling=spacing * skip) ** 3
        at = np.nonzero(deep)
        return self._mm((np.average(at, axis=1, weights=deep[at]) - 1) * skip)


def _between_steps(share: Shares, spacing: Floats) -> Shares:
    """A mask of coarse voxels as shares: its distances, whose steps smooth into the plane that they
    stand for; softened as it is, a tilted endplate would stay a stair."""
    inside = np.pad(share > 0.5, 1)
    deep = ndimage.distance_transform_edt(inside, sampling=spacing)
    deep -= ndimage.distance_transform_edt(~inside, sampling=spacing)
    smooth = ndimage.gaussian_filter(deep[1:-1, 1:-1, 1:-1], STEPS, mode="nearest")
    return np.clip(0.5 + smooth / EDGE, 0, 1).astype(np.float32)


def _grown(box: Box, volume: Volume, shape: tuple[int, ...] | None = None) -> Box:
    """A box with room for what softening spreads, within a shape (the volume's)."""
    room = np.ceil(ROOM / np.array(volume.spacing[::-1])).astype(int)
    sides = zip(box, room, shape or volume.shape, strict=True)
    z, y, x = (slice(max(s.start - n, 0), min(s.stop + n, size)) for s, n, size in sides)
    return (z, y, x)
