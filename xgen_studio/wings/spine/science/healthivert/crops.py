"""Straightened crops about each vertebra of a scan: what HealthiVert-GAN learns from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.curve import fit_curve
from xgen_studio.wings.spine.science.levels import GRADED, LABELS
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.proposal_data import block_at
from xgen_studio.wings.spine.science.solid import solid_of
from xgen_studio.wings.spine.science.straighten import straighten

SIZE = (160, 96, 48)  # mm along the spine, to the back, to the left
AIR = -1024


@dataclass(frozen=True, eq=False)
class Crop:
    """One vertebra of a straightened scan: `ct` int16 HU and `labels` uint8 of bodies, (D, H, W) at
    1 mm, z up to the head, y to the back, x to the left."""

    ct: NDArray[np.int16]
    labels: NDArray[np.uint8]
    target: int
    healthy: NDArray[np.uint8]


def crops_of(ct: Volume, labels: Volume, grades: Mapping[str, int]) -> Iterator[Crop]:
    """Crops about every body that is whole. `grades` are known ones by level: 0 is healthy, what is
    not there is not known and is no target. Arches are left out of the labels."""
    measured = measure_all(labels)
    if len(measured.bodies) < 2:
        return
    frames = {level: body.frame for level, body in measured.bodies.items()}
    curve = fit_curve(measured.middles, frames)
    bodies = np.zeros(labels.shape, np.uint8)
    for level, body in measured.bodies.items():
        box, inside = solid_of(body).mask_on(labels)
        own = inside & (labels.voxels[box] == LABELS[level])
        bodies[box][own] = LABELS[level]
    grid = Volume(bodies, labels.spacing, labels.origin, labels.direction)
    straight = straighten(ct, curve, half_width=SIZE[1] / 2, outside=AIR)
    flat = straighten(grid, curve, half_width=SIZE[1] / 2, nearest=True)
    healthy = np.zeros(32, np.uint8)
    for level, grade in grades.items():
        healthy[LABELS[level]] = grade == 0
    for level, body in measured.bodies.items():
        if level in GRADED and level in grades:
            at = flat.mm_to_index(curve.to_straight(body.frame.origin))
            yield Crop(
                np.round(_cut(straight.voxels, at, AIR)).astype(np.int16),
                _cut(flat.voxels, at, 0).astype(np.uint8),
                LABELS[level],
                healthy,
            )


def _cut(voxels: NDArray[Any], at: NDArray[np.float64], fill: int) -> NDArray[Any]:
    """A block of `SIZE` about an index, filled up where the scan ends."""
    return block_at(voxels, np.round(at - np.array(SIZE) / 2).astype(int), fill, SIZE)


def as_arrays(crops: Sequence[tuple[Crop, int, bool]]) -> dict[str, NDArray[Any]]:
    """The arrays of `data`, of (crop, patient number, held out)."""
    return {
        "ct": np.stack([crop.ct for crop, _, _ in crops]),
        "labels": np.stack([crop.labels for crop, _, _ in crops]),
        "target": np.array([crop.target for crop, _, _ in crops], np.int64),
        "healthy": np.stack([crop.healthy for crop, _, _ in crops]),
        "fractured": np.array(
            [int(not crop.healthy[crop.target]) for crop, _, _ in crops], np.int64
        ),
        "patient": np.array([patient for _, patient, _ in crops], np.int64),
        "held_out": np.array([held for _, _, held in crops], bool),
    }
