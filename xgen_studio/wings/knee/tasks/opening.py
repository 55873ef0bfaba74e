"""Open a real radiograph for painting: on the model's grid, with a proposed mask over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.bundles import open_bundle
from xgen_studio.diffusion import Denoiser
from xgen_studio.imaging import attenuation_up, read_image
from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.knee.science.framing import frame
from xgen_studio.wings.knee.science.labels import bits_to_labels
from xgen_studio.wings.knee.science.masks import check_radiograph, propose_planes, trouble
from xgen_studio.wings.knee.science.radiograph import normalised
from xgen_studio.wings.knee.tasks.asks import (
    OpenedRadiograph,
    OpenRadiograph,
    ProposedMask,
    ProposeMask,
)


def _proposer(bench: Bench, model: str) -> Denoiser:
    return bench.kept(("masks", model), lambda: open_bundle(model).denoiser("masks"))


def propose_mask(ask: ProposeMask, bench: Bench) -> Iterator[ProposedMask]:
    """The mask of a picture on the model's grid."""
    bits = propose_planes(ask.pixels, _proposer(bench, ask.model))
    yield ProposedMask(bits_to_labels(bits), trouble(bits))


def open_radiograph(ask: OpenRadiograph, bench: Bench) -> Iterator[OpenedRadiograph]:
    """Read an AP knee radiograph, propose its mask, and cut the model's window out of both."""
    proposer, grid = _proposer(bench, ask.model), ask.grid
    image = read_image(ask.file)
    pixels = attenuation_up(image)
    check_radiograph(pixels, str(ask.file))
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
    yield OpenedRadiograph(
        ask.file,
        fitted.astype(np.float32),
        taken.astype(np.uint8),
        spacing,
        trouble(bits),
        image.synthetic,
        image.notes,
    )
