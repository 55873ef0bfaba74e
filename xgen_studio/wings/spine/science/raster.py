"""Parametric spines on voxels: what each voxel is, which vertebra it belongs to, how high in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.parametric import Patient, Vertebra

CORTEX = 1.1  # mm of shell around a body
MARGIN = 12.0  # mm around the outermost body that a scan shows at least


class Tissue(IntEnum):
    """What a voxel is."""

    AIR = 0
    MUSCLE = 1
    FAT = 2
    LUNG = 3
    VESSEL = 4
    ORGAN = 5
    RIB = 6
    DISC = 7
    CANAL = 8
    SACRUM = 9
    ARCH = 10
    CANCELLOUS = 11
    CORTEX = 12
    SACRAL_DISC = 13
    SACRAL_CORTEX = 14


@dataclass(frozen=True, eq=False)
class Map:
    """A spine on a grid (D, H, W), z to the head, y to the back, x to the left.

    tissue   uint8, `Tissue`
    labels   uint8, VerSe numbers of the bodies, arches not included
    whole    uint8, VerSe numbers of the vertebrae with their arches
    height   float16, inside bodies how high: -1 on the lower endplate, 1 on the upper; 0 elsewhere
    """

    volume: Volume  # the grid; its voxels are the tissue
    labels: NDArray[np.uint8]
    whole: NDArray[np.uint8]
    height: NDArray[np.float16]

    @property
    def tissue(self) -> NDArray[np.uint8]:
        """(D, H, W) of `Tissue`."""
        return np.asarray(self.volume.voxels, dtype=np.uint8)


def rasterise(
    patient: Patient, spacing: tuple[float, float, float], rng: np.random.Generator
) -> Map:
    """The patient and what lies around on a grid of `spacing` (x, y, z) mm that covers the bodies
    and their arches."""
    origins = np.array([v.frame.origin for v in patient.vertebrae])
    low = origins.min(0) - [44, 34 + MARGIN, 20]
    high = origins.max(0) + [44, 62, 20]
    counts = np.ceil((high - low) / spacing).astype(int) + 1
    shape = (int(counts[2]), int(counts[1]), int(counts[0]))
    grid = Volume(np.zeros(shape, np.uint8), spacing, (low[0], low[1], low[2]))
    tissue = _surroundings(patient, grid, rng)
    labels = np.zeros(shape, np.uint8)
    whole = np.zeros(shape, np.uint8)
    height = np.zeros(shape, np.float16)
    if patient.sacrum is not None:
        _paint_sacrum(patient, grid, tissue)
    for lower, upper in zip(patient.vertebrae, patient.vertebrae[1:], strict=False):
        _paint_disc(lower, upper, grid, tissue)
    for one in patient.vertebrae:
        _paint_canal(one, grid, tissue)
    for one in patient.vertebrae:
        box, x, y, z = _around(one, grid)
        arch = _arch(one, x, y, z)
        tissue[box][arch] = Tissue.ARCH
        whole[box][arch] = one.label
        if one.level.startswith("T"):
            ribs = _ribs(one, x, y, z) & ~arch
            tissue[box][ribs] = Tissue.RIB
    for one in patient.vertebrae:
        box, x, y, z = _around(one, grid)
        share, inside, shell = _body(one, x, y, z)
        tissue[box][inside] = Tissue.CANCELLOUS
        tissue[box][shell] = Tissue.CORTEX
        labels[box][inside] = one.label
        whole[box][inside] = one.label
        height[box][inside] = share[inside]
    return Map(Volume(tissue, spacing, grid.origin), labels, whole, height)


Box = tuple[slice, slice, slice]


def _around(one: Vertebra, grid: Volume) -> tuple[Box, Floats, Floats, Floats]:
    """The voxels around a vertebra, and their mm to its left, to its back, up."""
    first = np.floor(grid.mm_to_index(one.frame.origin - [46, 36, 48])).astype(int)
    last = np.ceil(grid.mm_to_index(one.frame.origin + [46, 75, 40])).astype(int)
    lows = np.clip(first, 0, grid.shape)
    highs = np.clip(last, 0, grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(lows, highs, strict=True))
    k, j, i = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
    local = one.frame.to_local(grid.index_to_mm(np.stack([k, j, i], -1)))
    return (box[0], box[1], box[2]), local[..., 0], local[..., 1], local[..., 2]


def _body(
    one: Vertebra, x: Floats, y: Floats, z: Floats
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """How high in the body (-1 to 1), whether inside, and whether in its shell of `CORTEX` mm."""
    u, v = np.clip(2 * x / one.width, -1.3, 1.3), np.clip(2 * y / one.depth, -1.3, 1.3)
    top, bottom = one.endplates(u, v)
    share = (2 * z - top - bottom) / np.maximum(top - bottom, 0.5)
    narrow = 1 - one.waist * np.clip(1 - share**2, 0, 1)
    far = one.reach(2 * x / one.width / narrow, 2 * y / one.depth / narrow)
    inside = (far <= 1) & (np.abs(share) <= 1)
    rim = 1 - one.square * CORTEX / (one.width / 2)
    shell = inside & ((far > rim) | (np.minimum(top - z, z - bottom) < CORTEX))
    return share, inside, shell


def _paint_disc(lower: Vertebra, upper: Vertebra, grid: Volume, tissue: NDArray[np.uint8]) -> None:
    """Between two endplates, bulging a little less than the bodies are wide."""
    box, x, y, z = _around(lower, grid)
    top, _ = lower.endplates(
        np.clip(2 * x / lower.width, -1.2, 1.2), np.clip(2 * y / lower.depth, -1.2, 1.2)
    )
    k, j, i = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
    above = upper.frame.to_local(grid.index_to_mm(np.stack([k, j, i], -1)))
    _, bottom = upper.endplates(
        np.clip(2 * above[..., 0] / upper.width, -1.2, 1.2),
        np.clip(2 * above[..., 1] / upper.depth, -1.2, 1.2),
    )
    within = lower.reach(2 * x / lower.width, 2 * y / lower.depth) <= 0.95
    tissue[box][within & (z > top) & (above[..., 2] < bottom)] = Tissue.DISC


def _paint_canal(one: Vertebra, grid: Volume, tissue: NDArray[np.uint8]) -> None:
    """Behind the body, half a disc further up and down."""
    box, x, y, z = _around(one, grid)
    wide = 0.27 * one.width + 2.5
    deep = 8.0 * one.arch_scale
    middle = one.depth * (0.5 - one.hollow / 2) + deep - 1
    inside = ((x / wide) ** 2 + ((y - middle) / deep) ** 2 <= 1) & (
        np.abs(z) < one.posterior / 2 + 8
    )
    tissue[box][inside] = Tissue.CANAL


def _arch(one: Vertebra, x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
    """Pedicles, laminae, processes: capsules around lines, mm from the frame's origin."""
    inside = np.zeros(x.shape, dtype=bool)
    beside = np.abs(x)  # the right is the left's mirror image
    for start, end, radius, flat in _bones(one):
        inside |= _capsule(beside, y, z, start, end, radius, flat)
    return inside


