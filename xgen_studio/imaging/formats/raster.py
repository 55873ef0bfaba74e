"""PNG, JPEG, TIFF and BMP: pictures without a place, and what their values mean."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json
from xgen_studio.imaging.formats.content import Kind, existing_file
from xgen_studio.imaging.formats.png import check_png, deep_pixels
from xgen_studio.imaging.formats.tiff import read_tiff
from xgen_studio.imaging.grey import shown
from xgen_studio.imaging.image import Image
from xgen_studio.imaging.limits import check_bytes, check_size

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

# ITU-R BT.601 luma, what Pillow's own convert("L") uses.
LUMA = (0.299, 0.587, 0.114)
COLOUR_NOTE = "colour converted to grey (ITU-R BT.601 luma)"
PARTLY_NOTE = "it is partly synthetic: a model drew some of its pixels"
_ROWS = 256  # converted at a time: the products are eight times as large as the picture


@dataclass(frozen=True)
class Raster:
    """A decoded picture, upright.

    values       (H, W) grey, (H, W, 3) colours, or (H, W) rows of `palette`
    photometric  how values are shown: MONOCHROME2 or MONOCHROME1
    palette      (N, 3) uint8, or None
    bits         of a stored value
    lossy        the file's compression changes values
    texts        the picture's own notes (PNG)
    transparent  some of it is, which is dropped
    """

    values: NDArray[Any]
    photometric: str = "MONOCHROME2"
    palette: NDArray[np.uint8] | None = None
    bits: int = 8
    lossy: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    transparent: bool = False

    @property
    def grey_palette(self) -> bool:
        """Whether a palette is there and holds nothing but greys where it is used."""
        if self.palette is None:
            return False
        used = self.palette[np.unique(self.values)]
        return bool(np.all(used == used[:, :1]))

    def grey(self) -> tuple[NDArray[Any], bool]:
        """Grey values (H, W) and whether they had to be made from colours."""
        if self.palette is None:
            return _grey(self.values)
        if self.grey_palette:
            return self.palette[:, 0][self.values], False
        return luma(self.palette[None])[0][self.values], True


def open_raster(path: Path, kind: Kind) -> Raster:
    """The decoded picture; InputError, one line, when it cannot be read.

    Equal channels are grey; transparency is dropped.
    """
    if kind == "tiff":
        return _from_tiff(path)
    depth = check_png(path) if kind == "png" else (8, 3)
    picture = _open(path)
    texts = {str(k): v for k, v in picture.info.items() if isinstance(v, str)}
    if depth[0] == 16 and depth[1] > 1:
        deep = deep_pixels(path)
        return Raster(_channels(deep), bits=16, texts=texts, transparent=_see_through(deep))
    if picture.mode == "P":
        colours = np.array(picture.getpalette("RGB"))
        palette = colours.astype(np.uint8).reshape(-1, 3)
        rows = _padded(np.asarray(picture), palette, path)
        clear = _clear_rows(picture.info.get("transparency"), np.unique(rows))
        return Raster(rows, palette=palette, texts=texts, transparent=clear)
    if picture.mode in ("PA", "CMYK", "YCbCr", "HSV", "LAB"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    elif depth[0] in (2, 4) and picture.mode == "L":
        array = array // (255 // (2 ** depth[0] - 1))  # Pillow stretches them
    return Raster(
        array if array.ndim == 2 else _channels(array),
        bits=8 * array.dtype.itemsize,
        lossy=picture.format in ("JPEG", "MPO"),
        texts=texts,
        transparent=array.ndim == 3 and _see_through(array),
    )


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, JPEG, TIFF or BMP from its header alone."""
    from PIL import Image as pillow

    try:
        with pillow.open(existing_file(path)) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise InputError(f"{path}: is no readable picture ({error})") from error


def luma(colours: NDArray[Any]) -> NDArray[Any]:
    """Grey values (H, W), rounded to the type of `colours` (H, W, 3)."""
    grey = np.empty(colours.shape[:2], colours.dtype)
    weights = np.array(LUMA)
    for top in range(0, len(colours), _ROWS):
        rows = colours[top : top + _ROWS, :, :3] @ weights
        grey[top : top + _ROWS] = rows if grey.dtype.kind == "f" else np.rint(rows)
    return grey


