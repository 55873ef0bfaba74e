"""CTs of label maps: what a scanner, with its dose, kernel and slices, makes of an anatomy.

Intensities are drawn anew for each scan, wider than any scanner's, so that a network that learns
from them relies on none (SynthSeg: Billot et al., Medical Image Analysis 2023;86:102789).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.wings.spine.science.raster import Tissue

Hounsfield = NDArray[np.float32]


@dataclass(frozen=True)
class Scan:
    """How a scan is made.

    mean       HU of each `Tissue`
    texture    standard deviation of the cancellous bone's own pattern, HU, and its grain, mm
    kernel     standard deviation of the scanner's blur, mm
    thickness  of the slices, mm, along array axis `axis` (0 z, 1 y, 2 x)
    noise      standard deviation of its noise, HU, and the noise's grain, mm
    """

    mean: tuple[float, ...]
    texture: float = 30.0
    grain: float = 1.2
    kernel: float = 0.5
    thickness: float = 1.0
    axis: int = 0
    noise: float = 20.0
    noise_grain: float = 0.5


def plain_scan(density: float = 150.0, **changes: float) -> Scan:
    """An ordinary scan without contrast of somebody whose cancellous bone has this density, HU."""
    mean = [0.0] * len(Tissue)
    for tissue, value in {
        Tissue.AIR: -1000,
        Tissue.MUSCLE: 55,
        Tissue.FAT: -100,
        Tissue.LUNG: -850,
        Tissue.VESSEL: 45,
        Tissue.ORGAN: 50,
        Tissue.RIB: density + 220,
        Tissue.DISC: 75,
        Tissue.CANAL: 25,
        Tissue.SACRUM: density + 60,
        Tissue.ARCH: density + 250,
        Tissue.CANCELLOUS: density,
        Tissue.CORTEX: density + 380,
        Tissue.SACRAL_DISC: 75,
        Tissue.SACRAL_CORTEX: density + 380,
    }.items():
        mean[tissue] = float(value)
    return Scan(tuple(mean), **changes)  # type: ignore[arg-type]


def random_scan(rng: np.random.Generator, wild: float = 0.2) -> Scan:
    """Any scan; a share `wild` of them has intensities that no CT has, the order of bone and what
    lies around it kept."""
    density = float(rng.uniform(20, 330))
    scan = plain_scan(density)
    mean = np.array(scan.mean) + rng.normal(0, 15, len(Tissue))
    mean[Tissue.VESSEL] = rng.uniform(20, 60) if rng.random() < 0.5 else rng.uniform(100, 420)
    mean[Tissue.DISC] = rng.uniform(40, 140)
    mean[Tissue.LUNG] = rng.uniform(-930, -650)
    mean[Tissue.CORTEX] = density + rng.uniform(150, 700)
    mean[[Tissue.ARCH, Tissue.RIB]] = density + rng.uniform(80, 500, 2)
    mean[Tissue.SACRAL_DISC], mean[Tissue.SACRAL_CORTEX] = mean[Tissue.DISC], mean[Tissue.CORTEX]
    mean[Tissue.ORGAN] = rng.uniform(20, 220)
    mean[Tissue.SACRUM] = density + rng.uniform(-20, 200)
    if rng.random() < wild:
        mean += rng.normal(0, 90, len(Tissue))
        mean[Tissue.CORTEX] = max(mean[Tissue.CORTEX], mean[Tissue.DISC] + 100)
    thickness = float(rng.choice([1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0]))
    return Scan(
        tuple(mean.tolist()),
        texture=float(rng.uniform(10, 70)),
        grain=float(rng.uniform(0.8, 2.0)),
        kernel=float(rng.uniform(0.3, 0.9)),
        thickness=thickness,
        axis=2 if rng.random() < 0.2 else 0,
        noise=float(rng.choice([5, 12, 20, 35, 60])),
        noise_grain=float(rng.uniform(0.2, 1.2)),
    )


def scanned(
    tissue: NDArray[np.uint8],
    spacing: tuple[float, float, float],
    scan: Scan,
    rng: np.random.Generator,
) -> Hounsfield:
    """(D, H, W) HU of a map on a grid of `spacing` (x, y, z) mm. Thick slices are those of the
    scanner, read on the map's grid, as if they had been interpolated."""
    steps = np.array(spacing[::-1])
    table = np.array(scan.mean, dtype=np.float32)
    image = table[tissue]
    bone = np.isin(tissue, (Tissue.CANCELLOUS, Tissue.SACRUM, Tissue.ARCH, Tissue.RIB))
    image += bone * _grains(tissue.shape, scan.texture, scan.grain / steps, rng)
    image += ~bone * _grains(tissue.shape, 0.2 * scan.texture, 3.0 / steps, rng)
    image = ndimage.gaussian_filter(image, scan.kernel / steps, mode="nearest")
    noise = _grains(tissue.shape, scan.noise, scan.noise_grain / steps, rng)
    image = _sliced(image, scan, steps, rng, noise)
    return np.clip(image, -1024, 3071).astype(np.float32)


def _sliced(
    image: Hounsfield,
    scan: Scan,
    steps: NDArray[np.float64],
    rng: np.random.Generator,
    noise: Hounsfield,
) -> Hounsfield:
    """Means over slices, linear between them; the noise is each slice's own."""
    every = scan.thickness / steps[scan.axis]
    if every <= 1.2:
        return image + noise
    mean = ndimage.uniform_filter1d(image, max(round(every), 1), axis=scan.axis, mode="nearest")
    length = image.shape[scan.axis]
    at = np.arange(rng.uniform(0, every), length - 1, every)
    if len(at) < 2:
        return mean + noise
    picked = [np.take(mean + noise, round(place), scan.axis) for place in at]
    slices = np.stack(picked, scan.axis)
    where = np.clip((np.arange(length) - at[0]) / every, 0, len(at) - 1)
    low = np.minimum(where.astype(int), len(at) - 2)
    part = (where - low).astype(np.float32)
    part = part.reshape([-1 if axis == scan.axis else 1 for axis in range(3)])
    below, above = np.take(slices, low, scan.axis), np.take(slices, low + 1, scan.axis)
    return np.asarray(below * (1 - part) + above * part)


def _grains(
    shape: tuple[int, ...], size: float, grain: NDArray[np.float64], rng: np.random.Generator
) -> Hounsfield:
    """A random field of standard deviation `size`, smooth over `grain` voxels."""
    field = rng.standard_normal(shape, dtype=np.float32)
    field = ndimage.gaussian_filter(field, grain, mode="wrap")
    spread = float(field.std())
    return np.asarray(field * (size / max(spread, 1e-6)))
