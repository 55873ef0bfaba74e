"""PNG as it is stored: every checksum checked, all 16 bits kept where Pillow drops eight."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.foreign import open_ordinary
from xgen_studio.imaging.limits import check_bytes, check_size

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Adam7: first column and row, and steps, of each of the seven passes
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_CHUNK = 1 << 20


def check_png(path: Path) -> tuple[int, int]:
    """Bits a channel and channels of a PNG that is whole; InputError where it is not.

    Pillow does not notice a wrong checksum of the pixels, and begins to unpack before it knows
    whether they are all there.
    """
    with open_ordinary(path) as file:
        file.seek(8)
        engine, unpacked, wanted, ended = zlib.decompressobj(), 0, -1, False
        bits = channels = 0
        size = path.stat().st_size
        while not ended:
            head = file.read(8)
            if len(head) < 8:
                raise _broken(path, "its end is missing")
            length, kind = struct.unpack(">I4s", head)
            if length > size:
                raise _broken(path, "a chunk is longer than the file")
            body, checksum = file.read(length), file.read(4)
            if len(checksum) < 4 or zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(
                checksum, "big"
            ):
                raise _broken(path, "a checksum is wrong or its end is missing")
            if kind == b"IHDR" and wanted < 0:
                bits, channels, wanted = _declared(path, body, size)
            elif wanted < 0:
                raise _broken(path, "it does not begin with its header")
            elif kind == b"IDAT":
                try:
                    unpacked += _count(engine, body, wanted - unpacked)
                except zlib.error as error:
                    raise _broken(path, str(error)) from error
                if unpacked > wanted:
                    raise _broken(path, "it holds more pixels than it declares")
            ended = kind == b"IEND"
    if not engine.eof or unpacked != wanted:
        raise _broken(path, "pixels are missing")
    return bits, channels


def deep_pixels(path: Path) -> NDArray[Any]:
    """The values (H, W, channels) uint16 of a whole 16-bit PNG with colours or transparency."""
    import imagecodecs

    pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
    return np.atleast_3d(pixels)


def _declared(path: Path, body: bytes, size: int) -> tuple[int, int, int]:
    """Bits, channels and the bytes that the pixels take before compression."""
    if len(body) != 13:
        raise _broken(path, "its header is damaged")
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if colour not in _CHANNELS or bits not in (1, 2, 4, 8, 16):
        raise _broken(path, "its header is damaged")
    check_size((width, height), path)
    depth = bits * _CHANNELS[colour]
    if interlaced:
        wanted = 0
        for x, y, dx, dy in _PASSES:
            columns, rows = -(-max(width - x, 0) // dx), -(-max(height - y, 0) // dy)
            wanted += rows * (1 + (columns * depth + 7) // 8) if columns else 0
    else:
        wanted = height * (1 + (width * depth + 7) // 8)
    check_bytes(wanted, size, path)
    return bits, _CHANNELS[colour], wanted


def _count(engine: Any, body: bytes, most: int) -> int:
    """How many bytes these unpack to, no further than just beyond `most`."""
    count, waiting = 0, body
    while waiting and count <= most and not engine.eof:
        count += len(engine.decompress(waiting, _CHUNK))
        waiting = engine.unconsumed_tail
    while not waiting and count <= most and not engine.eof and body:
        chunk = engine.decompress(b"", _CHUNK)
        if not chunk:
            break
        count += len(chunk)
    return count


def _broken(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: is damaged or cut short ({reason}); copy or export it again")
