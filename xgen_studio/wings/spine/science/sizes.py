"""How large vertebrae are, level by level: what is drawn where a patient's own say nothing.

Mean sizes in mm: T10 to L5 of the bodies that the shape prior was fitted on; above half way
between those and Panjabi et al. (Spine 1991;16:861; 12 small spines, 5 % added); widths are
Panjabi's (L1-L5 Spine 1992;17:299). How much the vertebrae of one patient differ is `parametric`'s,
tuned so that manual bodies and parametric ones are predicted from their neighbours about alike.
Discs and the angles between endplates: rounded from the shared lumbar statistics (87 patients) and
from the distances between centres of 495 scans. They shape the parametric spines; the reference of
a grade is `prior`.
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
    "T1": (15.3, 18.8, 25.2, 4.5, -1, 0),
    "T2": (16.3, 20.1, 25.6, 4.0, -0.5, -0.5),
    "T3": (16.6, 22.4, 25.3, 3.6, -3, -0.5),
    "T4": (17.3, 23.6, 25.2, 3.5, -3, -0.5),
    "T5": (17.5, 25.0, 25.6, 3.5, -3.5, -1),
    "T6": (18.3, 26.7, 27.0, 3.8, -3, -1),
    "T7": (18.8, 28.2, 28.6, 4.0, -3, -1),
    "T8": (19.2, 28.9, 30.4, 4.3, -2, -1),
    "T9": (20.0, 30.0, 31.5, 4.6, -2, 0),
    "T10": (21.3, 30.9, 32.9, 5.0, -1, 0),
    "T11": (23.1, 32.2, 35.9, 5.4, -1.5, 0.5),
    "T12": (25.6, 32.6, 40.2, 6.2, -2, 2),
    "L1": (26.7, 32.4, 42.4, 7.5, -1, 5),
    "L2": (27.3, 33.3, 43.9, 8.6, 1, 7),
    "L3": (27.0, 33.9, 45.4, 9.8, 3.5, 9),
    "L4": (26.1, 34.0, 48.0, 10.6, 5, 11),
    "L5": (23.9, 33.4, 50.0, 9.8, 11, 13),
}
SIZES = {level: Size(*numbers) for level, numbers in _TABLE.items()}
LEVELS = tuple(in_order(SIZES))  # from head to feet
