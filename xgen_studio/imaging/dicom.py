"""One DICOM file: its intensities, spacing and place, or one line that says why not."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.geometry import Floats, checked_direction
from xgen_studio.imaging.image import Image
from xgen_studio.imaging.limits import check_size
from xgen_studio.imaging.raster import COLOUR_NOTE, luma

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
CROSS_SECTIONAL = ("CT", "MR", "PT")  # Pixel Spacing is type 1 in their image modules
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0099, "XGEN STUDIO"  # where our provenance is kept


def read_dataset(path: Path, *, header_only: bool = False) -> Dataset:
    """The data set of `path`, with or without the DICM preamble; InputError if it is no DICOM."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=header_only)
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its permissions") from error
    # pydicom answers damaged bytes with many kinds of error, and none of them is our defect.
    except Exception as error:
        raise InputError(f"{path}: is not a readable DICOM file; export it again") from error
    if not dataset.file_meta and "SOPClassUID" not in dataset and "Rows" not in dataset:
        raise InputError(f"{path}: is not a DICOM file; check its name or export it again")
    return dataset


def read_dicom(path: Path) -> Image:
    """A single-frame DICOM file as an `Image` in modality units (CT: HU; dose: its own unit).

    MONOCHROME1 values are kept as stored and named in `photometric`. Colours become grey, which
    `meta["note"]` says; `meta["spacing_from"]` names the tag the spacing came from.
    """
    dataset = read_dataset(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels, from_colour = decoded(dataset, path)
        photometric = text(dataset, "PhotometricInterpretation")
        spacing, spacing_from = pixel_spacing(dataset, path)
        meta = _meta(dataset, path)
        direction = direction_of(dataset)
        origin = numbers(dataset, "ImagePositionPatient", 3)
    if from_colour:
        meta["note"] = COLOUR_NOTE
    if spacing_from:
        meta["spacing_from"] = spacing_from
    return Image(
        pixels,
        spacing=spacing,
        origin=(origin[0], origin[1], origin[2]) if origin else None,
        direction=direction,
        modality=text(dataset, "Modality"),
        photometric="MONOCHROME1" if photometric == "MONOCHROME1" else "MONOCHROME2",
        source=path,
        meta=meta,
        synthetic=is_synthetic(dataset),
    )


def decoded(dataset: Dataset, path: Path) -> tuple[NDArray[Any], bool]:
    """Intensities (H, W) after the modality transform, and whether they were made from colours."""
    _check_decodable(dataset, path)
    try:
        stored = dataset.pixel_array
    # The decoder plug-ins raise whatever their C libraries suggest.
    except Exception as error:
        raise InputError(_undecodable(dataset, path, error)) from error
    if text(dataset, "PhotometricInterpretation") == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        stored = apply_color_lut(stored, dataset)
    if stored.ndim == 3:
        grey = stored[..., 0] if np.all(stored == stored[..., :1]) else luma(stored[..., :3])
        return grey, True
    return _rescaled(dataset, stored), False


def pixel_spacing(dataset: Dataset, path: Path) -> tuple[tuple[float, float] | None, str]:
    """Spacing (x, y) in mm and the tag it came from; (None, "") where the file does not say.

    A projection is as large as the detector says: with the detector's spacing only, the size in
    the patient is that divided by the magnification, when the file gives one.
    """
    keyword, values = "PixelSpacing", _positive_pair(dataset, "PixelSpacing")
    if values is None and text(dataset, "Modality") in CROSS_SECTIONAL:
        raise InputError(
            f"{path}: a {text(dataset, 'Modality')} image without a valid Pixel Spacing "
            "(0028,0030); export it again with its geometry"
        )
    if values is None and (values := _positive_pair(dataset, "ImagerPixelSpacing")):
        keyword = "ImagerPixelSpacing"
        factor = numbers(dataset, "EstimatedRadiographicMagnificationFactor", 1)
        if factor and factor[0] > 0:
            keyword += " / EstimatedRadiographicMagnificationFactor"
            values = (values[0] / factor[0], values[1] / factor[0])
    if values is None:
        keyword = "NominalScannedPixelSpacing"
        values = _positive_pair(dataset, keyword)
    if values is None:
        return None, ""
    return (values[1], values[0]), keyword  # DICOM gives the row distance, y, first


def direction_of(dataset: Dataset) -> Floats | None:
    """Image Orientation (Patient) as a 3x3 matrix with the normal last; None if not valid."""
    cosines = numbers(dataset, "ImageOrientationPatient", 6)
    if cosines is None:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    try:
        return checked_direction(np.column_stack([row, column, np.cross(row, column)]), "image")
    except InputError:
        return None  # some radiographs carry zeros here


def numbers(dataset: Dataset, keyword: str, count: int) -> list[float] | None:
    """The first `count` values of an element as finite floats; None where it lacks them."""
    try:
        values = np.atleast_1d(np.array(dataset.get(keyword), dtype=np.float64))[:count]
    except (TypeError, ValueError):
        return None
    return values.tolist() if len(values) == count and np.all(np.isfinite(values)) else None


def text(dataset: Dataset, keyword: str) -> str:
    """The value of an element as text, empty where it is missing."""
    return str(dataset.get(keyword) or "")


def is_synthetic(dataset: Dataset) -> bool:
    """Whether the file says that a model made it (ours, or another's in the series description)."""
    ours = (PRIVATE_GROUP << 16 | 0x0010) in dataset and (
        dataset[PRIVATE_GROUP, 0x0010].value == PRIVATE_CREATOR
    )
    return ours or text(dataset, "SeriesDescription").upper().startswith("SYNTHETIC")


def _check_decodable(dataset: Dataset, path: Path) -> None:
    if text(dataset, "SOPClassUID") == SEGMENTATION_STORAGE:
        raise InputError(
            f"{path}: is a DICOM segmentation, not an image; save it as a NIfTI or PNG mask"
        )
    if not any(k in dataset for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        kind = text(dataset, "Modality")
        raise InputError(
            f"{path}: holds no pixel data{f' (a {kind} object)' if kind else ''}; choose an image"
        )
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        if numbers(dataset, keyword, 1) is None:
            raise InputError(f"{path}: describes no image ({keyword} is missing); export it again")
    try:
        frames = int(dataset.get("NumberOfFrames") or 1)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}: Number of Frames (0028,0008) is not a number; export it again"
        ) from error
    check_size([int(dataset.Columns), int(dataset.Rows), frames], path)
    if frames != 1:
        raise InputError(
            f"{path}: holds {frames} frames in one file; export them as single-frame files"
        )


