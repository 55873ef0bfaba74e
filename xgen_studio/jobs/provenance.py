"""Hashes that tie a result to what it was made from."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def array_hash(array: NDArray[Any]) -> str:
    """SHA-256 of an array's shape, type and bytes."""
    whole = np.ascontiguousarray(array)
    head = f"{whole.shape}{whole.dtype.str}".encode()
    return hashlib.sha256(head + whole.tobytes()).hexdigest()
