"""Phantoms without any symmetry, and DICOM slices to break, for the tests of the imaging room."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from xgen_studio.imaging import Volume

MARK = (3, 1, 6)  # z, y, x of the one voxel that is 3000


def turn(degrees, axis):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    a, b = [k for k in range(3) if k != axis]
    matrix[a, a] = matrix[b, b] = c
    matrix[a, b], matrix[b, a] = -s, s
    return matrix


DIRECTIONS = {
    "identity": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "left-handed": np.diag([1.0, -1.0, 1.0]),
    "sagittal": np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
    "oblique": turn(25, 0) @ turn(-17, 1) @ turn(9, 2),
    "oblique flipped": turn(12, 2) @ np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]]) @ turn(8, 1),
}


@pytest.fixture(params=list(DIRECTIONS))
def volume(request) -> Volume:
    """(5, 7, 9) voxels, all different, with three different spacings and a far origin."""
    voxels = np.arange(5 * 7 * 9, dtype=np.int16).reshape(5, 7, 9) - 100
    voxels[MARK] = 3000
    return Volume(
        voxels, (0.7, 1.3, 2.5), (-31.5, 12.25, 400.0), DIRECTIONS[request.param], modality="CT"
    )


def expected_mark(volume):
    """Where the marked voxel is, worked out axis by axis and not by the code under test."""
    z, y, x = MARK
    point = np.array(volume.origin)
    for count, step, axis in zip((x, y, z), volume.spacing, range(3), strict=True):
        point = point + count * step * np.asarray(volume.direction)[:, axis]
    return point


def found_mark(volume):
    where = np.argwhere(volume.voxels == 3000)
    assert len(where) == 1
    return volume.index_to_mm(where[0])


def save_slice(path: Path, pixels, **elements):
    """A DICOM file; `elements` override or, when None, remove the defaults of a CT slice."""
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    ds = pydicom.Dataset()
    array = np.ascontiguousarray(pixels)
    defaults = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": generate_uid(),
        "SeriesInstanceUID": "1.2.3.4",
        "Modality": "CT",
        "SamplesPerPixel": 3 if array.ndim == 3 else 1,
        "PhotometricInterpretation": "RGB" if array.ndim == 3 else "MONOCHROME2",
        "Rows": array.shape[0],
        "Columns": array.shape[1],
        "BitsAllocated": 8 * array.itemsize,
        "BitsStored": 8 * array.itemsize,
        "HighBit": 8 * array.itemsize - 1,
        "PixelRepresentation": int(array.dtype.kind == "i"),
        "PixelSpacing": [1.3, 0.7],
        "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelData": array.tobytes(),
    }
    if array.ndim == 3:
        defaults["PlanarConfiguration"] = 0
    for keyword, value in (defaults | elements).items():
        if value is not None:
            setattr(ds, keyword, value)
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if "PixelData" in ds:
        ds["PixelData"].VR = "OW"
    ds.save_as(path, enforce_file_format=True)
    return path


def save_series(folder: Path, volume: Volume, **elements):
    """`volume` as one file a slice, named and numbered out of order."""
    from pydicom.valuerep import format_number_as_ds as ds

    folder.mkdir(exist_ok=True)
    cosines = [ds(float(v)) for v in volume.direction[:, :2].T.ravel()]
    for z in range(volume.shape[0]):
        position = volume.index_to_mm([z, 0, 0])
        save_slice(
            folder / f"{(z * 3) % 7}.dcm",
            volume.voxels[z].astype(np.int16) + 1024,
            PixelSpacing=[volume.spacing[1], volume.spacing[0]],
            ImagePositionPatient=[ds(float(v)) for v in position],
            ImageOrientationPatient=cosines,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            InstanceNumber=(z * 3) % 7,
            **elements,
        )
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; tests that need it are skipped where it is missing."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("XGEN_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set XGEN_DATA")
    return folder


@pytest.fixture
def phantom():
    """The helpers above, for tests that build their own files."""
    import types

    return types.SimpleNamespace(
        expected_mark=expected_mark,
        found_mark=found_mark,
        save_slice=save_slice,
        save_series=save_series,
        turn=turn,
    )
