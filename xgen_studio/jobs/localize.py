"""Find landmarks in radiographs of hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xgen_studio.anatomy.hand.gate import load_gate
from xgen_studio.anatomy.hand.localising import Located, locate
from xgen_studio.anatomy.hand.writing import write_table
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import read_image
from xgen_studio.jobs.devices import pick_device
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.networks.memory import memory_guard

METHOD = "landmarks"


@dataclass(frozen=True)
class Found:
    """The landmarks of one file."""

    path: Path
    located: Located


def localize_files(
    model: str,
    images: Sequence[Path],
    out: Path,
    device: str = "cpu",
    monitor: Monitor | None = None,
) -> list[Found]:
    """Write a table `id,x0,y0,...,x36,y36` of all images (px, pixel centres at whole numbers)."""
    monitor = monitor or Monitor()
    if out.suffix.lower() != ".csv" or out.is_dir():
        raise CallError(f"{out}: landmarks are written as a table; name a file that ends in .csv")
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
