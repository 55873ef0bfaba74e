"""How large a declared image may be before it is taken for a mistake."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike

from xgen_studio.errors import InputError

MAX_PIXELS = 150_000_000  # 2-D; the largest mammograms and long-leg radiographs have 50 million
MAX_VOXELS = 2_000_000_000  # 3-D; 1024 x 1024 x 1900, 4 GB as int16


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
