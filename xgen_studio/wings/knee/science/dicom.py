"""What an exported knee shows, as DICOM says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.knee.science.labels import FIBULA, TIBIA

AP_MODELS = ("knee-xray",)  # that draw nothing but AP views


def about(labels: NDArray[np.integer], provenance: Mapping[str, Any]) -> dict[str, str]:
    """Body part; view where the model draws but one; side where the fibula tells it.

    In an AP view the fibula of a right knee lies at the picture's left: the patient faces us.
    """
    said = {"BodyPartExamined": "KNEE"}
    if provenance.get("model") not in AP_MODELS:
        return said
    said["ViewPosition"] = "AP"
    middles = [
        np.nonzero(labels == bone)[1].mean() for bone in (FIBULA, TIBIA) if (labels == bone).any()
    ]
    if len(middles) == 2:
        said["ImageLaterality"] = "R" if middles[0] < middles[1] else "L"
    return said
