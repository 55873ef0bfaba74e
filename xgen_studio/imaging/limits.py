"""How large a declared image may be before anything of it is unpacked or allocated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike

from xgen_studio.errors import InputError

MAX_PIXELS = 100_000_000  # 2-D; the largest mammograms and long-leg radiographs have 50 million
MAX_VOXELS = 1_000_000_000  # 3-D; a body of 1024 x 1024 x 950
COPIES = 3  # of a volume that may be in memory at once: as stored, as intensities, as shown

# Deflate cannot go beyond 1032:1. Half of that is reached by emptiness alone, and a whole
# quarter of a GiB of emptiness is no scan.
SUSPECT_RATIO = 500
SUSPECT_FROM = 256 * 2**20  # bytes


def check_size(size: Sequence[int], path: str | PathLike[str]) -> None:
    """InputError when an image of `size` pixels along its axes is empty or absurdly large."""
    filled = [n for n in size if n != 1]
    limit = MAX_PIXELS if len(filled) <= 2 else MAX_VOXELS
    if min(size) < 1 or math.prod(size) > limit:
        shape = " x ".join(map(str, size))
        raise InputError(
            f"{path}: declares {shape} pixels, the limit is {limit:,}; it is damaged or must be "
            "cropped first"
        )


def check_bytes(needed: int, packed: int, path: str | PathLike[str]) -> None:
    """InputError when `packed` bytes cannot, or should not, become the `needed` ones of a header:
    they are too few even for emptiness, or there is not the memory."""
    if needed > SUSPECT_FROM and needed > SUSPECT_RATIO * packed:
        raise InputError(
            f"{path}: its {packed:,} bytes declare {needed / 2**30:.1f} GiB of pixels, more than"
            f" {SUSPECT_RATIO} times as many; it is damaged or made to fill the memory"
        )
    free = _free_memory()
    if free is not None and COPIES * needed > free:
        raise InputError(
            f"{path}: needs {COPIES * needed / 2**30:.1f} GiB of memory, and"
            f" {free / 2**30:.1f} GiB are free; close other programs or crop it first"
        )


def _free_memory() -> int | None:
    """Bytes that this machine could still give; None where nobody says (a borrowed GPU machine,
    where trainings read their arrays, has torch and numpy alone)."""
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)
