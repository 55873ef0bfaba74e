"""Propose masks for real radiographs and write them beside an overlay to check them by eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import (
    Mask,
    attenuation_up,
    make_folder,
    read_image,
    together,
    write_json,
    write_mask,
    write_png8,
)
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.ask import Note, told
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.provenance import named
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.knee.science.labels import TABLE, bits_to_labels
from xgen_studio.wings.knee.science.masks import check_radiograph, propose_planes, trouble
from xgen_studio.wings.knee.tasks.asks import MaskFiles, ProposedMask

# DICOM modalities that can be a radiograph; '' where the file does not say (PNG, TIFF)
RADIOGRAPHS = ("", "CR", "DX", "RG", "RF", "XA", "OT")


def targets(image: Path, out: Path) -> tuple[Path, Path, Path]:
    """The mask, overlay and JSON of an image."""
    mask, overlaid, card = (out / f"{image.stem}{e}" for e in (".png", "_overlay.png", ".json"))
    return mask, overlaid, card


def check_targets(images: Sequence[Path], out: Path, overwrite: bool) -> None:
    """CallError where a mask would be written over a radiograph, another mask, or what is there."""
    seen: set[Path] = set()
    for path in images:
        for target in targets(path, out):
            if target.resolve() in seen:
                raise CallError(f"{path}: its mask would overwrite that of another image")
            seen.add(target.resolve())
    check_free([target for path in images for target in targets(path, out)], overwrite, images)


def propose_masks(ask: MaskFiles, bench: Bench) -> Iterator[ProposedMask | Note]:
    """Write and tell the mask of each image.

    All images are read and checked before the first mask is written. A mask that looks implausible
    is written all the same; `doubt` in its JSON says what is odd.
    """
    bundle, device = open_bundle(ask.model), bench.device(ask.device)
    proposer = bundle.denoiser("masks", device)
    check_targets(ask.images, ask.out, ask.overwrite)
    pictures = [read_image(path) for path in ask.images]
    grey = [attenuation_up(picture) for picture in pictures]
    for path, picture, pixels in zip(ask.images, pictures, grey, strict=True):
        if picture.modality not in RADIOGRAPHS:
            raise InputError(
                f"{path}: is {picture.modality}, not a radiograph; masks are proposed for AP knees"
            )
        check_radiograph(pixels, str(path))
    make_folder(ask.out)
    for i, (path, picture, pixels) in enumerate(zip(ask.images, pictures, grey, strict=True)):
        bench.report(i, len(ask.images), path.name)
        with memory_guard(device):
            bits = propose_planes(pixels, proposer)
        labels, doubt = bits_to_labels(bits), trouble(bits)
        mask = Mask(labels, TABLE, picture.spacing, picture.origin, picture.direction)
        target, overlaid, card = targets(path, ask.out)
        shares = {label.name: float((labels == label.id).mean()) for label in TABLE}
        said = {
            **named("image", path),
            "model": bundle.name,
            "weights_sha256": bundle.network_card("masks").sha256,
            "labels": {name: round(share, 5) for name, share in shares.items()},
            "doubt": doubt,
            **({"notes": list(picture.notes)} if picture.notes else {}),
        }
        with together(proof=target):
            write_png8(overlaid, overlay(pixels, labels))
            write_json(card, said)
            write_mask(target, mask)
        yield from told(path.name, picture.notes)
        yield ProposedMask(labels, doubt, target)
    bench.report(len(ask.images), len(ask.images), "done")


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
