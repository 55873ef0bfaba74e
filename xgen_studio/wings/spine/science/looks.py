"""What the CT says of a vertebra beside its shape, and views of it in its own frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import Body
from xgen_studio.wings.spine.science.frame import Floats, Frame
from xgen_studio.wings.spine.science.solid import around, solid_of

INNER = 0.6  # share of the depth, width and height that the density is taken of
AIR = -1024.0  # HU outside the scan


def density_hu(body: Body, ct: Volume) -> float:
    """Median HU of the inner part of a body: cancellous bone. It is told, and never graded."""
    solid = solid_of(body)
    box, local = around(ct, body.frame, 30.0)
    u, v, _ = solid.places(local)
    height, inside = solid.height_in(local)
    inner = inside & (np.abs(2 * u - 1) < INNER) & (np.abs(v) < INNER) & (np.abs(height) < INNER)
    return float(np.median(ct.voxels[box][inner])) if inner.any() else float("nan")


def densities(bodies: Mapping[str, Body], ct: Volume) -> dict[str, float]:
    """`density_hu` of each body, where it can be told."""
    found = {level: density_hu(body, ct) for level, body in bodies.items()}
    return {level: value for level, value in found.items() if np.isfinite(value)}


def block_places(frame: Frame, half: tuple[float, float, float], spacing: float) -> Floats:
    """(D, H, W, 3) LPS mm of a block about a frame: `half` mm up, to the back, to the left."""
    axes = [np.arange(-h, h + spacing / 2, spacing) for h in half]
    w, p, n = np.meshgrid(*axes, indexing="ij")
    return frame.to_patient(np.stack([n, p, w], -1))


def read_at(volume: Volume, mm: Floats, order: int = 1) -> NDArray[np.float32]:
    """Values of a volume at points (..., 3) LPS mm; air outside (labels, order 0: 0)."""
    index = np.moveaxis(volume.mm_to_index(mm), -1, 0)
    fill = AIR if order else 0.0
    read = ndimage.map_coordinates(
        volume.voxels, index, output=np.float32, order=order, mode="constant", cval=fill
    )
    return np.asarray(read)