Point = tuple[float, float, float]


def _bones(one: Vertebra) -> Iterator[tuple[Point, Point, float, float]]:
    """Ends, radius and flatness (height over breadth) of an arch's bones, on the left."""
    w, d, h, k = one.width, one.depth / 2, one.posterior, one.arch_scale
    thoracic = one.level.startswith("T")
    pedicle = (0.30 if thoracic else 0.33) * w
    thick = (2.9 if thoracic else 3.9) * k
    yield (pedicle, d - 3, 0.2 * h), (pedicle, d + 11 * k, 0.18 * h), thick, 1.6
    yield (pedicle, d + 12 * k, 0.1 * h), (2.0, d + 20 * k, -0.3 * h), 3.2 * k, 2.0
    drop = 24.0 if thoracic else 5.0
    end = d + (40 if thoracic else 47) * k
    yield (0, d + 22 * k, -0.25 * h), (0, end, -0.3 * h - drop), 2.7 * k, 1.6 if thoracic else 2.6
    out = 0.5 * w + (16 if thoracic else 20) * k
    far = d + (24 if thoracic else 15) * k
    yield (pedicle, d + 11 * k, 0.15 * h), (out, far, 0.15 * h), 3.3 * k, 1.2
    yield (pedicle + 1, d + 12 * k, 0), (pedicle + 1, d + 12 * k, 0.72 * h), 3.6 * k, 1.0
    yield (pedicle - 2, d + 17 * k, 0), (pedicle - 2, d + 17 * k, -0.75 * h), 3.6 * k, 1.0


