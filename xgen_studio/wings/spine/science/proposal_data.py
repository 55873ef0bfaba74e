"""What the proposing network learns from: blocks of label maps, scanned anew each time, and blocks
of real CTs whose proposals somebody has looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from xgen_studio.training.arrays import read_arrays
from xgen_studio.training.batch import Batch
from xgen_studio.wings.spine.science.parametric import Patient, patient, random_fractures
from xgen_studio.wings.spine.science.raster import Map, Tissue, rasterise
from xgen_studio.wings.spine.science.scanner import random_scan, scanned
from xgen_studio.wings.spine.science.sizes import LEVELS

SPACING = 1.5  # mm a voxel, of blocks and of the network
BLOCK = (112, 96, 72)  # voxels z, y, x: 168 x 144 x 108 mm
CROP = (80, 64, 48)  # what one example shows of a block
HIGH = 100  # a body's height from -1 to 1, as int8
CLASSES = ("other", "body", "disc", "canal", "bone", "sacrum")
NO_CLASS = 255  # nobody has said what this voxel of a real CT is
_CLASS_OF = np.zeros(len(Tissue), np.uint8)
for _tissue, _name in {
    Tissue.CANCELLOUS: "body",
    Tissue.CORTEX: "body",
    Tissue.DISC: "disc",
    Tissue.CANAL: "canal",
    Tissue.ARCH: "bone",
    Tissue.RIB: "bone",
    Tissue.SACRUM: "sacrum",
    Tissue.SACRAL_DISC: "sacrum",
    Tissue.SACRAL_CORTEX: "sacrum",
}.items():
    _CLASS_OF[_tissue] = CLASSES.index(_name)

WINDOW = (-400.0, 1200.0)  # HU that the network tells apart
Report = Callable[[int, int], None]


def as_input(hounsfield: NDArray[np.generic]) -> NDArray[np.float32]:
    """HU as the network takes them, in [-1, 1]."""
    low, high = WINDOW
    values = np.asarray(hounsfield, dtype=np.float32)
    return np.asarray(np.clip((values - low) / (high - low), 0, 1) * 2 - 1)


def parametric_blocks(count: int, seed: int, report: Report) -> dict[str, NDArray[np.generic]]:
    """Blocks of `count` parametric patients: `tissue` uint8 and `height` int8 (N, *BLOCK)."""
    tissue, height = [], []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        made = rasterise(_somebody(rng), (SPACING,) * 3, rng)
        for part in _blocks_of(made, rng):
            tissue.append(part[0])
            height.append(part[1])
        report(number + 1, count)
    return {"tissue": np.stack(tissue), "height": np.stack(height)}


def _somebody(rng: np.random.Generator) -> Patient:
    """A patient of 5 to 9 vertebrae anywhere along the spine, often broken somewhere."""
    length = int(rng.integers(5, 10))
    first = int(rng.integers(0, len(LEVELS) - length + 1))
    if rng.random() < 0.25:
        first = len(LEVELS) - length  # the sacrum is seen
    span = LEVELS[first : first + length]
    return patient(rng, span[-1], span[0], random_fractures(rng, span))


def _blocks_of(made: Map, rng: np.random.Generator) -> Iterator[tuple[NDArray, NDArray]]:
    """One or two blocks of a map, centred on its bodies; what lies beyond the map is air."""
    high = np.round(np.asarray(made.height, np.float32) * HIGH).astype(np.int8)
    bodies = np.argwhere(made.labels[:, ::2, ::2] > 0)
    low, top = bodies[:, 0].min(), bodies[:, 0].max()
    for share in (0.25, 0.75) if top - low > BLOCK[0] else (0.5,):
        middle = low + share * (top - low)
        near = bodies[np.abs(bodies[:, 0] - middle) < BLOCK[0] / 2]
        centre = np.array([middle, 2 * near[:, 1].mean() + 8, 2 * near[:, 2].mean()])
        first = np.round(centre - np.array(BLOCK) / 2 + rng.uniform(-4, 4, 3)).astype(int)
        yield block_at(made.tissue, first, 0), block_at(high, first, 0)


def block_at(
    array: NDArray, first: NDArray, fill: int, size: tuple[int, int, int] = BLOCK
) -> NDArray:
    """A block of an array from an index that may lie outside."""
    out = np.full(size, fill, array.dtype)
    source, target = [], []
    for start, count, whole in zip(first, size, array.shape, strict=True):
        a, b = max(start, 0), min(start + count, whole)
        source.append(slice(a, max(b, a)))
        target.append(slice(a - start, max(b, a) - start))
    out[tuple(target)] = array[tuple(source)]
    return out


class ProposalSet:
    """Crops of blocks, turned, scaled and mirrored; label maps are scanned, CTs shifted a little.

    Batches hold `image` (B, 1, D, H, W) in [-1, 1], `classes` (B, D, H, W) and `height`
    (B, D, H, W) in [-1, 1], which counts inside bodies only.
    """

    def __init__(self, arrays: dict[str, NDArray[np.generic]], real_share: float = 0.3) -> None:
        self.arrays = arrays
        self.real_share = real_share if "hu" in arrays else 0.0

    def __len__(self) -> int:
        return len(self.arrays["tissue"])

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        seeds = torch.randint(2**31, (len(indices),), generator=generator).tolist()
        made = [self._example(i, s) for i, s in zip(indices.tolist(), seeds, strict=True)]
        image, classes, height = (
            torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True)
        )
        return {
            "image": image[:, None].to(device),
            "classes": classes.to(device, torch.int64),
            "height": height.to(device),
        }

    def _example(self, index: int, seed: int) -> tuple[NDArray, NDArray, NDArray]:
        rng = np.random.default_rng(seed)
        if rng.random() < self.real_share:
            number = int(rng.integers(len(self.arrays["hu"])))
            parts = [self.arrays[name][number] for name in ("hu", "hu_classes", "hu_height")]
            hu, classes, height = _moved(parts, rng, (1, 0, 0), -1000)
            hu = hu + rng.normal(0, 20) + rng.normal(0, rng.uniform(0, 25), hu.shape)
            image = as_input(hu)
        else:
            parts = [self.arrays[name][index] for name in ("tissue", "height")]
            tissue, height = _moved(parts, rng, (0, 0), 0)
            image = as_input(scanned(tissue, (SPACING,) * 3, random_scan(rng), rng))
            classes = _CLASS_OF[tissue]
        return image.astype(np.float32), classes, height.astype(np.float32) / HIGH


def _moved(
    parts: list[NDArray], rng: np.random.Generator, orders: tuple[int, ...], outside: int
) -> list[NDArray]:
    """The same crop of several blocks, turned by some degrees, scaled, mirrored left to right."""
    turn = _rotation(np.radians(rng.normal(0, 7, 3))) * rng.uniform(0.87, 1.15)
    if rng.random() < 0.5:
        turn = turn @ np.diag([1.0, 1.0, -1.0])
    room = (np.array(BLOCK) - CROP) / 2
    centre = np.array(BLOCK) / 2 + rng.uniform(-0.9, 0.9, 3) * room
    offset = centre - turn @ (np.array(CROP) / 2)
    return [
        ndimage.affine_transform(
            part,
            turn,
            offset,
            CROP,
            order=order,
            mode="constant",
            cval=outside if index == 0 else 0,
        )
        for index, (part, order) in enumerate(zip(parts, orders, strict=True))
    ]


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns about the three array axes, radians."""
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = [a for a in range(3) if a != axis]
        one = np.eye(3)
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    return turn


def proposal_set(data: Path | None, real_share: float = 0.3) -> ProposalSet:
    """The blocks of `spine-proposal.npz` in a folder."""
    return ProposalSet(read_arrays(data, "spine-proposal", {"tissue", "height"}), real_share)
