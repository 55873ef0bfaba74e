"""DICOM: headers, frames, single images and series."""

from xgen_studio.imaging.dicom.header import PRIVATE_CREATOR, PRIVATE_GROUP, Elements, read_dataset
from xgen_studio.imaging.dicom.image import read_dicom
from xgen_studio.imaging.dicom.series import read_series

__all__ = [
    "PRIVATE_CREATOR",
    "PRIVATE_GROUP",
    "Elements",
    "read_dataset",
    "read_dicom",
    "read_series",
]
