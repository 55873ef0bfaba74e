"""DICOM SEG in: one label map of the segments that are named as vertebrae.

A segment's number is its id here, and its name is SegmentLabel with the meaning of its coded
property type (SNOMED's 'L1 vertebra') where the label names no level. PS3.3 C.8.20.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.imaging.formats.content import first_bytes
from xgen_studio.imaging.geometry import triple
from xgen_studio.imaging.limits import check_bytes, check_size
from xgen_studio.wings.spine.science.numbering import level_of

SEGMENTATION_STORAGE = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
UNEVEN = 0.1  # of a slice's thickness that a frame may lie beside its place


def is_segmentation(path: Path) -> bool:
    """Whether a file is a DICOM SEG or label map, read from its first bytes and header."""
    import pydicom

    if first_bytes(path, 132)[128:] != b"DICM":
        return False
    try:
        head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except Exception:  # whoever reads it as an image says what is wrong with it
        return False
    return str(head.get("SOPClassUID", "")) in SEGMENTATION_STORAGE


def read_segmentation(path: Path) -> tuple[Volume, dict[int, str]]:
    """The segments as one uint16 label map on the SEG's own grid, and their names by id.

    Slices that hold nothing may be missing from the file. Of segments that overlap the one with
    the higher number stays. InputError, one line, where frames do not make a grid.
    """
    import pydicom

    try:
        seg = pydicom.dcmread(path)
        names = {int(item.SegmentNumber): _name(item) for item in seg.SegmentSequence}
        frames = _frames(path, seg)
        places = [_place(seg, k) for k in range(len(frames))]
        shared = seg.SharedFunctionalGroupsSequence[0]
        first = seg.PerFrameFunctionalGroupsSequence[0]
        rows_columns = _floats(
            _of(shared, first, "PlaneOrientationSequence").ImageOrientationPatient
        )
        measures = _of(shared, first, "PixelMeasuresSequence")
        row_step, column_step = _floats(measures.PixelSpacing)
        between = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0
        x, y = rows_columns.reshape(2, 3)
        normal = np.cross(x, y)
        heights = np.array([place @ normal for place, _ in places])
        if not np.all(np.isfinite(heights)):
            raise ValueError("a frame lies nowhere")
    except InputError:
        raise
    # pydicom answers damage with AttributeError, KeyError, ValueError, NotImplementedError, ...
    except Exception as error:
        said = f"cannot be read as a DICOM segmentation ({type(error).__name__})"
        raise InputError(f"{path}: {said}; export it again, or save it as NIfTI") from error
    step = _step(heights, float(between))
    index = (heights - heights.min()) / step
    if np.abs(index - np.rint(index)).max(initial=0.0) > UNEVEN:
        raise InputError(f"{path}: its frames are unevenly spaced; save it as NIfTI")
    at = np.rint(index).astype(int)
    # an empty slice at either end: those that hold nothing are often left out, and a vertebra in
    # the first frame is not cut by the border of the scan
    at = at + 1
    shape = (int(at.max()) + 2, *frames.shape[1:])
    check_size(shape[::-1], path)
    check_bytes(2 * int(np.prod(shape)), frames.nbytes, path)
    labels = np.zeros(shape, dtype=np.uint16)
    for k in sorted(range(len(frames)), key=lambda k: places[k][1] or 0):
        frame, number = frames[k], places[k][1]
        inside = frame > 0
        labels[at[k]][inside] = number if number is not None else frame[inside]
    origin = places[int(np.argmin(heights))][0] - step * normal
    volume = Volume(
        labels,
        triple([column_step, row_step, step]),
        triple(origin),
        np.column_stack([x, y, normal]),
        modality="SEG",
        source=path,
    )
    return volume, names


def _frames(path: Path, seg: Any) -> NDArray[Any]:
    """(frames, rows, columns): 0 or 1, or ids in a label map. Fractions count from a half."""
    size = (int(seg.Columns), int(seg.Rows), int(seg.get("NumberOfFrames", 1)))
    check_size(size, path)
    pixels = np.asarray(seg.pixel_array)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    if str(seg.get("SegmentationType", "")) == "FRACTIONAL":
        return (pixels >= float(seg.get("MaximumFractionalValue", 255)) / 2).astype(np.uint8)
    return pixels


def _place(seg: Any, k: int) -> tuple[NDArray[np.float64], int | None]:
    """Where a frame's first pixel is in mm, and its segment; None in a label map."""
    groups = seg.PerFrameFunctionalGroupsSequence[k]
    shared = seg.SharedFunctionalGroupsSequence[0]
    place = _floats(_of(groups, shared, "PlanePositionSequence").ImagePositionPatient)
    if str(seg.get("SegmentationType", "")) == "LABELMAP":
        return place, None
    segment = _of(groups, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber
    return place, int(segment)


def _of(one: Any, other: Any, name: str) -> Any:
    """The item of a functional group, which may be said for each frame or for all of them."""
    return (one.get(name) or other.get(name))[0]


def _floats(values: Any) -> NDArray[np.float64]:
    return np.array([float(v) for v in values])


def _step(heights: NDArray[np.float64], declared: float) -> float:
    """Between slices: the smallest distance that occurs, or what is declared where there is one."""
    apart = np.diff(np.unique(np.round(heights, 3)))
    found = float(apart.min()) if apart.size else 0.0
    if declared > 0 and (found == 0 or abs(found / declared - round(found / declared)) < UNEVEN):
        return declared
    return found or 1.0


def _name(segment: Any) -> str:
    label = str(segment.get("SegmentLabel", ""))
    if level_of(label) is not None:
        return label
    meanings = [
        str(item.get("CodeMeaning", ""))
        for key in ("SegmentedPropertyTypeCodeSequence", "AnatomicRegionSequence")
        for item in segment.get(key) or ()
    ]
    return next((meaning for meaning in meanings if level_of(meaning)), label)
