"""Propose masks for real radiographs and write them beside an overlay to check them by eye."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from xgen_studio.anatomy.knee.labels import TABLE, bits_to_labels
from xgen_studio.anatomy.knee.masks import check_radiograph, propose_planes, trouble
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import (
    Mask,
    attenuation_up,
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

# DICOM modalities that can be a radiograph; '' where the file does not say (PNG, TIFF)
RADIOGRAPHS = ("", "CR", "DX", "RG", "RF", "XA", "OT")


@dataclass(frozen=True)
class ProposedMask:
    """A written mask, and what is odd about it ('' when nothing is)."""

    path: Path
    doubt: str


def check_targets(images: list[Path], out: Path) -> None:
    """CallError where a mask would be written over a radiograph, or over another mask."""
    sources = {path.resolve() for path in images}
    seen: set[Path] = set()
    for path in images:
        for ending in (".png", "_overlay.png", ".json"):
            target = (out / f"{path.stem}{ending}").resolve()
            if target in sources:
                raise CallError(f"{target}: is one of the images; name another folder with -o")
            if target in seen:
                raise CallError(f"{path}: its mask would overwrite that of another image")
            seen.add(target)


def propose_masks(
    model: str, images: list[Path], out: Path, device: str = "cpu", monitor: Monitor | None = None
) -> list[ProposedMask]:
    """Write `NAME.png` (label ids on the image's own grid), `NAME_overlay.png` and `NAME.json`.

    All images are read and checked before the first mask is written. A mask that looks implausible
    is written all the same; `doubt` in its JSON says what is odd.
    """
    monitor = monitor or Monitor()
    bundle = open_bundle(model)
    place = pick_device(device)
    proposer = bundle.denoiser("masks", place)
    check_targets(images, out)
    pictures = [read_image(path) for path in images]
    grey = [attenuation_up(picture) for picture in pictures]
    for path, picture, pixels in zip(images, pictures, grey, strict=True):
        if picture.modality not in RADIOGRAPHS:
            raise InputError(
                f"{path}: is {picture.modality}, not a radiograph; masks are proposed for AP knees"
            )
        check_radiograph(pixels, str(path))
    make_folder(out)
    written = []
    for i, (path, picture, pixels) in enumerate(zip(images, pictures, grey, strict=True)):
        monitor.report(i, len(images), path.name)
        with memory_guard(place):
            bits = propose_planes(pixels, proposer)
        mask = Mask(bits_to_labels(bits), TABLE, picture.spacing, picture.origin, picture.direction)
        doubt = trouble(bits)
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
                    label.name: round(float((mask.labels == label.id).mean()), 5) for label in TABLE
                },
                "doubt": doubt,
            },
        )
        written.append(ProposedMask(target, doubt))
    monitor.report(len(images), len(images), "done")
    return written


def overlay(pixels: NDArray[np.float32], labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The radiograph (H, W) with each label's border in its colour, (H, W, 3) uint8.

    Borders are as thick for the eye in a large picture as in a small one.
    """
    low, high = np.percentile(pixels, [1, 99.7])
    grey = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1) * 215
    picture = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    thickness = max(1, round(min(labels.shape) / 200))
    for label in TABLE:
        inside = labels == label.id
        if inside.any():
            border = inside & ~binary_erosion(inside, iterations=thickness, border_value=1)
            picture[border] = label.colour
    return picture
