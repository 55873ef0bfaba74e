"""Weights on disk: safetensors only, saved whole or not at all, checked before they are used.

Large tensors are stored as 8-bit whole numbers with a scale a row, beside them as `NAME.scale`:
half the size, and a picture drawn with them differs by 0.002 (root mean square). Small
ones stay float16: those of the last layers would show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_bytes
from xgen_studio.imaging import atomic_write, file_hash

LARGE = 1 << 14  # elements from which a tensor is stored in 8 bits
SCALE = ".scale"
LARGEST = 16 * 2**30  # bytes of a weights file


def save_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write tensors; a full disk or a kill leaves the old file as it was."""
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_write(path) as temporary:  # not save_file: it makes files only we may read
        temporary.write_bytes(save(plain, metadata=metadata))


def save_weights(network: nn.Module, path: Path) -> str:
    """Write a network's weights in 8 and 16 bits; returns the file's SHA-256.

    Buffers stay as they are: half a digit off in a Fourier frequency is another embedding.
    """
    tensors = network.state_dict()
    for name, value in network.named_parameters():
        if value.ndim > 1 and value.numel() >= LARGE:
            rows = value.detach().flatten(1)
            scale = rows.abs().amax(1).clamp_min(1e-12) / 127
            tensors[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(value.shape)
            tensors[name + SCALE] = scale
        else:
            tensors[name] = value.half()
    save_tensors(tensors, path)
    return file_hash(path)


@dataclass(frozen=True)
class Weights:
    """A weights file as it was read, once: what is hashed is what is loaded."""

    path: Path
    sha256: str
    tensors: dict[str, Tensor]

    @property
    def numbers(self) -> int:
        """How many there are in all."""
        return sum(tensor.numel() for tensor in self.tensors.values())


def read_weights(path: Path) -> Weights:
    """The tensors of a safetensors file; InputError for any other, a link to a device included."""
    content = read_bytes(path, LARGEST)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{path}: not a safetensors file ({error}); weights are read from safetensors only"
        ) from error
    return Weights(path, hashlib.sha256(content).hexdigest(), tensors)


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Put what `save_weights` wrote, or plain float tensors, into a network; never a pickle."""
    path, tensors = weights.path, dict(weights.tensors)
    scales = {k: tensors.pop(k) for k in list(tensors) if k.endswith(SCALE)}
    tensors = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    for key, scale in scales.items():
        name = key.removesuffix(SCALE)
        if name not in tensors or tensors[name].shape[:1] != scale.shape:
            raise InputError(f"{path}: {key} is the scale of no tensor there; bundle it again")
        whole = tensors[name].float()
        tensors[name] = whole * scale.float().reshape(-1, *[1] * (whole.ndim - 1))
    own = network.state_dict()
    odd = sorted(
        key
        for key in own.keys() | tensors.keys()
        if key not in own or key not in tensors or own[key].shape != tensors[key].shape
    )
    if odd:
        raise InputError(
            f"{path}: {len(odd)} tensors do not fit the network of the card (first: {odd[0]})"
        )
    network.load_state_dict(tensors)
