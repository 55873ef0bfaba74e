"""The voxels behind a header: as many bytes as it declares, of files in its own folder.

Nothing is unpacked beyond what the header declares, checksums are checked, and the array is the
only large thing in memory.
"""

from __future__ import annotations

import bz2
import io
import math
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.foreign import open_ordinary
from xgen_studio.imaging.limits import check_bytes, check_size

Encoding = Literal["raw", "deflate", "bzip2", "text"]

_CHUNK = 1 << 20
_BEHIND = 64 * 2**20  # bytes behind the voxels that are passed over, where checksums may be
_TEXT_DIGITS = 64  # characters a number in a text file may take


@dataclass(frozen=True)
class Payload:
    """Where the voxels of a header lie.

    header   the file whose header this is
    files    the files that hold them, one after the other
    dtype    of a stored value, byte order included
    shape    slowest axis first
    offset   bytes before them in each file; -1: they are the last bytes of the file
    skip     unpacked bytes before them, in a stream that is packed with its header
    """

    header: Path
    files: tuple[Path, ...]
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    encoding: Encoding = "raw"
    offset: int = 0
    skip: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all stored values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """The stored values in native byte order; InputError where they are not all there."""
        check_size(self.shape, self.header)
        packed = sum(_size(file) for file in self.files)
        if self.encoding == "text":
            return self._from_text(packed)
        if self.encoding == "raw" and packed < self.nbytes:
            raise self._short()
        check_bytes(self.nbytes, packed, self.header)
        array = np.empty(self.shape, self.dtype)
        target = memoryview(array.reshape(-1).view(np.uint8).data)
        filled = 0
        each, rest = divmod(self.nbytes, len(self.files))
        if rest:
            raise InputError(f"{self.header}: its voxels do not divide into its files")
        for file in self.files:
            filled += self._fill(target[filled : filled + each], file)
        if filled < self.nbytes:
            raise self._short()
        return array.astype(self.dtype.newbyteorder("="), copy=False)

    def _fill(self, target: memoryview, file: Path) -> int:
        """Copy a file's unpacked bytes into `target`; returns how many there were."""
        filled, behind = 0, 0
        try:
            for chunk in self._chunks(file, len(target)):
                part = chunk[: len(target) - filled]
                target[filled : filled + len(part)] = part
                filled += len(part)
                behind += len(chunk) - len(part)
                if behind > _BEHIND:
                    raise InputError(
                        f"{file}: holds far more than its header declares; it is damaged"
                    )
        except (EOFError, zlib.error, OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"{file}: is cut short or damaged ({said}); copy or export it again"
            ) from error
        return filled

    def _chunks(self, file: Path, wanted: int) -> Iterator[bytes]:
        with open_ordinary(file) as stream:
            if self.encoding == "raw":
                start = self.offset + self.skip if self.offset >= 0 else _size(file) - wanted
                if start < 0:
                    raise self._short()
                stream.seek(start)
                yield from _exactly(stream, wanted)
                return
            stream.seek(max(self.offset, 0))
            skip = self.skip
            for chunk in unpacked(stream, self.encoding):
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))

    def _from_text(self, packed: int) -> NDArray[Any]:
        count = math.prod(self.shape)
        if packed < count or packed > (count + 64) * _TEXT_DIGITS:
            raise self._short()
        check_bytes(count * 8, packed, self.header)
        with open_ordinary(self.files[0]) as stream:
            stream.seek(max(self.offset, 0))
            text = stream.read()
        try:
            values = np.array(text.replace(b",", b" ").split()[:count], dtype=np.float64)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{self.header}: its text holds what is no number") from error
        if values.size < count:
            raise self._short()
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            whole = np.array_equal(values, np.rint(values)) and np.abs(values).max() <= 2**53
            if not whole or values.min() < limits.min or values.max() > limits.max:
                raise InputError(
                    f"{self.header}: its text holds numbers that its type {self.dtype.name} does"
                    " not; export it again"
                )
        return values.astype(self.dtype.newbyteorder("=")).reshape(self.shape)

    def _short(self) -> InputError:
        return InputError(
            f"{self.header}: is cut short, voxels are missing; copy or export it again"
        )


def unpacked(stream: io.BufferedIOBase, encoding: Encoding) -> Iterator[bytes]:
    """The unpacked bytes of a gzip, zlib or bzip2 stream, to its end, where its checksum is."""
    if encoding == "bzip2":
        with bz2.open(stream) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
        return
    engine, ended = zlib.decompressobj(47), False  # 47: gzip or zlib, whichever it is
    waiting = stream.read(_CHUNK)
    while waiting:
        if ended:  # gzip members may follow each other; anything else is padding
            if not waiting.startswith(b"\x1f\x8b"):
                return
            engine, ended = zlib.decompressobj(47), False
        yield engine.decompress(waiting, _CHUNK)
        ended = engine.eof
        waiting = engine.unused_data if ended else engine.unconsumed_tail
        waiting = waiting or stream.read(_CHUNK)
    if not ended:
        raise EOFError("the compressed stream has no end")


def first_unpacked(file: Path, count: int = 4096) -> bytes:
    """The beginning of what a gzip file holds; InputError where it is damaged."""
    start = b""
    with open_ordinary(file) as stream:
        try:
            for chunk in unpacked(stream, "deflate"):
                start += chunk
                if len(start) >= count:
                    break
            return start[:count]
        except (EOFError, zlib.error) as error:
            raise InputError(
                f"{file}: is cut short or damaged (gzip: {error}); copy or export it again"
            ) from error


def within_folder(header: Path, name: str) -> Path:
    """The file that a header names, which must lie in the header's own folder or below it."""
    folder = header.parent.resolve()
    try:
        file = (folder / name).resolve()
        inside = file.is_relative_to(folder)
        mode = file.stat().st_mode if inside else 0
    except (OSError, ValueError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{header}: its data file {name!r} cannot be opened ({said}); copy both together"
        ) from error
    if not inside:
        raise InputError(
            f"{header}: names {name!r}, a file outside its folder; put both into one folder and"
            " mend the name"
        )
    if not stat.S_ISREG(mode):
        raise InputError(f"{header}: names {name!r}, which is no ordinary file")
    return file


def _exactly(stream: io.BufferedReader, wanted: int) -> Iterator[bytes]:
    while wanted > 0 and (chunk := stream.read(min(_CHUNK, wanted))):
        wanted -= len(chunk)
        yield chunk


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"{file}: cannot be opened ({error.strerror}); check it") from error
