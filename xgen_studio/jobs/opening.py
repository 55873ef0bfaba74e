"""Open a real radiograph for painting: on the model's grid, with a proposed mask over it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.anatomy.knee.framing import frame
from xgen_studio.anatomy.knee.labels import bits_to_labels
from xgen_studio.anatomy.knee.masks import check_radiograph, propose_planes, trouble
from xgen_studio.anatomy.knee.radiograph import normalised
from xgen_studio.diffusion import Denoiser
from xgen_studio.imaging import attenuation_up, read_image


@dataclass(frozen=True)
class OpenedRadiograph:
    """A radiograph on the grid: grey values in [0, 1], label ids, mm a pixel, and any doubt."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float] | None
    doubt: str
    synthetic: bool


def propose_labels(
    pixels: NDArray[np.float32], proposer: Denoiser
) -> tuple[NDArray[np.uint8], str]:
    """Label ids of a radiograph (H, W) in [0, 1], and what makes them doubtful, if anything."""
    bits = propose_planes(pixels, proposer)
    return bits_to_labels(bits), trouble(bits)


def open_radiograph(path: Path, proposer: Denoiser, grid: tuple[int, int]) -> OpenedRadiograph:
    """Read an AP knee radiograph, propose its mask, and cut the model's window out of both."""
    from scipy import ndimage

    image = read_image(path)
    pixels = attenuation_up(image)
    check_radiograph(pixels, str(path))
    bits = propose_planes(pixels, proposer)
    labels = bits_to_labels(bits)
    window = frame(labels, grid)
    grey = normalised(pixels, (bits & 1).astype(bool))
    coarser = max(window.rows / grid[0], window.columns / grid[1])
    if coarser > 1:  # as a detector would: nothing finer than a pixel may alias
        grey = ndimage.gaussian_filter(grey, 0.4 * coarser)
    ys = window.top + (np.arange(grid[0]) + 0.5) * window.rows / grid[0] - 0.5
    xs = window.left + (np.arange(grid[1]) + 0.5) * window.columns / grid[1] - 0.5
    at = np.meshgrid(ys, xs, indexing="ij")
    fitted = ndimage.map_coordinates(grey, at, order=1, mode="nearest").clip(0, 1)
    spacing = window.spacing(image.spacing, grid)
    taken: NDArray[Any] = window.taken_from(labels, grid)
    return OpenedRadiograph(
        fitted.astype(np.float32), taken.astype(np.uint8), spacing, trouble(bits), image.synthetic
    )
