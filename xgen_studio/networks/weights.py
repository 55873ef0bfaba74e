"""Weights on disk: safetensors only, saved whole or not at all, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from xgen_studio.errors import InputError
from xgen_studio.imaging import atomic_write, file_hash


def save_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write tensors; a full disk or a kill leaves the old file as it was."""
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_write(path) as temporary:  # not save_file: it makes files only we may read
        temporary.write_bytes(save(plain, metadata=metadata))


def save_weights(network: nn.Module, path: Path) -> str:
    """Write a network's weights as float16; returns the file's SHA-256.

    Buffers stay as they are: half a digit off in a Fourier frequency is another embedding.
    """
    tensors = network.state_dict()
    tensors |= {name: value.half() for name, value in network.named_parameters()}
    save_tensors(tensors, path)
    return file_hash(path)


def load_weights(network: nn.Module, path: Path) -> None:
    """Read float16 or float32 safetensors into a network; never a pickle."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: not a safetensors file ({error}); weights are read from safetensors only"
        ) from error
    tensors = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
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
