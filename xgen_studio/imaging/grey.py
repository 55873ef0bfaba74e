"""What a stored value means: scaling, and what turns black and white round. One place for all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MONOCHROME1, MONOCHROME2 = "MONOCHROME1", "MONOCHROME2"


def shown(photometric: str, lut_shape: str = "") -> tuple[str, tuple[str, ...]]:
    """How values are shown: MONOCHROME2 (large ones bright) or MONOCHROME1 (dark); and what is to
    be told.

    photometric  DICOM's Photometric Interpretation, or TIFF's MINISWHITE and MINISBLACK
    lut_shape    DICOM's Presentation LUT Shape. INVERSE is written for MONOCHROME1 and says the
                 same; beside MONOCHROME2 it turns the picture round (PS3.3 C.8.11.3.1.2)
    """
    dark = photometric in (MONOCHROME1, "MINISWHITE")
    if lut_shape == "INVERSE" and not dark:
        said = "its presentation LUT shape is INVERSE: large values are shown dark"
        return MONOCHROME1, (said,)
    if photometric == "MINISWHITE":
        return MONOCHROME1, ("it is stored with white as its least value",)
    return (MONOCHROME1 if dark else MONOCHROME2), ()


def beam_sign(stated: float | None, falls: bool = False) -> int:
    """How intensities go with the X-ray beam behind the patient: 1 with it (bone is low), -1
    against it (bone is high), 0 where the file does not say.

    stated  DICOM's Pixel Intensity Relationship Sign (0028,1041), which is of stored values
    falls   intensities fall where those rise, which turns it round
    """
    sign = 0 if stated is None or stated not in (1, -1) else int(stated)
    return -sign if falls else sign


def rescaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """stored * slope + intercept; integers where all is whole and fits 32 bits, else float32."""
    if stored.dtype.kind == "f":
        stored = stored.astype(np.float32, copy=False)
    if (slope, intercept) == (1.0, 0.0):
        return stored
    whole = slope.is_integer() and intercept.is_integer()
    if stored.dtype.kind in "iu" and whole and max(abs(slope), abs(intercept)) < 2**31:
        ends = [float(v) * slope + intercept for v in (stored.min(), stored.max())]
        for kind in (np.int16, np.int32):
            limits = np.iinfo(kind)
            if limits.min <= min(ends) and max(ends) <= limits.max:
                return _by_slice(stored, slope, intercept, np.dtype(np.int64), np.dtype(kind))
    return _by_slice(stored, slope, intercept, np.dtype(np.float64), np.dtype(np.float32))


def _by_slice(
    stored: NDArray[Any], slope: float, intercept: float, wide: np.dtype, kind: np.dtype
) -> NDArray[Any]:
    """stored * slope + intercept of type `kind`, computed in `wide` without a wide copy of all."""
    found = np.empty(stored.shape, kind)
    one = (wide.type(slope), wide.type(intercept))
    for k, part in enumerate(stored):
        found[k] = part.astype(wide) * one[0] + one[1]
    return found
