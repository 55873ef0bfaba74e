"""PNG, JPEG, TIFF and BMP: opening them with Pillow and taking their grey values."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.image import Image
from xgen_studio.imaging.limits import check_size

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

# ITU-R BT.601 luma, what Pillow's own convert("L") uses.
LUMA = (0.299, 0.587, 0.114)
COLOUR_NOTE = "colour converted to grey (ITU-R BT.601 luma)"


def open_raster(path: Path) -> PillowImage:
    """The decoded picture, turned upright by its EXIF tag; InputError when it cannot be read."""
    from PIL import Image as pillow
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pillow.open(path) as picture:
                check_size(picture.size, path)
                frames = getattr(picture, "n_frames", 1)
                if frames > 1:
                    raise InputError(
                        f"{path}: holds {frames} pictures; save the one you need alone"
                    )
                picture.load()
                ImageOps.exif_transpose(picture, in_place=True)
                return picture
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path}: is not a picture of the kind its name says; check or export it again"
        ) from error
    except pillow.DecompressionBombError as error:
        raise InputError(
            f"{path}: declares far too many pixels ({error}); it is damaged or must be cropped"
        ) from error
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it; change its permissions") from error
    # Pillow's decoders answer damage with OSError, SyntaxError, ValueError, struct.error, EOFError.
    except Exception as error:
        raise InputError(f"{path}: is damaged or cut short; copy or export it again") from error


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, JPEG, TIFF or BMP from its header alone."""
    from PIL import Image as pillow

    try:
        with pillow.open(path) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise InputError(f"{path}: is no readable picture ({error})") from error


def grey_values(picture: PillowImage) -> tuple[NDArray[Any], bool]:
    """Grey values (H, W) and whether they had to be made from colours. Transparency is dropped.

    Equal channels count as grey and are taken as they are.
    """
    if picture.mode in ("P", "PA", "CMYK", "YCbCr", "HSV", "LAB"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.ndim == 2:
        return array, False
    channels = array[..., : 3 if array.shape[2] >= 3 else 1]
    if np.all(channels == channels[..., :1]):
        return np.ascontiguousarray(channels[..., 0]), False
    return luma(channels), True


def luma(colours: NDArray[Any]) -> NDArray[Any]:
    """Grey values (H, W), rounded to the type of `colours` (H, W, 3)."""
    grey: NDArray[Any] = np.rint(colours @ np.array(LUMA)).astype(colours.dtype)
    return grey


def read_raster(path: Path) -> Image:
    """A PNG, JPEG, TIFF or BMP as an `Image`; 8, 16, 32-bit values are kept as stored.

    The spacing is None unless XGen Studio wrote the file: a picture's dots per inch say how large
    to print it, not how large the patient is.
    """
    picture = open_raster(path)
    pixels, from_colour = grey_values(picture)
    meta: dict[str, Any] = {"note": COLOUR_NOTE} if from_colour else {}
    info = picture.info
    synthetic = info.get("Synthetic") == "yes"
    spacing = None
    if synthetic:
        try:
            meta["provenance"] = json.loads(info.get("Provenance", "{}"))
            if "SpacingMm" in info:
                x, y = (float(v) for v in info["SpacingMm"].split())
                spacing = (x, y)
        except ValueError as error:
            raise InputError(
                f"{path}: its provenance notes are damaged ({error}); use the original file"
            ) from error
    return Image(pixels, spacing=spacing, source=path, meta=meta, synthetic=synthetic)
