"""Pictures of a spine for a report: the whole, and each vertebra as it is and would be healthy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.curve import Curve
from xgen_studio.wings.spine.science.straighten import straighten
from xgen_studio.wings.spine.tasks.asks import HealthyShown
from xgen_studio.wings.spine.tasks.report_blocks import Picture, Views

Grey = NDArray[np.uint8]
BONE = (400.0, 1800.0)  # HU: centre and width of the window
REAL, HEALTHY = (255, 176, 0), (0, 190, 255)  # outlines
SLAB = 4.0  # mm of the overview that are averaged
SCALE = 2  # pixels of a picture to a voxel of a block, so that outlines are fine
ABOVE = 20.0  # mm that the overview shows beyond the outermost vertebrae


def grey_of(hounsfield: NDArray[np.generic]) -> Grey:
    """HU in the bone window as 8-bit grey."""
    centre, width = BONE
    shown = (np.asarray(hounsfield, dtype=np.float32) - centre + width / 2) / width
    return np.asarray(np.clip(shown, 0, 1) * 255, dtype=np.uint8)


def overview(
    ct: Volume | None, labels: Volume, curve: Curve, middles: dict[str, NDArray[np.float64]]
) -> tuple[Picture, dict[str, tuple[float, float]]]:
    """The straightened spine from the side, the head above, the front to the left; and where the
    vertebrae stand in it, px. Without a CT the mask is shown, each vertebra in a grey of its own.
    """
    straight_labels = straighten(labels, curve, half_width=52.0, nearest=True)
    middle = straight_labels.shape[2] // 2
    half = max(int(SLAB / 2), 1)
    if ct is not None:
        straight = straighten(ct, curve, half_width=52.0)
        pixels = grey_of(straight.voxels[:, :, middle - half : middle + half].mean(2))
    else:
        flat = straight_labels.voxels[:, :, middle]
        pixels = np.where(flat > 0, 90 + (flat.astype(int) * 53) % 140, 12).astype(np.uint8)
    places = {
        level: straight_labels.mm_to_index(curve.to_straight(point))
        for level, point in middles.items()
    }
    heights = [at[0] for at in places.values()]
    low = max(int(min(heights) - ABOVE), 0)
    high = min(int(max(heights) + ABOVE), len(pixels))
    shown = np.ascontiguousarray(pixels[low:high][::-1])
    marks = {level: (float(at[1]), float(high - 1 - at[0])) for level, at in places.items()}
    return Picture(shown, 1.0), marks


def views_of(shown: HealthyShown) -> Views:
    """Midsagittal pictures of a vertebra: real with its outline, healthy with its, and the real one
    under both outlines."""
    middle = shown.real_mask.shape[2] // 2

    def side(block: NDArray[Any]) -> NDArray[Any]:
        return block[::-1, :, middle]

    real_edge = _edge(side(shown.real_mask) > 0)
    healthy_edge = _edge(side(shown.healthy_mask) > 0)
    real = _base(None if shown.real is None else side(shown.real), side(shown.real_mask))
    healthy = _base(
        None if shown.healthy is None else side(shown.healthy), side(shown.healthy_mask)
    )
    overlay = real.copy()
    overlay[healthy_edge] = HEALTHY
    overlay[real_edge] = REAL
    mm = shown.spacing / SCALE
    return Views(Picture(real, mm), Picture(healthy, mm), Picture(overlay, mm))


def _base(hounsfield: NDArray[np.generic] | None, mask: NDArray[np.generic]) -> Grey:
    """A picture in colour; the mask itself where there is no CT."""
    if hounsfield is None:
        flat = np.where(np.asarray(mask) > 0, 170, 12).astype(np.uint8)
        large = np.kron(flat, np.ones((SCALE, SCALE), np.uint8))
    else:
        smooth = ndimage.zoom(
            np.asarray(hounsfield, np.float32), SCALE, order=1, grid_mode=True, mode="nearest"
        )
        large = grey_of(smooth)
    return np.repeat(large[..., None], 3, axis=2)


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    large = ndimage.zoom(mask.astype(np.float32), SCALE, order=1, grid_mode=True, mode="nearest")
    inside = large > 0.5
    return np.asarray(inside & ~ndimage.binary_erosion(inside))
