"""TIFF by tifffile, which keeps every type of value; what it would fill with zeros is refused."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.limits import check_bytes, check_size

_LOSSY = (6, 7, 34892, 50001)  # JPEG and WebP: no place for class ids
_MOST_SAMPLES = 4
_TURNS: dict[int, Any] = {  # TIFF's Orientation, as EXIF's
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: np.rot90(a),
}


class TiffPicture(NamedTuple):
    """One picture of a TIFF, upright.

    pixels       (H, W, channels) in native byte order
    photometric  TIFF's word: MINISBLACK, MINISWHITE, RGB, PALETTE
    palette      (2^bits, 3) uint8 of a PALETTE picture, whose pixels are its rows; else None
    bits         of a stored value
    lossy        the compression changes values
    """

    pixels: NDArray[Any]
    photometric: str
    palette: NDArray[np.uint8] | None
    bits: int
    lossy: bool


def read_tiff(path: Path) -> TiffPicture:
    """The single picture of a TIFF; InputError, one line, where it is damaged or not of a kind
    that is read."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)  # it raises as well
    try:
        with tifffile.TiffFile(path) as file:
            page = _only_page(path, file)
            _check(path, file, page)
            array = np.atleast_2d(page.asarray())
            colours = page.photometric.name
            palette = None
            if colours == "PALETTE":
                colours_16 = np.asarray(page.colormap).T
                eight = int(colours_16.max()) < 256  # as older programs write them
                palette = (colours_16 if eight else colours_16 >> 8).astype(np.uint8)
            bits, lossy = int(page.bitspersample), int(page.compression) in _LOSSY
            turned = page.tags.get("Orientation")
            turn = int(turned.value) if turned is not None else 1
            planes_first = page.axes.startswith("S")
            extra = [int(kind) for kind in page.extrasamples]
    except InputError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    # tifffile and its codecs answer damage with many kinds of errors
    except BaseException as error:
        raise InputError(f"{path}: is damaged or cut short; copy or export it again") from error
    if array.ndim == 3 and planes_first:
        array = np.moveaxis(array, 0, -1)
    if array.ndim != (3 if array.ndim == 3 else 2) or array.dtype.kind not in "biuf":
        raise InputError(f"{path}: holds {array.ndim}-D or complex values, no picture")
    samples = 1 if array.ndim == 2 else array.shape[-1]
    usual = 3 if colours in ("RGB", "YCBCR") else 1
    alpha = samples == usual + 1 and (bool(extra and extra[0] in (1, 2)) or usual == 3)
    if samples != usual and not alpha:
        raise InputError(f"{path}: holds {samples} values per pixel; save the one you need alone")
    if colours not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE"):
        raise InputError(f"{path}: holds {colours} colours; save it as grey")
    if palette is not None and int(array.max()) >= len(palette):
        raise InputError(f"{path}: holds values that its palette lacks; export it again")
    array = array if array.ndim == 3 else array[..., None]
    upright = _TURNS.get(turn, lambda a: a)(array)
    native = np.ascontiguousarray(upright).astype(upright.dtype.newbyteorder("="), copy=False)
    return TiffPicture(native, colours, palette, bits, lossy)


def _only_page(path: Path, file: Any) -> Any:
    pages = len(file.pages)
    series = file.series[0] if pages == 1 else None
    count = pages if series is None else int(np.prod(series.shape)) // max(1, file.pages[0].size)
    if count != 1:
        raise InputError(f"{path}: holds {count} pictures; save the one you need alone")
    return file.pages[0]


def _check(path: Path, file: Any, page: Any) -> None:
    """Sizes, and that every strip or tile is in the file and unpacks to what it must."""
    check_size((page.imagewidth, page.imagelength), path)
    if page.samplesperpixel > _MOST_SAMPLES or page.imagedepth != 1:
        raise InputError(f"{path}: holds {page.samplesperpixel} values per pixel; save it as grey")
    end = file.filehandle.size
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if len(segments) != _segments(page) or any(o < 8 or n < 1 or o + n > end for o, n in segments):
        raise InputError(f"{path}: is cut short, pixels are missing; copy or export it again")
    # a strip is said to be in the file as often as it pleases the writer
    packed = min(end, sum(n for _, n in segments))
    check_bytes(int(page.nbytes), packed, path)
    for index, (offset, count) in enumerate(segments):
        wanted = _segment_bytes(page, index)
        file.filehandle.seek(offset)
        if _unpacked_bytes(page, file.filehandle, count, wanted) < wanted:
            raise InputError(f"{path}: is damaged, pixels are missing; copy or export it again")


def _segments(page: Any) -> int:
    """How many strips or tiles the picture takes."""
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    if page.is_tiled:
        across, down = (
            -(-page.imagewidth // page.tilewidth),
            -(-page.imagelength // page.tilelength),
        )
        return planes * across * down
    return planes * -(-page.imagelength // min(page.rowsperstrip, page.imagelength))


def _segment_bytes(page: Any, index: int) -> int:
    """Bytes of a strip or tile before compression."""
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    if page.is_tiled:
        return page.tilelength * ((page.tilewidth * samples * page.bitspersample + 7) // 8)
    rows = min(page.rowsperstrip, page.imagelength)
    strips = -(-page.imagelength // rows)
    last = page.imagelength - rows * (strips - 1)
    height = last if index % strips == strips - 1 else rows
    return height * ((page.imagewidth * samples * page.bitspersample + 7) // 8)


def _unpacked_bytes(page: Any, stream: Any, count: int, wanted: int) -> int:
    """What a strip unpacks to, no further than just beyond `wanted`; `wanted` for codecs whose
    own decoders notice what is missing."""
    import imagecodecs

    kind = int(page.compression)
    if kind == 1:
        return count
    if kind in (8, 32946):
        engine = zlib.decompressobj()
        size = len(engine.decompress(stream.read(count), wanted + 1))
        if size == wanted:
            engine.decompress(engine.unconsumed_tail, 1)
            return size if engine.eof else 0
        return size
    if kind in (5, 32773):
        decode = imagecodecs.lzw_decode if kind == 5 else imagecodecs.packbits_decode
        return len(decode(stream.read(count), out=wanted))
    return wanted
