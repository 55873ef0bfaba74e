"""A synthetic image as DICOM that no archive can take for a patient's, and one that is partly a
patient's, which says so."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio import __version__
from xgen_studio.errors import InputError
from xgen_studio.imaging.atomic import atomic_write
from xgen_studio.imaging.dicom import PRIVATE_CREATOR, PRIVATE_GROUP
from xgen_studio.imaging.image import Image
from xgen_studio.imaging.writing import provenance_json

PARTLY_CREATOR = f"{PRIVATE_CREATOR} PARTLY"  # readers take the other one for a synthetic image


@dataclass(frozen=True)
class PartlySynthetic:
    """An image whose other pixels are a real one's: which share (0 to 1) a model drew, and whether
    the image may hold writing, such as a name, that was burned into the real one."""

    share: float
    burned_in: bool

    def in_words(self) -> str:
        """As in '2.1 % of the pixels were drawn by a generative model, ...'."""
        return (
            f"{percent(self.share)} of the pixels were drawn by a generative model, the others are"
            " a real image's"
        )


def percent(share: float) -> str:
    """A share as in '2.1 %'; what is neither none nor all is not called so."""
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def write_dicom_synthetic(
    path: str | os.PathLike[str],
    image: Image,
    provenance: Mapping[str, Any],
    about: Mapping[str, str] | None = None,
    partly: PartlySynthetic | None = None,
) -> None:
    """Save `image` as a Secondary Capture (explicit little endian, uncompressed, ISO_IR 192).

    It names no patient and gets new UIDs. It says SYNTHETIC in PatientName, PatientID,
    SeriesDescription and ImageComments, is DERIVED\\SECONDARY with Content Qualification RESEARCH,
    and carries `provenance` as JSON in a private element. `about` says what is seen, by keyword:
    BodyPartExamined, ViewPosition, ImageLaterality, ...

    An image that is `partly` synthetic names no patient either, but says PARTLY SYNTHETIC in all
    these places and in ImageType, with the share; Burned In Annotation is YES where there may be
    writing, and Patient Identity Removed is YES only where there is none (PS3.3 C.7.1.1: it speaks
    of attributes and pixels).

    Integer pixels that fit 16 bits are stored as they are, grey values from 0 to 1 as integers from
    0 to 65535, both with a slope of 1: viewers that keep to PS3.3 C.11.2.1.2 show windows narrower
    than 1 as two greys. Other values take 16 bits between their least and greatest, with rescale
    slope and intercept. Raises InputError when it cannot be saved.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    now = datetime.datetime.now()
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    for keyword in (
        *("PatientBirthDate", "PatientSex", "ReferringPhysicianName"),
        *("AccessionNumber", "PatientOrientation", "Laterality"),
    ):
        setattr(ds, keyword, None)
    ds.StudyID = "1"
    ds.StudyDate = ds.ContentDate = ds.DateOfSecondaryCapture = now.strftime("%Y%m%d")
    ds.StudyTime = ds.ContentTime = ds.TimeOfSecondaryCapture = now.strftime("%H%M%S")
    ds.Modality = image.modality or "OT"
    ds.SeriesNumber = ds.InstanceNumber = 1
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.DerivationDescription = _derivation(provenance)
    if partly is None:
        _say_synthetic(ds)
    else:
        _say_partly(ds, partly)
    for keyword, value in (about or {}).items():
        setattr(ds, keyword, value)
    if "ImageLaterality" in ds:
        del ds.Laterality  # (PS3.3 C.7.3.1: not both)
    ds.ConversionType = "WSD"
    ds.ContentQualification = "RESEARCH"
    ds.Manufacturer = "XGen Studio"
    ds.ManufacturerModelName = "XGen Studio"
    ds.SoftwareVersions = __version__
    creator = PRIVATE_CREATOR if partly is None else PARTLY_CREATOR
    block = ds.private_block(PRIVATE_GROUP, creator, create=True)
    block.add_new(0x01, "UT", provenance_json(path, provenance))
    _add_geometry(ds, image)
    _add_pixels(ds, image)

    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds.save_as(temporary, enforce_file_format=True)
        except ValueError as error:
            raise InputError(f"{path}: cannot be written as DICOM ({error})") from error


def _say_synthetic(ds: Any) -> None:
    ds.PatientName, ds.PatientID = "SYNTHETIC^XGEN", "SYNTHETIC"
    ds.SeriesDescription = "SYNTHETIC XGen Studio"
    ds.ImageComments = "SYNTHETIC image made by a generative model; not for diagnosis"
    ds.BurnedInAnnotation = "NO"


