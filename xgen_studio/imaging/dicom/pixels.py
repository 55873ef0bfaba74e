"""The intensities of a DICOM frame: decoded, checked by its header, scaled, padding put out."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.dicom.header import Elements
from xgen_studio.imaging.formats.raster import COLOUR_NOTE, luma
from xgen_studio.imaging.grey import MONOCHROME1, rescaled, shown
from xgen_studio.imaging.limits import check_bytes, check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
_RLE = "1.2.840.10008.1.2.5"
_JP2 = b"\0\0\0\x0cjP  "
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class Intensities(NamedTuple):
    """A frame (H, W) after the modality transform (CT: HU), how it is shown, what is to be told.

    padding  where the header says that there is no picture, or None
    """

    pixels: NDArray[Any]
    photometric: str
    notes: tuple[str, ...]
    padding: NDArray[np.bool_] | None = None


def check_decodable(elements: Elements, path: Path) -> None:
    """InputError, one line, where the data set holds no image, or an absurdly large one."""
    dataset = elements.dataset
    if elements.text("SOPClassUID") == SEGMENTATION_STORAGE:
        raise InputError(
            f"{path}: is a DICOM segmentation, not an image; save it as a NIfTI or PNG mask"
        )
    if not any(keyword in dataset for keyword in _PIXELS):
        kind = elements.text("Modality")
        raise InputError(
            f"{path}: holds no pixel data{f' (a {kind} object)' if kind else ''}; choose an image"
        )
    sizes = []
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        number = elements.number(keyword)
        if number is None:
            raise InputError(f"{path}: describes no image ({keyword} is missing); export it again")
        sizes.append(int(number))
    frames = elements.frames
    if frames < 1:
        raise InputError(f"{path}: Number of Frames (0028,0008) is not a number; export it again")
    for keyword in ("SamplesPerPixel", "PhotometricInterpretation"):
        if elements.value(keyword) is None:
            raise InputError(f"{path}: does not say its {keyword}; export it again")
    for keyword in ("BitsStored", "PixelRepresentation") if "PixelData" in dataset else ():
        if elements.number(keyword) is None:
            raise InputError(f"{path}: does not say its {keyword}; export it again")
    photometric = elements.text("PhotometricInterpretation").strip().upper()
    if not photometric.startswith(("MONOCHROME1", "MONOCHROME2", "PALETTE", "RGB", "YBR")):
        raise InputError(
            f"{path}: its Photometric Interpretation {photometric[:20]!r} is not known; export it"
            " again"
        )
    dataset.PhotometricInterpretation = photometric
    rows, columns, bits = sizes
    samples = int(elements.number("SamplesPerPixel") or 1)
    check_size([columns, rows, frames], path)
    check_bytes(rows * columns * frames * samples * max(bits, 8) // 8, _length(dataset), path)


def decoded(elements: Elements, path: Path, frame: int = 0) -> Intensities:
    """A frame of a data set that `check_decodable` has passed."""
    dataset = elements.dataset
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = _stored(elements, path, frame)
        photometric = elements.text("PhotometricInterpretation")
        if photometric == "PALETTE COLOR":
            stored = _coloured(dataset, stored, path)
        if stored.ndim == 3:
            if np.array_equal(stored[..., 0], stored[..., 1]) and np.array_equal(
                stored[..., 0], stored[..., -1]
            ):
                return Intensities(np.ascontiguousarray(stored[..., 0]), "MONOCHROME2", ())
            return Intensities(luma(stored), "MONOCHROME2", (COLOUR_NOTE,))
        padding = _padding(elements, stored)
        pixels, notes = _intensities(elements, stored, path)
        if not _compressed(dataset) and _length(dataset) >= 2 * elements.frames * stored.nbytes:
            notes = (*notes, "it holds more pixels than it declares; the first are taken")
    how, told = shown(photometric, elements.text("PresentationLUTShape"))
    return Intensities(pixels, how, (*notes, *told), padding)


def put_out(found: Intensities, path: Path) -> Intensities:
    """A picture whose padding is as dark as the darkest of it."""
    padding = found.padding
    if padding is None:
        return found
    if padding.all():
        raise InputError(f"{path}: is nothing but padding by its header; choose another image")
    pixels = found.pixels.copy()
    inside = pixels[~padding]
    pixels[padding] = inside.max() if found.photometric == MONOCHROME1 else inside.min()
    said = f"{int(padding.sum()):,} pixels are padding by its header and shown black"
    return Intensities(pixels, found.photometric, (*found.notes, said))


def falls(elements: Elements) -> bool:
    """Whether intensities fall where stored values rise: a slope or a modality LUT turned round."""
    slope, intercept = elements.number("RescaleSlope"), elements.number("RescaleIntercept")
    if slope is not None or intercept is not None:
        return (slope or 1.0) < 0
    try:
        data = np.asarray(elements.value("ModalityLUTSequence")[0].LUTData)
        if data.dtype.kind not in "iu":
            data = np.frombuffer(data.tobytes(), "<u2")
        return bool(data[0] > data[-1])
    except Exception:  # there is none
        return False


def _stored(elements: Elements, path: Path, frame: int) -> NDArray[Any]:
    from pydicom.pixels import pixel_array

    dataset = elements.dataset
    _check_codestream(elements, path, frame)
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))
    # the library's own decoder for run lengths notices what is missing, the fast one panics
    plugin = "pydicom" if syntax == _RLE else ""
    unused = _unused_bits(elements)
    try:
        stored: NDArray[Any] = pixel_array(
            dataset, index=frame, decoding_plugin=plugin, correct_unused_bits=unused == (0, 0)
        )
        if unused != (0, 0):
            stored = (stored << unused[0]) >> sum(unused)  # keeps the sign of signed ones
    except (KeyboardInterrupt, SystemExit):
        raise
    # the decoder plug-ins raise whatever their C and Rust libraries suggest
    except BaseException as error:
        raise InputError(_undecodable(dataset, path, error)) from error
    wanted = tuple(int(elements.number(k) or 0) for k in ("Rows", "Columns"))
    if stored.shape[:2] != wanted or stored.ndim > 3:
        raise InputError(
            f"{path}: its pixels decode to {stored.shape}, its header says {wanted}; export it"
            " again"
        )
    return stored


def _unused_bits(elements: Elements) -> tuple[int, int]:
    """Bits of a stored word above and below the value, where some are below: the library takes
    every value to be right-justified. (0, 0) where it is."""
    words = [elements.number(k) for k in ("BitsAllocated", "BitsStored", "HighBit")]
    if None in words:
        return 0, 0
    allocated, stored, high = (int(word or 0) for word in words)
    below = high + 1 - stored
    return (allocated - 1 - high, below) if below > 0 and high < allocated else (0, 0)


def _check_codestream(elements: Elements, path: Path, frame: int) -> None:
    """A compressed frame says its own size, and decoders believe it before the header is asked."""
    from pydicom.encaps import get_frame

    dataset = elements.dataset
    if not _compressed(dataset) or "PixelData" not in dataset:
        return
    try:
        stream = get_frame(dataset.PixelData, frame, number_of_frames=elements.frames)
    except Exception as error:
        raise InputError(_undecodable(dataset, path, error)) from error
    if stream.startswith(_JP2) and not _has_codestream(stream):
        raise InputError(_undecodable(dataset, path, ValueError("boxes")))
    size = codestream_size(stream)
    header = (int(elements.number("Columns") or 0), int(elements.number("Rows") or 0))
    if size is not None and size != header:
        raise InputError(
            f"{path}: its compressed pixels are {size[0]} x {size[1]}, its header says"
            f" {header[0]} x {header[1]}; export it again"
        )


def codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG, JPEG-LS or JPEG 2000 stream declares; None where it does not
    say (run lengths, or damage that its decoder will notice)."""
    if (at := stream.find(b"\xff\x4f\xff\x51", 0, 256)) >= 0 and len(stream) >= at + 24:
        width, height, left, top = struct.unpack(">4I", stream[at + 8 : at + 24])
        return width - left, height - top
    if not stream.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD9 or marker == 1:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (0xF7, *range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC)):
            height, width = struct.unpack(">2H", stream[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def _has_codestream(stream: bytes) -> bool:
    """Whether the boxes of a JP2 file lead to a codestream; pydicom walks boxes of no length for
    ever."""
    at = 12
    while at < len(stream):
        if stream[at + 4 : at + 8] == b"jp2c":
            return True
        length = int.from_bytes(stream[at : at + 4], "big")
        if length < 8:
            return False
        at += length
    return False


def _intensities(
    elements: Elements, stored: NDArray[Any], path: Path
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Stored values to intensities: modality LUT, rescale slope and intercept, or dose scaling.

    Whole-number results stay integers (int16 where they fit), so that HU are exact.
    """
    from pydicom.pixels import apply_modality_lut

    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    scaling = elements.number("DoseGridScaling")
    if scaling and elements.text("Modality") == "RTDOSE":
        return (stored * scaling).astype(np.float32), ()
    slope, intercept = elements.number("RescaleSlope"), elements.number("RescaleIntercept")
    if slope is None and intercept is None:
        if elements.value("ModalityLUTSequence") is not None:
            try:
                return np.asarray(apply_modality_lut(stored, elements.dataset)), ()
            except Exception as error:
                raise InputError(f"{path}: its modality LUT is damaged; export it again") from error
        return stored, ()
    notes: tuple[str, ...] = ()
    if slope is None:
        slope, notes = 1.0, ("it gives a rescale intercept without a slope; 1 is taken",)
    elif intercept is None:
        intercept, notes = 0.0, ("it gives a rescale slope without an intercept; 0 is taken",)
    if slope == 0:
        raise InputError(f"{path}: its Rescale Slope (0028,1053) is 0; export it again")
    return rescaled(stored, slope, intercept or 0.0), notes


def _padding(elements: Elements, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where the header says that there is no picture (0028,0120 and 0028,0121), or None."""
    value = elements.number("PixelPaddingValue")
    if value is None:
        return None
    limit = elements.number("PixelPaddingRangeLimit")
    ends = sorted(_signed(v, stored) for v in (value, value if limit is None else limit))
    found: NDArray[np.bool_] = (stored >= ends[0]) & (stored <= ends[1])
    return found if found.any() else None


def _signed(value: float, stored: NDArray[Any]) -> float:
    """A padding value whose sign was written as the pixels' is not."""
    bits = 8 * stored.dtype.itemsize
    if stored.dtype.kind == "i" and value >= 2 ** (bits - 1):
        return value - 2**bits
    return value + 2**bits if stored.dtype.kind == "u" and value < 0 else value


def _coloured(dataset: Dataset, stored: NDArray[Any], path: Path) -> NDArray[Any]:
    from pydicom.pixels import apply_color_lut

    try:
        return np.asarray(apply_color_lut(stored, dataset))
    except Exception as error:
        raise InputError(f"{path}: its palette is damaged; export it again") from error


def _length(dataset: Dataset) -> int:
    """Bytes of the pixel element as it lies in the file."""
    for keyword in _PIXELS:
        if keyword in dataset:
            try:
                return len(dataset[keyword].value)
            except Exception:
                return 0
    return 0


def _compressed(dataset: Dataset) -> bool:
    from pydicom.uid import UID

    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    return isinstance(syntax, UID) and syntax.is_transfer_syntax and syntax.is_compressed


def _undecodable(dataset: Dataset, path: Path, error: BaseException) -> str:
    if "less than expected" in str(error):
        return f"{path}: is cut short, pixels are missing; copy or export it again"
    if _compressed(dataset):
        name = dataset.file_meta.TransferSyntaxUID.name
        return (
            f"{path}: its {name} pixels cannot be decoded, they are damaged or of a rare "
            "kind; export it uncompressed"
        )
    return f"{path}: its pixel data do not fit its header; export it again"