def _undecodable(dataset: Dataset, path: Path, error: Exception) -> str:
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    if "less than expected" in str(error):
        return f"{path}: is cut short, pixels are missing; copy or export it again"
    if syntax is not None and syntax.is_compressed:
        return (
            f"{path}: its {syntax.name} pixels cannot be decoded, they are damaged or of a rare "
            "kind; export it uncompressed"
        )
    return f"{path}: its pixel data do not fit its header; export it again"


def _rescaled(dataset: Dataset, stored: NDArray[Any]) -> NDArray[Any]:
    """Stored values to intensities: modality LUT, rescale slope and intercept, or dose scaling.

    Whole-number results stay integers (int16 where they fit), so that HU are exact.
    """
    from pydicom.pixels.processing import apply_modality_lut

    scaling = numbers(dataset, "DoseGridScaling", 1)
    if scaling:
        return (stored * scaling[0]).astype(np.float32)
    values = apply_modality_lut(stored, dataset)
    if np.issubdtype(values.dtype, np.floating):
        whole = np.rint(values)
        if not np.array_equal(whole, values) or np.issubdtype(stored.dtype, np.floating):
            return values.astype(np.float32)
        fits = np.abs(whole + 0.5).max() <= 32767.5
        values = whole.astype(np.int16 if fits else np.int32)
    native: NDArray[Any] = values.astype(values.dtype.newbyteorder("="), copy=False)
    return native


def _positive_pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    values = numbers(dataset, keyword, 2)
    return (values[0], values[1]) if values and min(values) > 0 else None


def _meta(dataset: Dataset, path: Path) -> dict[str, Any]:
    """What a user wants to read beside the image; nothing that names the patient."""
    keywords = {
        "body_part": "BodyPartExamined",
        "view": "ViewPosition",
        "laterality": "ImageLaterality",
        "series": "SeriesDescription",
    }
    meta: dict[str, Any] = {k: text(dataset, v) for k, v in keywords.items() if text(dataset, v)}
    center, width = numbers(dataset, "WindowCenter", 1), numbers(dataset, "WindowWidth", 1)
    if center and width and width[0] >= 1:
        meta["window"] = (center[0], width[0])
    if is_synthetic(dataset) and (PRIVATE_GROUP, 0x1001) in dataset:
        try:
            meta["provenance"] = json.loads(dataset[PRIVATE_GROUP, 0x1001].value)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{path}: its provenance notes are damaged ({error}); use the original file"
            ) from error
    return meta