def _ribs(one: Vertebra, x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
    """Heads and necks of both ribs, at the body's upper back corners."""
    w, d, h = one.width, one.depth / 2, one.posterior
    head, neck = (w / 2 + 1.5, d - 4, 0.35 * h), (w / 2 + 19, d + 17, 0.25 * h)
    out = (w / 2 + 50, d + 12, -18.0)
    inside = np.zeros(x.shape, dtype=bool)
    beside = np.abs(x)
    inside |= _capsule(beside, y, z, head, neck, 3.4, 1.2)
    inside |= _capsule(beside, y, z, neck, out, 3.6, 1.5)
    return inside


def _capsule(
    x: Floats, y: Floats, z: Floats, a: Point, b: Point, radius: float, flat: float
) -> NDArray[np.bool_]:
    """Within `radius` of the line from a to b, which is `flat` times as high as broad."""
    start, along = np.array(a), np.array(b) - np.array(a)
    px, py, pz = x - start[0], y - start[1], z - start[2]
    t = np.clip((px * along[0] + py * along[1] + pz * along[2]) / (along @ along), 0, 1)
    dx, dy, dz = px - t * along[0], py - t * along[1], (pz - t * along[2]) / flat
    return np.asarray(dx * dx + dy * dy + dz * dz <= radius * radius)


def _paint_sacrum(patient: Patient, grid: Volume, tissue: NDArray[np.uint8]) -> None:
    """Below the lowest disc: a wedge that leans back, with wings."""
    lowest, frame = patient.vertebrae[0], patient.sacrum
    assert frame is not None
    k, j, i = np.indices(grid.shape)
    local = frame.to_local(grid.index_to_mm(np.stack([k, j, i], -1)))
    x, y, z = local[..., 0], local[..., 1] - 0.45 * np.clip(-local[..., 2], 0, None), local[..., 2]
    narrow = np.clip(1 + z / 120, 0.3, 1)
    body = lowest.reach(2 * x / lowest.width / narrow, 2 * y / lowest.depth / narrow) <= 1
    wings = (np.abs(x) < 52 * narrow) & (np.abs(y - 8) < 12) & (z < -6)
    inside = (body | wings) & (z <= 0) & (z > -90)
    tissue[inside] = Tissue.SACRUM
    # its segments have endplates and the rest of a disc: they look like vertebrae, and are none
    below = np.mod(-z, 24.0)
    tissue[inside & body & (below < 1.3) & (np.abs(x) < 0.4 * lowest.width)] = Tissue.SACRAL_CORTEX
    tissue[inside & body & (below > 22.0) & (np.abs(x) < 0.3 * lowest.width)] = Tissue.SACRAL_DISC


def _surroundings(patient: Patient, grid: Volume, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Muscle, fat, lungs beside and before the thoracic bodies, aorta, organs, air behind the skin;
    shapes that vary, for what lies around a spine is not what is learned."""
    middles = np.array([v.frame.origin for v in patient.vertebrae])
    heights = grid.origin[2] + np.arange(grid.shape[0]) * grid.spacing[2]
    order = np.argsort(middles[:, 2])
    mid_x = np.interp(heights, middles[order, 2], middles[order, 0])
    mid_y = np.interp(heights, middles[order, 2], middles[order, 1])
    spacing = grid.spacing
    y = grid.origin[1] + np.arange(grid.shape[1]) * spacing[1]
    x = grid.origin[0] + np.arange(grid.shape[2]) * spacing[0]
    X = x[None, None, :] - mid_x[:, None, None]
    Y = y[None, :, None] - mid_y[:, None, None]
    Z = heights[:, None, None] + 0 * X + 0 * Y
    wave = _waves(grid.shape, spacing, rng)
    tissue = np.full(grid.shape, Tissue.MUSCLE, np.uint8)
    skin = rng.uniform(55, 90)
    tissue[Y + 5 * wave > skin - rng.uniform(8, 25)] = Tissue.FAT
    front = rng.uniform(-30, -18) + 5 * wave > Y
    tissue[front & (wave > 0)] = Tissue.FAT
    tissue[front & (wave < -0.6)] = Tissue.ORGAN
    thoracic = [v.frame.origin[2] for v in patient.vertebrae if v.level.startswith("T")]
    if thoracic:
        floor = min(thoracic) + rng.uniform(-10, 60)
        lung = (np.abs(X) > rng.uniform(18, 26) + 4 * wave) & (22 + 4 * wave > Y) & (floor < Z)
        tissue[lung] = Tissue.LUNG
    for _ in range(int(rng.integers(0, 4))):  # hearts, livers, kidneys, with contrast or without
        reach = rng.uniform(14, 45, 3)
        at_z = grid.origin[2] + rng.uniform(0, 1) * grid.shape[0] * spacing[2]
        at_x = rng.uniform(-45, 45)
        at_y = rng.uniform(-75, -24) if abs(at_x) < 30 else rng.uniform(-60, 15)
        gap = max(28 - abs(at_x), 0) / 2  # nothing grows into the bodies
        ball = ((X - at_x) / reach[0]) ** 2 + ((Y - at_y) / reach[1]) ** 2
        ball = ball + ((Z - at_z) / reach[2]) ** 2 + 0.15 * wave
        kind = Tissue.VESSEL if rng.random() < 0.5 else Tissue.ORGAN
        tissue[(ball < 1) & ((-15 - gap > Y) | (np.abs(X) > 26))] = kind
    side = rng.uniform(8, 24)
    aorta = (X - side) ** 2 + (Y + rng.uniform(26, 34)) ** 2 < rng.uniform(9, 14) ** 2
    tissue[aorta & np.ones(grid.shape, bool)] = Tissue.VESSEL
    tissue[Y + 3 * wave > skin] = Tissue.AIR
    return tissue


def _waves(shape: tuple[int, ...], spacing: tuple[float, ...], rng: np.random.Generator) -> Floats:
    """A smooth random field of about unit size, 25 mm from crest to trough."""
    from scipy import ndimage

    coarse = [max(int(n * s / 25) + 3, 4) for n, s in zip(shape, spacing[::-1], strict=True)]
    noise = rng.normal(size=coarse)
    zoom = [n / c for n, c in zip(shape, coarse, strict=True)]
    return np.asarray(ndimage.zoom(noise, zoom, order=1, grid_mode=True, mode="nearest"))
