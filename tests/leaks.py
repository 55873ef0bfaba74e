"""A patient's DICOM files, and a search for anything of the patient in what was written."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian

FOLDER = "DOE^JANE_1961"  # what people call them
PATIENT = {
    "PatientName": "Doe^Jane^Quux",
    "PatientID": "PID-4711-XY",
    "PatientBirthDate": "19610203",
    "PatientAddress": "7 Elm Row, Springfield",
    "AccessionNumber": "ACC-99-Z17",
    "StudyDate": "20190317",
    "StudyTime": "134455",
    "StudyID": "ST-5150-Q",
    "InstitutionName": "St. Nowhere Hospital",
    "ReferringPhysicianName": "Grün^Zacharias",
    "OperatorsName": "Opal^Oscar",
    "DeviceSerialNumber": "SN-20991-K",
    "StationName": "ROOM-9-STATION",
    "StudyDescription": "knee after a fall on ice",
    "StudyInstanceUID": "1.2.826.0.1.4242.77.1001",
    "SeriesInstanceUID": "1.2.826.0.1.4242.77.1002",
    "SOPInstanceUID": "1.2.826.0.1.4242.77.1003",
    "FrameOfReferenceUID": "1.2.826.0.1.4242.77.1004",
}
PRIVATE = "private-note-8842"


def write_patient(path: Path, pixels: np.ndarray, **elements: object) -> Path:
    """A radiograph of 16 bits with all of PATIENT, a private element, and the name burned in."""
    picture = PIL.Image.fromarray(np.rint(pixels * 4000).astype(np.uint16))
    PIL.ImageDraw.Draw(picture).text((3, 3), "DOE JANE", fill=4095)
    stored = np.asarray(picture)
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.Modality = "CR"
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelSpacing = [0.4, 0.4]
    ds.BurnedInAnnotation = "YES"
    ds.PixelData = stored.tobytes()
    for keyword, value in (PATIENT | elements).items():
        setattr(ds, keyword, value)
    ds.private_block(0x0011, "ACME", create=True).add_new(0x01, "LO", PRIVATE)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_patient_ct(folder: Path, voxels: np.ndarray) -> Path:
    """A CT series (z, y, x) in HU of the same patient."""
    for z, plane in enumerate(voxels):
        write_patient(
            folder / f"{z:03d}.dcm",
            (plane + 1024) / 4000,
            SOPClassUID=CTImageStorage,
            SOPInstanceUID=f"{PATIENT['SOPInstanceUID']}.{z}",
            Modality="CT",
            PixelSpacing=[6, 6],
            ImagePositionPatient=[0, 0, 6 * z],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            RescaleSlope=1,
            RescaleIntercept=-1024,
        )
    return folder


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, and those of everything that is packed in it."""
    yield name, data
    if data[:2] == b"\x1f\x8b":
        yield from contents(f"{name} (gzip)", gzip.decompress(data))
    elif data[:4] == b"PK\x03\x04":  # .xgen, .npz
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                yield from contents(f"{name}/{entry}", archive.read(entry))
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            for key, text in picture.info.items():
                yield f"{name}: {key}", str(text).encode()
    elif (at := data.find(b"\x78\x9c")) >= 0:  # MetaImage
        try:
            yield f"{name} (zlib)", zlib.decompressobj().decompress(data[at:])
        except zlib.error:
            return


def found_in(folder: Path, *more: str) -> list[str]:
    """Where anything of the patient stands below a folder: in names and in bytes."""
    secrets = [FOLDER, PRIVATE, *map(str, PATIENT.values()), *more]
    secrets += [part for text in secrets if "^" in text for part in text.split("^")]
    wanted = {
        word
        for text in secrets
        for word in (
            *(text.encode(code) for code in ("utf-8", "latin-1", "utf-16-le")),
            json.dumps(text)[1:-1].encode(),
        )
    }
    found = []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        name = str(path.relative_to(folder))
        parts = [("its name", name.encode()), *contents(name, path.read_bytes())]
        for where, data in parts:
            found += [f"{where}: {word!r}" for word in wanted if word.lower() in data.lower()]
    return found
