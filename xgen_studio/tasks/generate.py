"""Pictures from a mask: previews and finished ones, with all that makes them again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.bundles import Bundle, open_bundle
from xgen_studio.diffusion import METHODS, Denoiser, Kept, Plan, SeededNoise, Step, plan, walk
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Mask, make_folder, together, write_json, write_png16
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.ask import Note, told
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Draw, Drawing, Drawn, Edit, Series
from xgen_studio.tasks.mask_system import load_system
from xgen_studio.tasks.provenance import array_hash, made_by, named, partly_synthetic

FEATHER = 4.0  # px of a soft edge inside an edited region
MOST_SEED = 2**63


class Generator:
    """A loaded model on a device, ready for one request after another."""

    def __init__(self, bundle: Bundle, device: torch.device) -> None:
        self.bundle, self.device = bundle, device
        self.system = load_system(bundle.anatomy)
        self._denoisers: dict[str, Denoiser] = {}

    def denoiser(self, method: str) -> Denoiser:
        """The network behind a method, loaded once."""
        network = self.bundle.methods.get(method, "")
        if network not in self._denoisers:
            self._denoisers[network] = self.bundle.denoiser(method, self.device)
        return self._denoisers[network]

    def steps(
        self, drawing: Drawing, mask: Mask, edit: Edit | None = None
    ) -> Iterator[Step | Drawn]:
        """Walk from noise to one picture: a `Step` after each noise level, then the `Drawn`.

        With `edit` only a region of a picture is drawn anew."""
        began = time.perf_counter()
        method = drawing.method or self.bundle.default_method
        if method not in METHODS:
            raise CallError(f"no method is called '{method}'; there is {', '.join(METHODS)}")
        sampler, steps = self.bundle.sampling(drawing.sampler, drawing.steps)
        check_seed(drawing.seed)
        self._check_options(method, drawing)
        denoiser = self.denoiser(method)
        labels = self.system.labels_on(mask, self.bundle.grid)
        labels = self.system.simplified(labels, self.bundle.detail)
        condition = self.system.condition(labels, drawing.options).to(self.device)
        guide = torch.from_numpy(self.system.guide(labels))[None, None].to(self.device)
        planned = plan(method, denoiser, condition, guide, sampler, steps)
        noise = SeededNoise([drawing.seed], (1, *self.bundle.grid), self.device)
        kept = _kept(edit, self.bundle.grid, self.device) if edit else None
        step = None
        with memory_guard(self.device):
            for step in walk(planned, denoiser, noise, kept):
                yield step
        assert step is not None
        pixels = ((step.x0[0, 0].clamp(-1, 1) + 1) / 2).float().cpu().numpy()
        provenance = self._provenance(mask, labels, method, drawing, planned)
        if edit is not None:
            pixels = np.where(edit.region, pixels, edit.pixels).astype(np.float32)
            provenance["edit"] = {
                "picture_sha256": array_hash(edit.pixels.astype(np.float32)),
                "region_sha256": array_hash(edit.region.astype(np.uint8)),
                "region_px": int(edit.region.sum()),
            }
            if not edit.synthetic:
                provenance |= partly_synthetic(edit.region)
        seconds = time.perf_counter() - began
        provenance["pixels_sha256"] = array_hash(pixels)
        provenance["seconds"] = round(seconds, 4)
        yield Drawn(pixels, provenance, seconds)

    def one(self, drawing: Drawing, mask: Mask, edit: Edit | None = None) -> Drawn:
        """One finished picture."""
        *_, last = self.steps(drawing, mask, edit)
        assert isinstance(last, Drawn)
        return last

    def _check_options(self, method: str, drawing: Drawing) -> None:
        """CallError for an option that would have no effect and yet be written down."""
        said = [name for name, value in drawing.options.items() if value is not None]
        takes = method == "ctm" and self.bundle.network_card(method).options.get("classes", 0)
        if said and not takes:
            raise CallError(
                f"{self.bundle.name} by {method} takes no {', '.join(said)}; leave it out"
            )

    def _provenance(
        self,
        mask: Mask,
        labels: NDArray[np.integer[Any]],
        method: str,
        drawing: Drawing,
        planned: Plan,
    ) -> dict[str, Any]:
        window = self.system.window(mask, self.bundle.grid)
        return made_by(self.bundle, method, self.device) | {
            **(named("mask", mask.source) if mask.source else {"mask": None}),
            "mask_encoding": mask.encoding,
            **({"mask_notes": list(mask.notes)} if mask.notes else {}),
            "mask_window_px": [round(value, 2) for value in window],
            "mask_sha256": array_hash(labels.astype(np.uint8)),
            "options": dict(drawing.options),
            **noise_provenance(method, drawing.seed, planned),
        }


def noise_provenance(method: str, seed: int, planned: Plan) -> dict[str, Any]:
    """Seed, sampler and noise levels of a walk; a U-Net has none of them."""
    if method == "unet":
        return dict.fromkeys(("seed", "sampler", "sigmas")) | {"steps": 1}
    return {
        "seed": seed,
        "sampler": planned.sampler,
        "steps": len(planned.sigmas) - 1,
        "sigmas": [float(f"{float(s):.6g}") for s in planned.sigmas],
    }


def check_seed(seed: int, count: int = 1) -> None:
    """CallError where one of `count` seeds from this one on is none."""
    if not 0 <= seed <= MOST_SEED - count:
        raise CallError(f"seed {seed}: whole numbers from 0 to 2^63 - 1 are seeds")


def _kept(edit: Edit, grid: tuple[int, int], device: torch.device) -> Kept:
    """The picture as a walk sees it, with an edge of FEATHER px inside the region."""
    for what, array in (("picture", edit.pixels), ("region", edit.region)):
        if array.shape != grid:
            raise InputError(
                f"the {what} to edit has {array.shape[1]} x {array.shape[0]} px; this model draws"
                f" {grid[1]} x {grid[0]} px"
            )
    if not edit.region.any():
        raise InputError("the region to draw anew is empty; outline a part of the picture")
    depth = ndimage.distance_transform_edt(np.pad(edit.region, 1, mode="edge"))[1:-1, 1:-1]
    inside = torch.from_numpy((depth / FEATHER).clip(0, 1).astype(np.float32))
    picture = torch.from_numpy(edit.pixels.astype(np.float32) * 2 - 1)
    return Kept(picture[None, None].to(device), inside[None, None].to(device))


def generator_on(bench: Bench, model: str, device: str) -> Generator:
    """A model ready to draw, kept on the bench."""
    where = bench.device(device)
    return bench.kept(
        ("generator", model, str(where)), lambda: Generator(open_bundle(model), where)
    )


def draw(ask: Draw, bench: Bench) -> Iterator[Drawn]:
    """One picture; tells it when it is done."""
    generator = generator_on(bench, ask.drawing.model, ask.drawing.device)
    for step in generator.steps(ask.drawing, ask.mask, ask.edit):
        if isinstance(step, Drawn):
            yield replace(step, final=ask.final)
        else:
            bench.report(step.index, step.total)


def draw_series(ask: Series, bench: Bench) -> Iterator[Drawn | Note]:
    """Pictures of a mask, one for each seed; tells each when it is done, or written."""
    drawing = ask.drawing
    seeds = ask.seeds or tuple(range(drawing.seed, drawing.seed + ask.count))
    generator = generator_on(bench, drawing.model, drawing.device)
    if len(seeds) > 1 and (drawing.method or generator.bundle.default_method) == "unet":
        raise CallError(
            f"{len(seeds)} pictures: the U-Net draws one picture of a mask, whatever the seed"
        )
    if ask.mask.source:
        yield Note(how_read(ask.mask, generator.system.window(ask.mask, generator.bundle.grid)))
        yield from told(ask.mask.source.name, ask.mask.notes)
    for i, seed in enumerate(seeds):
        if i in ask.have:
            continue
        for step in generator.steps(replace(drawing, seed=seed), ask.mask, ask.edit):
            if isinstance(step, Drawn):
                file = write_drawn(ask.folder, i, step) if ask.folder is not None else None
                yield replace(step, file=file)
            else:
                done, total = i * step.total + step.index, len(seeds) * step.total
                bench.report(done, total, f"picture {i + 1} of {len(seeds)}")


def write_drawn(folder: Path, i: int, drawn: Drawn) -> Path:
    """Write picture i as `iii.png` (16-bit grey) and `iii.json`; returns the picture's path. Where
    the picture is, all of it is."""
    make_folder(folder)
    picture = folder / f"{i:03d}.png"
    with together(proof=picture):
        write_json(picture.with_suffix(".json"), drawn.provenance)
        write_png16(picture, drawn.pixels, drawn.provenance)
    return picture


def how_read(mask: Mask, window: tuple[float, float, float, float]) -> str:
    """A sentence for the user: what the values of a mask were taken for, which part is drawn."""
    kind = "the grey levels 0, 0.5, 1" if mask.encoding == "grey levels" else "label ids"
    names = ", ".join(mask.table[i].name for i in mask.present)
    left, top, width, height = window
    whole = (left, top) == (0, 0) and (height, width) == mask.shape
    part = (
        ""
        if whole
        else f"; drawn is the window of {width:.0f} x {height:.0f} px at ({left:.0f}, {top:.0f})"
    )
    return f"mask read as {kind}: {names}{part}"