def read_raster(path: Path, kind: Kind) -> Image:
    """A PNG, JPEG, TIFF or BMP as an `Image`; values of every depth are kept as stored.

    The spacing is None unless XGen Studio wrote the file: a picture's dots per inch say how large
    to print it, not how large the patient is.
    """
    raster = open_raster(path, kind)
    pixels, from_colour = raster.grey()
    notes = [*raster.notes, *([COLOUR_NOTE] if from_colour else [])]
    if raster.transparent:
        notes.append("some of it is transparent, which is not heeded")
    meta: dict[str, Any] = {"notes": notes} if notes else {}
    texts = raster.texts
    synthetic = texts.get("Synthetic") == "yes"
    spacing = None
    if texts.get("Synthetic") == "partly":
        meta["notes"] = [*notes, PARTLY_NOTE]
    if "Synthetic" in texts:
        meta["provenance"] = parse_json(
            texts.get("Provenance", "{}"), f"{path}: its provenance notes"
        )
        if "SpacingMm" in texts:
            try:
                x, y = (float(v) for v in texts["SpacingMm"].split())
            except ValueError as error:
                raise InputError(
                    f"{path}: its note of the spacing is damaged; use the original file"
                ) from error
            spacing = (x, y)
    return Image(
        pixels,
        spacing=spacing,
        photometric=raster.photometric,
        source=path,
        meta=meta,
        synthetic=synthetic,
    )


def _open(path: Path) -> PillowImage:
    from PIL import Image as pillow
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pillow.open(path, formats=("PNG", "JPEG", "BMP")) as picture:
                check_size(picture.size, path)
                width, height = picture.size
                each = len(picture.getbands()) * (2 if "16" in picture.mode else 1)
                check_bytes(width * height * each, path.stat().st_size, path)
                frames = getattr(picture, "n_frames", 1)
                if frames > 1 and picture.format != "MPO":  # a camera's preview behind the picture
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
        raise InputError(
            f"{path}: is damaged, cut short, or of a rare kind (JPEG of 12 bits or without loss);"
            " save it as PNG"
        ) from error


def _from_tiff(path: Path) -> Raster:
    found = read_tiff(path)
    values = found.pixels.astype(np.uint8) if found.pixels.dtype == np.bool_ else found.pixels
    if found.palette is not None:
        return Raster(values[..., 0], palette=found.palette, lossy=found.lossy)
    photometric, notes = shown(found.photometric)
    return Raster(
        values[..., 0] if values.shape[2] < 3 else _channels(values),
        photometric,
        bits=found.bits,
        lossy=found.lossy,
        notes=notes,
        transparent=values.shape[2] in (2, 4) and _see_through(values),
    )


def _see_through(array: NDArray[Any]) -> bool:
    """Whether a last channel of transparency lets anything through."""
    if array.shape[2] not in (2, 4):
        return False
    full = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1
    return bool(array[..., -1].min() < full)


def _clear_rows(transparency: Any, used: NDArray[Any]) -> bool:
    """Whether a palette's row that is used lets anything through."""
    if isinstance(transparency, bytes):
        return any(k < len(transparency) and transparency[k] < 255 for k in used.tolist())
    return isinstance(transparency, int) and transparency in used


def _channels(array: NDArray[Any]) -> NDArray[Any]:
    """(H, W, C) without transparency; (H, W) where there is but one channel, or all are equal."""
    colours = array[..., : 3 if array.shape[2] >= 3 else 1]
    first = colours[..., 0]
    if all(np.array_equal(first, colours[..., k]) for k in range(1, colours.shape[2])):
        return np.ascontiguousarray(first)
    return colours


def _grey(values: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    return (values, False) if values.ndim == 2 else (luma(values), True)


def _padded(values: NDArray[Any], palette: NDArray[np.uint8], path: Path) -> NDArray[Any]:
    if int(values.max()) >= len(palette):
        raise InputError(f"{path}: holds values that its palette lacks; export it again")
    return values
