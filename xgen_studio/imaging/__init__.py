"""Images, volumes and masks that know their geometry, and their way from files and back."""

from xgen_studio.imaging.atomic import (
    atomic_folder,
    atomic_write,
    make_folder,
    together,
    write_json,
)
from xgen_studio.imaging.dicom.writing import PartlySynthetic, write_dicom_synthetic
from xgen_studio.imaging.formats.raster import picture_size
from xgen_studio.imaging.hashing import file_hash
from xgen_studio.imaging.image import Image, Volume
from xgen_studio.imaging.labels import Label, LabelTable
from xgen_studio.imaging.mask import Mask, read_mask
from xgen_studio.imaging.names import spelled
from xgen_studio.imaging.reading import read_image, read_volume
from xgen_studio.imaging.windowing import (
    apply_range,
    apply_window,
    attenuation_up,
    brightness_up,
    display_8bit,
    percentile_range,
    to_8bit,
)
from xgen_studio.imaging.writing import PARTLY, write_mask, write_png8, write_png16, write_volume

__all__ = [
    "PARTLY",
    "Image",
    "Label",
    "LabelTable",
    "Mask",
    "PartlySynthetic",
    "Volume",
    "apply_range",
    "apply_window",
    "atomic_folder",
    "atomic_write",
    "attenuation_up",
    "brightness_up",
    "display_8bit",
    "file_hash",
    "make_folder",
    "percentile_range",
    "picture_size",
    "read_image",
    "read_mask",
    "read_volume",
    "spelled",
    "to_8bit",
    "together",
    "write_dicom_synthetic",
    "write_json",
    "write_mask",
    "write_png8",
    "write_png16",
    "write_volume",
]
