"""Find landmarks in radiographs of hands."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xgen_studio.anatomy.hand.gate import load_gate
from xgen_studio.anatomy.hand.landmarks import COUNT, Points
from xgen_studio.anatomy.hand.localising import Located, locate
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import atomic_write, make_folder, read_image
from xgen_studio.jobs.devices import pick_device
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.networks.memory import memory_guard

METHOD = "landmarks"
HEADER = ["id", *(f"{axis}{n}" for n in range(COUNT) for axis in "xy")]


@dataclass(frozen=True)
class Found:
    """The landmarks of one file."""

    path: Path
    located: Located


def localize_files(
    model: str, images: Sequence[Path], out: Path, device: str = "cpu",
    monitor: Monitor | None = None,
) -> list[Found]:  # fmt: skip
    """Write a table `id,x0,y0,...,x36,y36` of all images (px, pixel centres at whole numbers)."""
    monitor = monitor or Monitor()
    bundle = open_bundle(model)
    if METHOD not in bundle.methods:
        raise CallError(f"{bundle.name}: finds no landmarks; a model with '{METHOD}' does")
    if not images:
        raise CallError("no image is named")
    ids = [image.stem for image in images]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise InputError(f"{sorted(twice)[0]}: two images have this name; ids would be the same")
    denoiser, gate = bundle.denoiser(METHOD, pick_device(device)), load_gate()
    found = []
    with memory_guard(pick_device(device)):
        for done, path in enumerate(images):
            monitor.report(done, len(images), path.name)
            found.append(Found(path, locate(denoiser, gate, read_image(path))))
    write_table(out, {one.path.stem: one.located.points for one in found})
    return found


def write_table(path: Path, hands: dict[str, Points]) -> None:
    """A table of landmarks, a hundredth of a pixel exact."""
    make_folder(path.parent)
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for id, points in hands.items():
            writer.writerow([id, *(f"{value:.2f}" for value in points.ravel())])
