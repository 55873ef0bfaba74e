"""Propose masks for real radiographs and write them beside an overlay to check them by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgen_studio.anatomy.knee.condition import bits_to_labels
from xgen_studio.anatomy.knee.masks import propose_planes, trouble
from xgen_studio.anatomy.knee.system import TABLE
from xgen_studio.errors import InputError
from xgen_studio.imaging import (
    Image,
    Mask,
    make_folder,
    read_image,
    write_json,
    write_mask,
    write_png8,
)
from xgen_studio.jobs.devices import pick_device
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.networks.memory import memory_guard


def attenuation_up(image: Image) -> NDArray[np.float32]:
    """Pixels that rise with attenuation (bone bright), whatever the file's photometric says."""
    pixels = image.pixels.astype(np.float32)
    return pixels.max() - pixels if image.photometric == "MONOCHROME1" else pixels


def propose_masks(
    model: str,
    images: list[Path],
    out: Path,
    device: str = "cpu",
    monitor: Monitor | None = None,
) -> list[Path]:
    """Write `NAME.png` (label ids on the image's own grid), `NAME_overlay.png` and `NAME.json`.

    The images are checked before the first mask is written. A mask that looks implausible is
    written all the same; its JSON and the overlay's name say what is odd.
    """
    monitor = monitor or Monitor()
    bundle = open_bundle(model)
    proposer = bundle.denoiser("masks", pick_device(device))
    names = [path.stem for path in images]
    if len(set(names)) < len(names):
        raise InputError("two of the images have the same name; their masks would overwrite")
    pictures = [read_image(path) for path in images]
    make_folder(out)
    written = []
    for i, (path, picture) in enumerate(zip(images, pictures, strict=True)):
        monitor.report(i, len(images), path.name)
        pixels = attenuation_up(picture)
        if float(np.ptp(pixels)) == 0:
            raise InputError(f"{path}: every pixel has the same value; there is no knee in it")
        with memory_guard(pick_device(device)):
            bits = propose_planes(pixels, proposer)
        mask = Mask(
            bits_to_labels(bits), TABLE, picture.spacing, picture.origin, picture.direction
        )
        target = out / f"{path.stem}.png"
        write_mask(target, mask)
        write_png8(out / f"{path.stem}_overlay.png", overlay(pixels, mask.labels))
        write_json(
            out / f"{path.stem}.json",
            {
                "image": str(path),
                "model": bundle.name,
                "weights_sha256": bundle.network_card("masks").sha256,
                "labels": {
                    label.name: round(float((mask.labels == label.id).mean()), 5)
                    for label in TABLE
                },
                "doubt": trouble(bits),
            },
        )
        written.append(target)
    monitor.report(len(images), len(images), "done")
    return written


def overlay(pixels: NDArray[np.float32], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The radiograph (H, W) with the borders between labels drawn in white, uint8."""
    low, high = np.percentile(pixels, [1, 99.7])
    grey = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1) * 215
    edge = np.zeros(labels.shape, dtype=bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return np.where(edge, 255, grey).astype(np.uint8)
