"""From intensities to the 8 bits a screen shows: window and level, percentiles, MONOCHROME1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.image import Image


def apply_window(pixels: ArrayLike, center: float, width: float) -> NDArray[np.float32]:
    """`pixels` of any shape mapped to [0, 1] by the linear window of DICOM PS3.3 C.11.2.1.2.1.

    x <= c - 0.5 - (w - 1) / 2  -> 0
    x >  c - 0.5 + (w - 1) / 2  -> 1
    else                        -> (x - (c - 0.5)) / (w - 1) + 0.5

    `width` must be at least 1 (1 is a threshold); raises InputError.
    """
    if not (np.isfinite(center) and np.isfinite(width) and width >= 1):
        raise InputError(f"window {center} / {width}: the width must be at least 1")
    x = np.asarray(pixels, dtype=np.float32)
    if width == 1:
        return (x > center - 0.5).astype(np.float32)
    y: NDArray[np.float32] = (x - np.float32(center - 0.5)) / np.float32(width - 1) + np.float32(
        0.5
    )
    return np.clip(y, 0.0, 1.0, out=y)


def apply_range(pixels: ArrayLike, low: float, high: float) -> NDArray[np.float32]:
    """`pixels` of any shape mapped linearly so that `low` -> 0 and `high` -> 1, clipped.

    For intensities of any scale, floats in [0, 1] included, where DICOM's width >= 1 has no sense
    (this is its LINEAR_EXACT, C.11.2.1.3.2). A flat image (`low` = `high`) becomes 0.
    """
    if not (np.isfinite(low) and np.isfinite(high) and high >= low):
        raise InputError(f"window from {low} to {high}: the upper end must not be below the lower")
    x = np.asarray(pixels, dtype=np.float32)
    if high == low:
        return np.zeros_like(x)
    y: NDArray[np.float32] = (x - np.float32(low)) / np.float32(high - low)
    return np.clip(y, 0.0, 1.0, out=y)


def percentile_range(
    pixels: ArrayLike, lower: float = 0.5, upper: float = 99.5
) -> tuple[float, float]:
    """The intensities (low, high) at two percentiles in [0, 100], which ignore outliers."""
    if not 0 <= lower < upper <= 100:
        raise InputError(f"percentiles {lower} and {upper}: need 0 <= lower < upper <= 100")
    low, high = np.percentile(np.asarray(pixels), (lower, upper))
    return float(low), float(high)


def to_8bit(unit: ArrayLike) -> NDArray[np.uint8]:
    """Values in [0, 1] rounded to 0..255."""
    y = np.clip(np.asarray(unit, dtype=np.float32), 0.0, 1.0)
    return np.rint(y * 255).astype(np.uint8)


def display_8bit(image: Image, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """(H, W) uint8 as a viewer shows `image`; MONOCHROME1 is inverted here and nowhere else.

    `window` is (center, width) in the image's intensities; without it the file's own window
    (`meta["window"]`, or `meta["range"]` from black to white), and without that the percentile
    window.
    """
    window = window or image.meta.get("window")
    if window is None and "range" in image.meta:
        unit = apply_range(image.pixels, *image.meta["range"])
    elif window is not None:
        unit = apply_window(image.pixels, *window)
    else:
        unit = apply_range(image.pixels, *percentile_range(image.pixels))
    return to_8bit(1 - unit if image.photometric == "MONOCHROME1" else unit)


def brightness_up(image: Image) -> NDArray[Any]:
    """Pixels (H, W) of the image's own type, which rise with the brightness they are shown with."""
    if image.photometric != "MONOCHROME1":
        return image.pixels
    if image.pixels.dtype.kind == "u":
        return np.iinfo(image.pixels.dtype).max - image.pixels
    low, high = image.pixels.min(), image.pixels.max()
    return (float(low) + float(high) - image.pixels).astype(image.pixels.dtype)


def attenuation_up(image: Image) -> NDArray[np.float32]:
    """Pixels (H, W) that rise with attenuation (bone bright), whatever the file shows bright.

    The sign of the relationship to the beam decides where the file gives it, else the photometric
    interpretation: radiographs are shown with bright bones.
    """
    pixels = image.pixels.astype(np.float32)
    falls = image.beam_sign > 0 if image.beam_sign else image.photometric == "MONOCHROME1"
    return pixels.max() - pixels if falls else pixels
