"""What ties a result to what it was made from: hashes, model, versions."""

from __future__ import annotations

import hashlib
import platform
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import xgen_studio

if TYPE_CHECKING:
    from xgen_studio.diffusion.bundle import Bundle


def array_hash(array: NDArray[Any]) -> str:
    """SHA-256 of an array's shape, type and bytes."""
    whole = np.ascontiguousarray(array)
    head = f"{whole.shape}{whole.dtype.str}".encode()
    return hashlib.sha256(head + whole.tobytes()).hexdigest()


def made_by(bundle: Bundle, method: str, device: object) -> dict[str, Any]:
    """Which model and which program made a picture, when and where."""
    import torch

    return {
        "synthetic": True,
        "model": bundle.name,
        "method": method,
        "weights_sha256": bundle.network_card(method).sha256,
        "device": str(device),
        "dtype": "float32",
        "versions": {
            "xgen_studio": xgen_studio.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
