"""One DICOM file: its intensities, spacing and place, or one line that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json
from xgen_studio.imaging.dicom.header import Elements, read_dataset
from xgen_studio.imaging.dicom.pixels import check_decodable, decoded, falls, put_out
from xgen_studio.imaging.formats.raster import PARTLY_NOTE
from xgen_studio.imaging.geometry import Floats, checked_direction, triple
from xgen_studio.imaging.grey import MONOCHROME1, beam_sign
from xgen_studio.imaging.image import Image

CROSS_SECTIONAL = ("CT", "MR", "PT")  # Pixel Spacing is type 1 in their image modules


def read_dicom(path: Path) -> Image:
    """A DICOM file of one frame as an `Image` in modality units (CT: HU; dose: its own unit).

    Values are kept as stored where MONOCHROME1 shows them dark, named in `photometric`. Padding is
    as dark as the darkest of the picture. `meta["notes"]` tells what was not plain, and
    `meta["spacing_from"]` names the tag that the spacing came from.
    """
    elements = Elements(read_dataset(path))
    check_decodable(elements, path)
    if elements.frames != 1:
        raise InputError(
            f"{path}: holds {elements.frames} frames, and one picture is needed; export one of them"
        )
    pixels, photometric, notes, _ = put_out(decoded(elements, path), path)
    spacing, spacing_from = pixel_spacing(elements, path)
    origin = elements.numbers("ImagePositionPatient", 3)
    meta = _meta(elements, path)
    sign = beam_sign(elements.number("PixelIntensityRelationshipSign"), falls(elements))
    if (sign > 0) != (photometric == MONOCHROME1) and sign:
        bone = "low" if sign > 0 else "high"
        notes = (*notes, f"bone is {bone} by its relationship sign, and is shown dark")
    if elements.partly_synthetic:
        notes = (*notes, PARTLY_NOTE)
    if notes:
        meta["notes"] = [*notes, *meta.get("notes", [])]
    if spacing is None and (odd := _odd_spacing(elements)):
        meta.setdefault("notes", []).append(odd)
    if spacing_from:
        meta["spacing_from"] = spacing_from
    return Image(
        pixels,
        spacing=spacing,
        origin=triple(origin) if origin else None,
        direction=direction_of(elements),
        modality=elements.text("Modality"),
        photometric=photometric,
        beam_sign=sign,
        source=path,
        meta=meta,
        synthetic=elements.synthetic,
    )


def pixel_spacing(elements: Elements, path: Path) -> tuple[tuple[float, float] | None, str]:
    """Spacing (x, y) in mm and the tag it came from; (None, "") where the file does not say.

    A projection is as large as the detector says: with the detector's spacing only, the size in
    the patient is that divided by the magnification, when the file gives one.
    """
    keyword, values = "PixelSpacing", _positive_pair(elements, "PixelSpacing")
    modality = elements.text("Modality")
    if values is None and modality in CROSS_SECTIONAL:
        raise InputError(
            f"{path}: a {modality} image without a valid Pixel Spacing "
            "(0028,0030); export it again with its geometry"
        )
    if values is None and (values := _positive_pair(elements, "ImagerPixelSpacing")):
        keyword = "ImagerPixelSpacing"
        factor = elements.number("EstimatedRadiographicMagnificationFactor")
        if factor and factor > 0:
            keyword += " / EstimatedRadiographicMagnificationFactor"
            values = (values[0] / factor, values[1] / factor)
    if values is None:
        keyword = "NominalScannedPixelSpacing"
        values = _positive_pair(elements, keyword)
    if values is None:
        return None, ""
    return (values[1], values[0]), keyword  # DICOM gives the row distance, y, first


def direction_of(elements: Elements) -> Floats | None:
    """Image Orientation (Patient) as a 3x3 matrix with the normal last; None if not valid."""
    cosines = elements.numbers("ImageOrientationPatient", 6)
    if cosines is None:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.9 or max(lengths) > 1.1:
        return None  # some radiographs carry zeros here
    row, column = row / lengths[0], column / lengths[1]
    try:
        return checked_direction(np.column_stack([row, column, np.cross(row, column)]), "image")
    except InputError:
        return None


def _odd_spacing(elements: Elements) -> str:
    """What is told where a size of pixels is there and cannot be used."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        if keyword in elements.dataset:
            return f"its {keyword} is not two positive numbers; the size of a pixel is not known"
    ratio = elements.numbers("PixelAspectRatio", 2)
    if ratio and ratio[0] != ratio[1]:
        return f"its pixels are not square ({ratio[0]:g}:{ratio[1]:g}), and no size in mm is given"
    return ""


def _positive_pair(elements: Elements, keyword: str) -> tuple[float, float] | None:
    values = elements.numbers(keyword, 2)
    return (values[0], values[1]) if values and min(values) > 0 else None


def _meta(elements: Elements, path: Path) -> dict[str, Any]:
    """What a user wants to read beside the image; nothing that names the patient."""
    keywords = {
        "body_part": "BodyPartExamined",
        "view": "ViewPosition",
        "laterality": "ImageLaterality",
        "series": "SeriesDescription",
    }
    meta: dict[str, Any] = {k: t for k, v in keywords.items() if (t := elements.text(v))}
    center, width = elements.number("WindowCenter"), elements.number("WindowWidth")
    function = elements.text("VOILUTFunction") or "LINEAR"
    if elements.value("VOILUTSequence") is not None or function not in ("LINEAR", "LINEAR_EXACT"):
        meta["notes"] = ["its contrast is a curve, which is not applied; a straight one is shown"]
    elif center is not None and width is not None and function == "LINEAR_EXACT" and width > 0:
        meta["range"] = (center - width / 2, center + width / 2)
    elif center is not None and width is not None and width >= 1:
        meta["window"] = (center, width)
    if elements.synthetic and (provenance := elements.provenance) is not None:
        meta["provenance"] = parse_json(provenance, f"{path}: its provenance notes")
    return meta
