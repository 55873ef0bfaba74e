"""What a CT and a mask tell of each other: grids, mirrored halves, intensities, metal, slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.doubts import Doubt
from xgen_studio.wings.spine.science.labels import SpineLabels, same_grid

SAMPLED = 200_000  # voxels that means and shares are taken over, at most
LOST_SHARE = 0.02  # of the mask outside the CT that is told
NEGATIVE_HU, NEGATIVE_SHARE = -50.0, 0.005  # air and fat: so much of a CT lies below
BRIGHTER_HU = 60.0  # a flipped mask on bone is so much brighter than a wrong one
BONE_HU = 100.0
METAL_HU = 2000.0  # cortical bone stays below; many scanners clip at 3071
METAL_ML = 0.05
METAL_NEAR_MM = 15.0
THICK_MM = 3.0
_FLIPS = {
    (False, False, True): "left and right",
    (True, False, False): "head and feet",
    (False, True, False): "front and back",
    (False, True, True): "left and right, front and back",
    (True, True, False): "head and feet, front and back",
    (True, False, True): "head and feet, left and right",
}


def onto(labels: SpineLabels, ct: Volume) -> tuple[SpineLabels, list[Doubt]]:
    """The labels on the grid of `ct` (in LPS order), by nearest neighbour through millimetres.

    InputError where the two do not overlap.
    """
    mask = labels.volume
    if same_grid(mask, ct):
        return labels, []
    at = _sampled(np.argwhere(mask.voxels))
    index = ct.mm_to_index(mask.index_to_mm(at))
    inside = np.all((index > -0.5) & (index < np.array(ct.shape) - 0.5), axis=1)
    lost = 1.0 - float(inside.mean())
    if not inside.any():
        why = f"{mask.source or 'the mask'}: lies nowhere in {ct.source or 'the CT'}"
        if mask.shape == ct.shape:
            raise InputError(f"{why}, though it has as many voxels; save it with the CT's header")
        raise InputError(f"{why}; choose the mask of this scan")
    voxels = nearest(mask, mask.voxels, ct)
    regions = labels.subregions
    said = (
        f"the mask ({_grid(mask)}) is resampled onto the CT's grid ({_grid(ct)}), nearest neighbour"
    )
    doubts = [Doubt("", "grid", said)]
    if lost > LOST_SHARE:
        doubts.append(Doubt("", "grid", f"{lost:.0%} of the mask lies outside the CT"))
    made = replace(
        labels,
        volume=replace(ct, voxels=voxels, modality="", source=mask.source, meta={}),
        subregions=None if regions is None else nearest(mask, regions, ct),
    )
    return made, doubts


def nearest(volume: Volume, voxels: NDArray[np.uint8], grid: Volume) -> NDArray[np.uint8]:
    """`voxels` on the grid of `volume`, taken at the nearest neighbour of each voxel of `grid`; 0
    outside. Only the part of `grid` that they reach is worked out."""
    made = np.zeros(grid.shape, np.uint8)
    boxes = ndimage.find_objects((voxels > 0).astype(np.uint8))
    low = np.array([s.start for s in boxes[0]])
    high = np.array([s.stop for s in boxes[0]]) - 1
    ends = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
    reach = grid.mm_to_index(volume.index_to_mm(low + ends * (high - low)))
    margin = np.ceil(np.array(volume.spacing).max() / np.array(grid.spacing[::-1])) + 1
    first = np.maximum(0, np.floor(reach.min(axis=0) - margin)).astype(int)
    last = np.minimum(grid.shape, np.ceil(reach.max(axis=0) + margin) + 1).astype(int)
    origin = volume.mm_to_index(grid.index_to_mm(first))
    steps = volume.mm_to_index(grid.index_to_mm(first + np.eye(3))) - origin
    part = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    ndimage.affine_transform(
        voxels, steps.T, origin, output=made[part], order=0, mode="constant", cval=0
    )
    return made


def no_ct(ct: Volume) -> list[Doubt]:
    """Whether the intensities are HU: a CT has air and fat, which are negative."""
    some = ct.voxels.ravel()[:: max(1, ct.voxels.size // SAMPLED)]
    if np.mean(some < NEGATIVE_HU) >= NEGATIVE_SHARE:
        return []
    said = (
        f"intensities from {some.min():.0f} to {some.max():.0f} hold no air and no fat: looks like"
        " MR (or a CT without its rescale), HU cannot be used"
    )
    return [Doubt("", "no CT", said)]


def mirrored(labels: SpineLabels, ct: Volume) -> list[Doubt]:
    """Whether the mask lies on bone only when it is flipped. A spine in the middle of the picture
    looks alike from both sides, so left and right are found only where it stands aside."""
    at = _sampled(np.argwhere(labels.volume.voxels))
    last = np.array(ct.shape) - 1

    def brightness(flip: tuple[bool, bool, bool]) -> float:
        z, y, x = np.where(flip, last - at, at).T
        return float(np.clip(ct.voxels[z, y, x], -200, 800).mean())

    own = brightness((False, False, False))
    best = max(_FLIPS, key=brightness)
    found = brightness(best)
    if found - own < BRIGHTER_HU or found < BONE_HU:
        return []
    said = (
        f"mask and CT fit only with {_FLIPS[best]} exchanged (mean {found:.0f} HU instead of"
        f" {own:.0f}): one of them is mirrored"
    )
    return [Doubt("", "mirrored", said)]


def metal(labels: SpineLabels, ct: Volume) -> list[Doubt]:
    """Vertebrae within `METAL_NEAR_MM` of a cluster above `METAL_HU`."""
    pad = [int(np.ceil(METAL_NEAR_MM / s)) for s in ct.spacing[::-1]]
    voxels = labels.volume.voxels
    found = []
    for label, box in enumerate(ndimage.find_objects(voxels), 1):
        if box is None:
            continue
        around = tuple(
            slice(max(0, s.start - p), min(n, s.stop + p))
            for s, p, n in zip(box, pad, ct.shape, strict=True)
        )
        bright = ct.voxels[around] > METAL_HU
        if not bright.any():
            continue
        parts, _ = ndimage.label(bright, np.ones((3, 3, 3)))
        ml = np.bincount(parts.ravel()) * float(np.prod(ct.spacing)) / 1000
        ml[0] = 0.0
        large = np.isin(parts, np.flatnonzero(ml >= METAL_ML))
        if not large.any():
            continue
        start = np.array([s.start for s in around])
        points = ct.index_to_mm(np.argwhere(large) + start)
        own = ct.index_to_mm(_sampled(np.argwhere(voxels[around] == label), 20_000) + start)
        near = cKDTree(own).query(points, distance_upper_bound=METAL_NEAR_MM)[0] <= METAL_NEAR_MM
        if near.any():
            name = labels.name_of(label)
            volume = near.sum() * float(np.prod(ct.spacing)) / 1000
            said = f"{name}: {volume:.1f} ml of metal (above {METAL_HU:.0f} HU) within 15 mm"
            found.append(Doubt(name, "metal", said))
    return found


def thick(volume: Volume) -> list[Doubt]:
    """Slices over `THICK_MM`: endplates are less certain."""
    step = max(volume.spacing)
    if step <= THICK_MM + 0.01:
        return []
    said = f"slices stand {step:.2g} mm apart: heights are less certain"
    return [Doubt("", "thick slices", said)]


def _grid(volume: Volume) -> str:
    return " x ".join(f"{s:.2g}" for s in volume.spacing) + " mm"


def _sampled(index: NDArray[np.intp], most: int = SAMPLED) -> NDArray[np.intp]:
    return index[:: max(1, len(index) // most)]
