"""Devices: which there are, and what is said when one is missing or full."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from xgen_studio.errors import DeviceError


@dataclass(frozen=True)
class Device:
    """A device a job can run on; memory in bytes, None where not known."""

    name: str  # as it is written in a call: cpu, cuda:0
    title: str
    free: int | None
    total: int | None


def devices() -> list[Device]:
    """The CPU and every CUDA device of this machine."""
    threads = os.cpu_count() or 1
    found = [Device("cpu", f"CPU, {threads} cores", None, None)]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            title = torch.cuda.get_device_name(index)
            found.append(Device(f"cuda:{index}", title, free, total))
    return found


def pick_device(name: str) -> torch.device:
    """The torch device of that name; DeviceError says which there are."""
    known = [device.name for device in devices()]
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in known:
        raise DeviceError(f"no device '{name}' on this machine; there is {', '.join(known)}")
    return torch.device(wanted)


def same_pixels(device: torch.device) -> torch.device:
    """The device, set so that it draws the same pixels each time, in float32 as written down."""
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
    return device
