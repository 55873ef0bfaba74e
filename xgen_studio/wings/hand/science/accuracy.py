"""How far landmarks lie from the truth: in millimetres, and as published code measures it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.hand.science.landmarks import WRIST, WRIST_MM, Points, mm_per_pixel

RADII_MM = (2.0, 4.0, 10.0, 20.0)
NFDP_SIDE = 512  # px of the frame that NFDP measures in ...
NFDP_PADDING = 1.25  # ... which is this much larger than the picture's longer side


def errors_mm(found: Points, truth: Points) -> NDArray[np.float64]:
    """Distance (37,) of each landmark, mm, from float coordinates; the true wrist has 50 mm."""
    off: NDArray[np.float64] = np.hypot(*(found - truth).T) * mm_per_pixel(truth)
    return off


def truncated_errors_mm(found: Points, truth: Points, size: tuple[int, int]) -> NDArray[np.float64]:
    """As NFDP's code has it (Huang 2024): both landmark sets are cut to whole pixels of a frame of
    512 px about the picture (width, height), about 0.67 mm each, before they are compared."""
    longer = NFDP_PADDING * max(size)
    offset = (longer - np.array(size)) / 2
    a, b = (np.floor((p + offset) * NFDP_SIDE / longer) for p in (found, truth))
    wrist = max(float(np.hypot(*(b[WRIST[0]] - b[WRIST[1]]))), 1e-9)
    off: NDArray[np.float64] = np.hypot(*(a - b).T) * WRIST_MM / wrist
    return off


def outliers(errors: NDArray[np.float64]) -> dict[str, int]:
    """How many errors (N,) exceed each of RADII_MM."""
    return {f">{radius:g} mm": int((errors > radius).sum()) for radius in RADII_MM}