def _say_partly(ds: Any, partly: PartlySynthetic) -> None:
    said = partly.in_words()
    ds.PatientName, ds.PatientID = "PARTLY^SYNTHETIC", "PARTLY SYNTHETIC"
    ds.ImageType = [*ds.ImageType, "PARTLY SYNTHETIC"]
    ds.SeriesDescription = f"PARTLY SYNTHETIC ({percent(partly.share)}) XGen Studio"
    ds.ImageComments = f"PARTLY SYNTHETIC: {said}; not for diagnosis"
    ds.DerivationDescription = f"{said}. {ds.DerivationDescription}"[:1024]
    ds.BurnedInAnnotation = "YES" if partly.burned_in else "NO"
    ds.PatientIdentityRemoved = "NO" if partly.burned_in else "YES"
    if not partly.burned_in:
        ds.DeidentificationMethod = "No attribute of the real image was taken over"


def _add_geometry(ds: Any, image: Image) -> None:
    if image.spacing is not None:
        ds.PixelSpacing = [_decimal(image.spacing[1]), _decimal(image.spacing[0])]
    if image.origin is not None and image.direction is not None:
        ds.ImagePositionPatient = [_decimal(v) for v in image.origin]
        ds.ImageOrientationPatient = [_decimal(v) for v in image.direction[:, :2].T.ravel()]
        # The plane's frame is its own: it is no position in any patient's scan.
        from pydicom.uid import generate_uid

        ds.FrameOfReferenceUID = generate_uid()
        ds.PositionReferenceIndicator = None


def _add_pixels(ds: Any, image: Image) -> None:
    stored, slope, intercept = _sixteen_bits(image.pixels)
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = image.photometric
    ds.Rows, ds.Columns = image.shape
    ds.BitsAllocated = ds.BitsStored = 8 * stored.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    if (slope, intercept) != (1.0, 0.0):
        ds.RescaleSlope, ds.RescaleIntercept = _decimal(slope), _decimal(intercept)
        ds.RescaleType = "US"
    center, width = image.meta.get("window", (None, None))
    if center is None or _unit_range(image.pixels):
        # the linear function of C.11.2.1.2 shows c - (w - 1) / 2 - 0.5 as black, c + ... as white
        low, high = (float(v) * slope + intercept for v in (stored.min(), stored.max()))
        low, high = (0.0, 65535.0) if _unit_range(image.pixels) else (low, high)
        width = max(high - low, 1.0) + 1
        center = (low + high + 1) / 2
    ds.WindowCenter, ds.WindowWidth = _decimal(center), _decimal(width)
    ds.PixelData = stored.tobytes()
    if len(ds.PixelData) % 2:
        ds.PixelData += b"\0"
    ds["PixelData"].VR = "OW"


def _unit_range(pixels: NDArray[Any]) -> bool:
    """Whether these are grey values from 0 to 1."""
    floats = not np.issubdtype(pixels.dtype, np.integer)
    return bool(floats and pixels.min() >= 0 and pixels.max() <= 1)


def _derivation(provenance: Mapping[str, Any]) -> str:
    """How the image came to be, in the 1,024 characters that the element holds."""
    known = [f"{key} {provenance[key]}" for key in ("model", "method", "seed") if key in provenance]
    return f"Generated by XGen Studio {__version__}: {', '.join(known) or 'a model'}"[:1024]


def _sixteen_bits(pixels: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Stored integers, slope and intercept: pixels = stored * slope + intercept."""
    low, high = float(pixels.min()), float(pixels.max())
    if np.issubdtype(pixels.dtype, np.integer):
        for kind in ("u1", "<u2", "<i2"):
            limits = np.iinfo(kind)
            if limits.min <= low and high <= limits.max:
                return pixels.astype(kind), 1.0, 0.0
    if _unit_range(pixels):  # the usual scale of our models, whatever the contrast
        return np.rint(pixels.astype(np.float64) * 65535).astype("<u2"), 1.0, 0.0
    slope = float(_decimal((high - low) / 65535 or 1.0))
    intercept = float(_decimal(low))
    stored = np.rint((pixels.astype(np.float64) - intercept) / slope).clip(0, 65535)
    return stored.astype("<u2"), slope, intercept


def _decimal(value: float) -> str:
    from pydicom.valuerep import format_number_as_ds

    return str(format_number_as_ds(float(value)))
