"""A DICOM header: read within limits, and asked without surprises."""

from __future__ import annotations

import io
import math
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.foreign import open_ordinary

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PRIVATE_GROUP, PRIVATE_CREATOR = 0x0099, "XGEN STUDIO"  # where our provenance is kept
_DEFLATED = "1.2.840.10008.1.2.1.99"
_HEADER = 8 * 2**20  # bytes that elements before the pixels may take in a deflated file
_LARGEST_HEADER = 2**30  # a header alone; enhanced objects of 10,000 frames have 100 MB


def read_dataset(path: Path, *, header_only: bool = False) -> Dataset:
    """The data set of `path`, with or without the DICM preamble; InputError if it is no DICOM."""
    import pydicom

    try:
        with warnings.catch_warnings(), open_ordinary(path) as file:
            warnings.simplefilter("ignore")
            start = file.read(4096)
            file.seek(0)
            source: Any = file
            if _DEFLATED.encode() in start:
                source = io.BytesIO(_inflated(path, file))
            dataset = pydicom.dcmread(source, force=True, stop_before_pixels=header_only)
            _complete(dataset)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its permissions") from error
    # pydicom answers damaged bytes with many kinds of error, and none of them is our defect.
    except Exception as error:
        raise InputError(f"{path}: is not a readable DICOM file; export it again") from error
    known = ("SOPClassUID", "Rows", "PatientID", "StudyInstanceUID", "Modality")
    named = "MediaStorageSOPClassUID" in dataset.file_meta
    if not named and not any(keyword in dataset for keyword in known):
        raise InputError(f"{path}: is not a DICOM file; check its name or export it again")
    return dataset


def _complete(dataset: Dataset) -> None:
    """A data set without a meta header was read all the same: how is its transfer syntax."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if "TransferSyntaxUID" in dataset.file_meta or not len(dataset):
        return
    implicit, little = dataset.original_encoding
    plain = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else plain


def _inflated(path: Path, file: io.BufferedReader) -> bytes:
    """A deflated file as an uncompressed one, unpacked no further than its header needs."""
    import pydicom
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import ExplicitVRLittleEndian

    meta = pydicom.filereader.read_file_meta_info(path)
    file.seek(128 + 4 + 12 + int(meta.FileMetaInformationGroupLength))
    packed = file.read()
    engine = zlib.decompressobj(-15)
    head = engine.decompress(packed, _HEADER)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    out.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(out, meta, enforce_standard=False)  # type: ignore[arg-type]
    before = out.tell()
    out.write(head)
    out.seek(0)
    elements = Elements(pydicom.dcmread(out, force=True, stop_before_pixels=True, defer_size=1024))
    wanted = math.prod(
        int((elements.numbers(keyword, 1) or [1])[0])
        for keyword in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated")
    )
    most = max(wanted // 8, 0) + _HEADER
    body = head + engine.decompress(engine.unconsumed_tail, max(1, most + 1 - len(head)))
    if len(body) > most:
        raise InputError(f"{path}: unpacks to more than its header declares; it is damaged")
    out.seek(before)
    out.truncate()
    out.write(body)
    return out.getvalue()


class Elements:
    """What a header says of one frame: first its own functional groups, then the shared ones, then
    the data set itself. An element that is damaged, empty or not there is None; nothing raises.
    """

    def __init__(self, dataset: Dataset, frame: int = 0) -> None:
        self.dataset = dataset
        self._sources = [*_groups(dataset, frame), dataset]

    def value(self, keyword: str) -> Any:
        """The value of an element, or None."""
        for source in self._sources:
            found = _value(source, keyword)
            if found is not None:
                return found
        return None

    def numbers(self, keyword: str, count: int) -> list[float] | None:
        """The first `count` values of an element as finite floats; None where it lacks them."""
        value = self.value(keyword)
        if value is None:
            return None
        try:
            found = np.atleast_1d(np.array(value, dtype=np.float64))[:count]
        except (TypeError, ValueError, OverflowError):
            return None
        return found.tolist() if len(found) == count and np.all(np.isfinite(found)) else None

    def number(self, keyword: str) -> float | None:
        """The first value of an element as a finite float, or None."""
        found = self.numbers(keyword, 1)
        return found[0] if found else None

    def text(self, keyword: str) -> str:
        """The value of an element as text, empty where it is missing."""
        value = self.value(keyword)
        return "" if value is None else str(value)

    @property
    def frames(self) -> int:
        """How many frames the object declares; 0 where Number of Frames is no number."""
        if "NumberOfFrames" not in self.dataset:
            return 1
        value = self.value("NumberOfFrames")
        if value is None:
            return 1
        count = self.number("NumberOfFrames")
        return int(count) if count is not None and count >= 1 and count == int(count) else 0

    @property
    def synthetic(self) -> bool:
        """Whether a model made it (ours, or another's by its series description)."""
        try:
            creator = self.dataset.get((PRIVATE_GROUP, 0x0010))
            ours = creator is not None and creator.value == PRIVATE_CREATOR
        except Exception:
            ours = False
        return ours or self.text("SeriesDescription").upper().startswith("SYNTHETIC")

    @property
    def partly_synthetic(self) -> bool:
        """Whether it says that a model made some of it."""
        return self.text("SeriesDescription").upper().startswith("PARTLY SYNTHETIC")

    @property
    def provenance(self) -> str | None:
        """The provenance that our own files carry, as JSON."""
        try:
            block = self.dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
            return str(block[0x01].value)
        except Exception:
            return None


def _value(dataset: Dataset, keyword: str) -> Any:
    # values are converted when they are asked for, and damaged ones raise what they please
    try:
        value = dataset.get(keyword)
        if value is None or (hasattr(value, "__len__") and len(value) == 0):
            return None
    except Exception:
        return None
    return value


def _groups(dataset: Dataset, frame: int) -> list[Dataset]:
    """The functional groups of a frame (PS3.3 C.7.6.16): the frame's own, then the shared."""
    found: list[Dataset] = []
    for keyword, index in (
        ("PerFrameFunctionalGroupsSequence", frame),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        groups = _value(dataset, keyword)
        if groups is None:
            continue
        try:
            for element in groups[index]:
                if element.VR == "SQ" and len(element.value):
                    found.append(element.value[0])
        except Exception:
            continue
    return found
