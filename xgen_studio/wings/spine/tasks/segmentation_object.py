"""DICOM SEG of a spine: the mask on the patient's own slices, a segment for each vertebra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

import xgen_studio
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.levels import NAMES
from xgen_studio.wings.spine.tasks.dicom_sources import (
    MAKER,
    checked_sources,
    plane_of,
    save,
    vertebra_code,
)
from xgen_studio.wings.spine.tasks.grading_file import RESEARCH_USE

FILE = "mask_seg.dcm"
SERIES = f"Vertebral bodies, {RESEARCH_USE}"  # at most 64 letters
LEAST_SHARE = 0.8  # of a vertebra's volume that must come to lie on the slices


def write_seg(
    labels: Volume,
    source_datasets: Sequence[Dataset],
    path: Path,
    mask_source: str,
    algorithm: str = "SEMIAUTOMATIC",
) -> None:
    """Write the mask as a binary segmentation of the slices that the CT was read from.

    labels       (D, H, W) VerSe numbers on any grid of the patient (LPS mm): every pixel of a slice
                 takes the nearest voxel's label, so the order of the slices and their orientation
                 do not matter; on the CT's own grid nothing changes
    mask_source  in words, where the mask comes from; it becomes the algorithm's name
    algorithm    'AUTOMATIC' where nobody touched the mask, 'SEMIAUTOMATIC' where a person placed,
                 named or edited something, 'MANUAL' where a person drew it

    InputError where there are no slices, as of a CT from NIfTI, where the mask is empty, or does
    not lie on the slices.
    """
    sources = checked_sources(source_datasets)
    kind = SegmentAlgorithmTypeValues(algorithm)
    pixels = on_slices(labels, sources)
    found = [int(v) for v in np.unique(labels.voxels) if int(v) in NAMES]
    if not found:
        raise InputError(f"{path}: the mask holds no vertebra; there is nothing to write")
    _check_inside(labels, pixels, sources, found)
    save(lambda: _object(pixels, found, sources, mask_source, kind), path)


def on_slices(labels: Volume, sources: Sequence[Dataset]) -> NDArray[np.uint8]:
    """(N, H, W) the label nearest to each pixel of N slices, 0 outside of the labels' grid."""
    rows, columns = int(sources[0].Rows), int(sources[0].Columns)
    result = np.zeros((len(sources), rows, columns), np.uint8)
    filled = np.argwhere(labels.voxels)
    if not len(filled):
        return result
    low, high = filled.min(axis=0) - 0.5, filled.max(axis=0) + 0.5
    r, c = np.arange(rows)[:, None], np.arange(columns)[None]
    for k, source in enumerate(sources):
        plane = plane_of(source)
        start = labels.mm_to_index(plane.origin)
        down = labels.mm_to_index(plane.origin + plane.row) - start
        along = labels.mm_to_index(plane.origin + plane.column) - start
        inside = np.ones((rows, columns), bool)
        for axis in range(3):
            place = start[axis] + down[axis] * r + along[axis] * c
            inside &= (place >= low[axis]) & (place < high[axis])
        at = np.nonzero(inside)
        if len(at[0]):
            index = start + np.outer(at[0], down) + np.outer(at[1], along)
            z, y, x = np.floor(index + 0.5).astype(int).T
            result[k][at] = labels.voxels[z, y, x]
    return result


def _check_inside(
    labels: Volume, pixels: NDArray[np.uint8], sources: Sequence[Dataset], found: list[int]
) -> None:
    """InputError where a vertebra lies beside the slices, or much of it."""
    planes = [plane_of(source) for source in sources]
    heights = np.sort([plane.origin @ planes[0].normal for plane in planes])
    between = float(np.median(np.diff(heights))) if len(planes) > 1 else 0.0
    pixel = np.linalg.norm(planes[0].row) * np.linalg.norm(planes[0].column) * between
    voxel = float(np.prod(labels.spacing))
    lost = []
    for label in found:
        whole = voxel * np.count_nonzero(labels.voxels == label)
        if pixel * np.count_nonzero(pixels == label) < LEAST_SHARE * whole:
            lost.append(NAMES[label])
    if lost:
        raise InputError(
            f"the mask of {', '.join(lost)} does not lie on these DICOM slices; choose the series"
            " that the CT was read from"
        )


def _object(
    pixels: NDArray[np.uint8],
    found: list[int],
    sources: list[Dataset],
    mask_source: str,
    kind: SegmentAlgorithmTypeValues,
) -> Dataset:
    version = xgen_studio.__version__
    algorithm = None
    if kind is not SegmentAlgorithmTypeValues.MANUAL:
        algorithm = AlgorithmIdentificationSequence(
            (mask_source or MAKER)[:64], codes.DCM.ArtificialIntelligence, version, MAKER
        )
    segments = [
        SegmentDescription(
            number,
            NAMES[label],
            codes.SCT.AnatomicalStructure,
            vertebra_code(NAMES[label]),
            kind,
            algorithm,
            tracking_uid=generate_uid(),
            tracking_id=NAMES[label],
        )
        for number, label in enumerate(found, 1)
    ]
    numbers = np.zeros(256, np.uint8)
    numbers[found] = np.arange(1, len(found) + 1)
    made = Segmentation(
        sources,
        numbers[pixels],
        SegmentationTypeValues.BINARY,
        segments,
        generate_uid(),
        901,
        generate_uid(),
        1,
        MAKER,
        MAKER,
        version,
        "none",
        content_label="VERTEBRAE",
        content_description=f"Vertebrae, {RESEARCH_USE}",
        series_description=SERIES,
    )
    for segment in made.SegmentSequence:
        segment.SegmentDescription = f"Mask: {mask_source or 'not said'}; {RESEARCH_USE}"[:1024]
    return made
