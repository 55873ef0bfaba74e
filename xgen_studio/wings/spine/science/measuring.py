"""All bodies of a scan, each measured, or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import PATIENT_BACK, Body, measure
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import GRADED, LABELS, NAMES, in_order
from xgen_studio.wings.spine.science.sampling import NoBodyError, Sampler

UP = np.array([0.0, 0.0, 1.0])
CUT = 0.08  # share of both endplates on the scan's border from which a body counts as cut
NEAR = 0.3  # mm, or voxels, from the last voxel's middle: an endplate half a voxel away is whole
CUT_SAID = "it is cut by the border of the scan"  # by whoever proposed the body
BORDERS = {0: ("lower", "upper"), 1: ("front", "back"), 2: ("right", "left")}


@dataclass(frozen=True, eq=False)
class Measured:
    """The bodies of a scan.

    bodies         by level, from head to feet
    reasons        by level: why it cannot be measured
    middles        (3,) LPS mm of every labelled vertebra, those that cannot be measured included
    """

    bodies: dict[str, Body]
    reasons: dict[str, str]
    middles: dict[str, Floats]


def measure_all(labels: Volume, only: tuple[str, ...] = GRADED) -> Measured:
    """Measure the labelled vertebrae of a volume of VerSe labels."""
    samplers: dict[str, Sampler] = {}
    reasons: dict[str, str] = {}
    middles: dict[str, Floats] = {}
    found = enumerate(ndimage.find_objects(labels.voxels), 1)
    boxes = {NAMES[label]: box for label, box in found if box is not None and label in NAMES}
    for level in in_order(name for name in boxes if name != "S1"):
        try:
            sampler = Sampler.of(labels, LABELS[level], box=boxes[level])
            middles[level] = sampler.middle
            samplers[level] = sampler
        except NoBodyError as error:
            reasons[level] = str(error)
    bodies: dict[str, Body] = {}
    names = list(middles)
    for index, level in enumerate(names):
        if level not in only:
            continue
        try:
            body = measure(samplers[level], _up_at(middles, names, index), PATIENT_BACK)
        except NoBodyError as error:
            reasons[level] = str(error)
            continue
        if cut := _cut_by(body, labels):
            reasons[level] = cut
        else:
            bodies[level] = body
    return Measured(bodies, reasons, middles)


def _up_at(middles: Mapping[str, Floats], names: list[str], index: int) -> Floats:
    """Roughly up for a vertebra: from the one below to the one above."""
    upper, lower = names[max(index - 1, 0)], names[min(index + 1, len(names) - 1)]
    along = middles[upper] - middles[lower]
    length = float(np.linalg.norm(along))
    return along / length if length > 5 else UP


def _cut_by(body: Body, labels: Volume) -> str:
    """Which border of the scan cuts a body, in words; '' where none does: the share of the columns
    whose endplate lies where the scan ends."""
    left, back = body.places()
    ends = [np.stack([left, back, field], -1) for field in (body.top, body.bottom)]
    index = labels.mm_to_index(body.frame.to_patient(np.stack(ends))).reshape(-1, 3)
    room = NEAR / np.minimum(labels.spacing[::-1], 1.0)
    last = np.array(labels.shape) - 1
    for axis, names in BORDERS.items():
        for near, name in (
            (index[:, axis] < room[axis], names[0]),
            (index[:, axis] > last[axis] - room[axis], names[1]),
        ):
            if near.mean() > CUT:
                return f"it is cut by the {name} border of the scan"
    return ""
