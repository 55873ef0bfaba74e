"""The labels of a knee mask. Light: the studio shows them before torch is loaded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging.labels import Label, LabelTable

BACKGROUND, LEG, BONE, FEMUR, TIBIA, FIBULA, PATELLA = range(7)
PARTS = (FEMUR, TIBIA, FIBULA, PATELLA)

TABLE = LabelTable(
    [
        Label(LEG, "leg", (120, 130, 145)),
        Label(BONE, "bone", (235, 225, 200)),
        Label(FEMUR, "femur", (226, 104, 92)),
        Label(TIBIA, "tibia", (86, 170, 226)),
        Label(FIBULA, "fibula", (232, 190, 82)),
        Label(PATELLA, "patella", (120, 200, 120)),
    ]
)

# Rows, columns of the AP radiographs: their aspect, in multiples of the networks' stride
XRAY_GRID = (160, 288)


def bits_to_labels(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Planes (H, W) as bits -> label ids; fibula over tibia, patella over femur."""
    labels = np.where(bits & 1, LEG, BACKGROUND).astype(np.uint8)
    for plane, label in enumerate(PARTS, start=1):
        labels[(bits >> plane) & 1 == 1] = label
    return labels
