"""How large vertebrae are, level by level: what is drawn where a patient's own say nothing.

Mean sizes in mm of the posterior height, upper endplate's depth and width: Panjabi et al., Spine
1991;16:861 (T1-T12) and 1992;17:299 (L1-L5), 12 spines; discs and the angles between endplates:
rounded from the shared lumbar statistics (87 patients) and from the distances between centres of
495 scans. They shape the parametric spines; the reference of a grade is `prior`, fitted on bodies.
"""

from __future__ import annotations

from dataclasses import dataclass

from xgen_studio.wings.spine.science.levels import in_order


@dataclass(frozen=True)
class Size:
    """Mean of a level: posterior height, depth and width of the body, height of the disc below,
    mm; angles in degrees between its own endplates, and of the disc below, lordosis positive."""

    height: float
    depth: float
    width: float
    disc: float
    body_angle: float
    disc_angle: float


_TABLE: dict[str, tuple[float, float, float, float, float, float]] = {
    "T1": (14.1, 18.5, 24.5, 4.5, -3, 0),
    "T2": (15.6, 19.6, 24.9, 4.0, -3, -0.5),
    "T3": (15.7, 22.7, 24.6, 3.6, -3.5, -0.5),
    "T4": (16.2, 23.3, 24.5, 3.5, -4, -0.5),
    "T5": (16.2, 24.3, 24.9, 3.5, -4, -1),
    "T6": (17.4, 26.0, 26.2, 3.8, -4, -1),
    "T7": (18.2, 27.4, 27.8, 4.0, -4, -1),
    "T8": (18.7, 27.9, 29.5, 4.3, -4, -1),
    "T9": (19.3, 29.3, 30.6, 4.6, -3.5, 0),
    "T10": (20.2, 30.5, 31.9, 5.0, -3, 0),
    "T11": (21.3, 31.9, 34.9, 5.4, -3, 0.5),
    "T12": (22.7, 32.8, 39.0, 6.2, -3, 2),
    "L1": (25.0, 32.5, 41.2, 7.5, -2, 5),
    "L2": (25.8, 33.0, 42.6, 8.6, 0, 7),
    "L3": (25.8, 33.8, 44.1, 9.8, 2.5, 9),
    "L4": (25.3, 34.2, 46.6, 10.6, 4, 11),
    "L5": (23.5, 34.0, 48.5, 9.8, 9, 13),
}
SIZES = {level: Size(*numbers) for level, numbers in _TABLE.items()}
LEVELS = tuple(in_order(SIZES))  # from head to feet
