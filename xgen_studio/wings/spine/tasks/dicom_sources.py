"""The DICOM slices that a CT was read from: what DICOM SR and SEG of a spine refer to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes

from xgen_studio.errors import InputError
from xgen_studio.imaging import atomic_write
from xgen_studio.imaging.dicom import Elements
from xgen_studio.imaging.dicom.series import chosen_slices

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.sr.coding import Code

MAKER = "XGen Studio"
# what every slice must tell, for a result is of no use where it cannot be told what it is of
NEEDED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "Rows", "Columns"),
)
# what may be empty (type 2) and must be there to be copied
MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
PIXELS = 0x7FE00000  # the group that pixels begin with, behind all that describes them


def source_datasets(source: Path) -> list[Dataset]:
    """The headers of the slices that `imaging.read_volume` makes a volume of from this folder.

    InputError where it is no folder of DICOM slices: SR and SEG are kept with the patient's images,
    and a NIfTI file does not say which those are.
    """
    if not source.is_dir():
        raise InputError(
            f"{source}: is no folder of DICOM slices, and DICOM SR and SEG refer to the slices that"
            " a CT came from; open the DICOM series instead, or leave them out"
        )
    slices = chosen_slices(source)
    if any(part.of_many for part in slices):
        raise InputError(
            f"{source}: its slices are frames of one file, which DICOM SR and SEG are not made for;"
            " export the series as one file a slice"
        )
    return [part.elements.dataset for part in slices]


def checked_sources(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Copies without pixels of the slices of one series, empty elements filled in; InputError where
    there are none, or one lacks what SR and SEG need."""
    if not datasets:
        raise InputError(
            "DICOM SR and SEG refer to the slices that a CT came from, and there are none; they are"
            " written of a CT that was opened as a DICOM series, not of NIfTI or a mask alone"
        )
    found = []
    for dataset in datasets:
        elements = Elements(dataset)
        name = elements.text("SOPInstanceUID") or "a slice"
        if lacking := [keyword for keyword in NEEDED if elements.value(keyword) is None]:
            raise InputError(
                f"{name}: lacks {', '.join(lacking)}, without which no DICOM SR or SEG can refer to"
                " it; export the series again"
            )
        slim = dataset[:PIXELS]
        slim.file_meta = getattr(dataset, "file_meta", FileMetaDataset())
        for keyword in MAY_BE_EMPTY:
            if keyword not in slim:
                setattr(slim, keyword, None)
        found.append(slim)
    series = {dataset.SeriesInstanceUID for dataset in found}
    slices = {dataset.SOPInstanceUID for dataset in found}
    if len(series) > 1 or len(slices) < len(found):
        raise InputError(
            "the DICOM slices are of several series, or one is there twice; choose one series"
        )
    return found


def vertebra_code(level: str) -> Code:
    """The SNOMED code of a vertebra; that of any vertebra for T13 and L6, which have none."""
    return getattr(codes.SCT, f"{level}Vertebra", codes.SCT.Vertebra)


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice in the patient, mm LPS: the middle of its first pixel, a step to the next row, and
    one to the next column."""

    origin: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across the slice."""
        across = np.cross(self.column, self.row)
        return np.asarray(across / np.linalg.norm(across))


def plane_of(dataset: Dataset) -> Plane:
    """Where a slice lies (PS3.3 C.7.6.2.1.1): Pixel Spacing gives the step between rows first."""
    elements = Elements(dataset)
    position = elements.numbers("ImagePositionPatient", 3)
    cosines = elements.numbers("ImageOrientationPatient", 6)
    spacing = elements.numbers("PixelSpacing", 2)
    if position is None or cosines is None or spacing is None or min(spacing) <= 0:
        raise InputError(
            f"{elements.text('SOPInstanceUID')}: its position, orientation or pixel spacing is"
            " damaged; export the series again"
        )
    along, down = np.array(cosines[:3]), np.array(cosines[3:])
    return Plane(np.array(position), down * spacing[0], along * spacing[1])


def save(make: Callable[[], Dataset], path: Path) -> None:
    """Write what `make` returns as a DICOM file, whole; InputError where the slices are such that
    nothing can be made of them."""
    try:
        made = make()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = (str(error).splitlines() or ["damaged headers"])[0]
        raise InputError(
            f"{path}: cannot be made of these DICOM slices ({said}); export the series again"
        ) from error
    with atomic_write(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)
