"""What ties a result to what it was made from: files, hashes, model, versions, and the machine.

Equal pixels hold for the same call on the same kind of processor with as many threads, and for
nothing else: sums of floats depend on their order. Therefore all of it is written down.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import xgen_studio
from xgen_studio.errors import InputError
from xgen_studio.imaging import PARTLY, file_hash
from xgen_studio.imaging.names import base_name

if TYPE_CHECKING:
    from xgen_studio.bundles import Bundle

TITLES = {
    "device": "device",
    "threads": "number of threads",
    "instructions": "processor",
    "versions": "versions",
}


def named(key: str, path: Path) -> dict[str, str]:
    """How an input is written down, in whatever is written: its own name under `key`, and the
    SHA-256 of its bytes as `KEY_file_sha256`, where it is still there.

    Folders are not named, for their names hold patients' names: one that is an input itself is
    "a folder of N files", and its hash is that of its files' hashes in the order of their names.
    """
    if path.is_dir():
        hashes = [file_hash(file) for file in sorted(path.rglob("*")) if file.is_file()]
        whole = hashlib.sha256("".join(hashes).encode()).hexdigest()
        return {key: f"a folder of {len(hashes)} files", f"{key}_file_sha256": whole}
    said = {key: base_name(str(path))}
    with suppress(InputError):  # the last of many pictures may be drawn after its mask has gone
        said[f"{key}_file_sha256"] = file_hash(path)
    return said


def partly_synthetic(drawn: NDArray[np.bool_]) -> dict[str, Any]:
    """What provenance says of a picture of which a model made only the pixels `drawn` (H, W)."""
    return {"synthetic": PARTLY, "synthetic_share": round(float(drawn.mean()), 5)}


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
        "threads": torch.get_num_threads(),
        "instructions": instructions(device),
        "versions": {
            "xgen_studio": xgen_studio.__version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def instructions(device: object) -> str:
    """What computes, as far as it changes the last digit: the CUDA device's name, or the vector
    instructions and the maker of the processor."""
    import torch

    if str(device).startswith("cuda"):
        return torch.cuda.get_device_name(str(device))
    return f"{torch.backends.cpu.get_cpu_capability()}, {_maker()}"


def _maker() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("vendor_id"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def what_differs(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Sentences such as 'number of threads: 1, now 2', of what may change the last digit. What was
    not written down then cannot be told."""
    found = []
    for key, title in TITLES.items():
        if key not in then or then[key] == now.get(key):
            continue
        if key == "versions" and isinstance(then[key], Mapping):
            old, new = (str(p[key].get("torch", "?")) for p in (then, now))
            if old != new:
                found.append(f"torch: {old}, now {new}")
        else:
            found.append(f"{title}: {then[key]}, now {now.get(key)}")
    return found
