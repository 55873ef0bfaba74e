"""Running out of memory, said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from xgen_studio.errors import DeviceError


@contextmanager
def memory_guard(device: torch.device) -> Iterator[None]:
    """Turn running out of memory, on a device or the CPU, into a DeviceError with advice."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise DeviceError(
            f"{device}: out of memory; close other programs on it, use a smaller batch or picture,"
            " or use the CPU"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        raise DeviceError(
            "this machine's memory is not enough for that; use a smaller size or batch"
        ) from error
