"""Generate hands: radiographs with their landmark heatmaps, and where each landmark was meant."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xgen_studio.anatomy.hand.data import heat_of, paper_heat_of
from xgen_studio.anatomy.hand.drawing import drawn_shape, told
from xgen_studio.anatomy.hand.gate import shipped_gates
from xgen_studio.anatomy.hand.landmarks import Points
from xgen_studio.anatomy.hand.norms import in_frame
from xgen_studio.anatomy.hand.reading import read_landmarks
from xgen_studio.diffusion import SeededNoise, Step, plan, walk
from xgen_studio.diffusion.bundle import Bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import make_folder, write_json, write_png16
from xgen_studio.jobs.devices import pick_device, same_pixels
from xgen_studio.jobs.generate import Settings
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.jobs.provenance import array_hash, made_by
from xgen_studio.networks.memory import memory_guard

SHAPES = ("drawn", "free")
# Told nothing, a model must find its shape at the high noise levels, which "leap" leaps over
FREE = ("dpm++2m", 18)
PAPER_NETWORK = "ddpm"  # its channels are the paper's, see `data.PaperSet`


@dataclass(frozen=True)
class Hand:
    """A finished hand: radiograph and heatmap (H, W) in [0, 1], the shape it was told (37, 2) px or
    None, and everything needed to make it again."""

    pixels: NDArray[np.float32]
    heatmap: NDArray[np.float32]
    told: Points | None
    provenance: dict[str, Any]


class HandGenerator:
    """A loaded hand model on a device."""

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        if bundle.anatomy != "hand":
            raise CallError(f"{bundle.name}: draws the {bundle.anatomy}, not hands")
        if not {"joint", "vae"} & set(bundle.methods):
            raise CallError(f"{bundle.name}: finds landmarks; it draws no hands")
        self.bundle = bundle
        self.device = same_pixels(pick_device(device))
        self._denoiser = bundle.denoiser(bundle.default_method, self.device)

    def hears(self, method: str) -> bool:
        """Whether a shape can be told."""
        options = self.bundle.network_card(method).options
        return int(options.get("condition_channels", 0)) > 0

    def steps(self, settings: Settings, shape: Points | None = None) -> Iterator[Step | Hand]:
        """Walk from noise to one hand: a `Step` after each noise level, then the `Hand`.

        The shape (37, 2) px, if none is given, is drawn from the shape model by the seed; with the
        option shape="free" the model is told none.
        """
        began = time.perf_counter()
        method = settings.method or self.bundle.default_method
        card = self.bundle.network_card(method)
        if not 0 <= settings.seed < 2**63:
            raise CallError(f"seed {settings.seed}: a whole number from 0 to 2^63 - 1 is needed")
        how = settings.options.get("shape") or "drawn"
        if how not in SHAPES:
            raise CallError(f"shape '{how}': it is {' or '.join(SHAPES)}")
        grid = self.bundle.grid
        named = "landmarks" if shape is not None else None
        hears = self.hears(method)
        if shape is not None and not hears:
            raise CallError(f"{self.bundle.name}: cannot be told a shape")
        if shape is None and hears and how == "drawn":
            shape = drawn_shape(shipped_gates()[0], settings.seed, grid)
        sampler, count = self.bundle.sampling(settings.sampler, settings.steps)
        if shape is None and hears and settings.sampler is None:
            sampler, count = FREE[0], settings.steps or FREE[1]
        condition = told(shape, grid).to(self.device)
        planned = plan(method, self._denoiser, condition, torch.empty(0), sampler, count)
        noise = SeededNoise([settings.seed], (2, *grid), self.device)
        step = None
        with memory_guard(self.device):
            for step in walk(planned, self._denoiser, noise):
                yield step
        assert step is not None
        pixels = ((step.x0[0, 0].clamp(-1, 1) + 1) / 2).float().cpu().numpy()
        read = paper_heat_of if card.architecture == PAPER_NETWORK else heat_of
        heatmap = read(step.x0)[0].float().cpu().numpy()
        provenance = made_by(self.bundle, method, self.device) | {
            "seed": settings.seed,
            "sampler": planned.sampler,
            "steps": len(planned.sigmas) - 1,
            "sigmas": [float(f"{float(s):.6g}") for s in planned.sigmas],
            "shape": named or (how if hears else "free"),
            "told_landmarks_px": None if shape is None else np.round(shape, 3).tolist(),
            "pixels_sha256": array_hash(pixels),
            "heatmap_sha256": array_hash(heatmap),
            "seconds": round(time.perf_counter() - began, 4),
        }
        yield Hand(pixels, heatmap, shape, provenance)

    def one(self, settings: Settings, shape: Points | None = None) -> Hand:
        """One finished hand."""
        *_, last = self.steps(settings, shape)
        assert isinstance(last, Hand)
        return last


def generate_hands(
    model: str,
    out: Path,
    n: int = 1,
    settings: Settings | None = None,
    device: str = "cpu",
    monitor: Monitor | None = None,
    landmarks: Path | None = None,
) -> list[Path]:
    """Write n hands as `000.png`, `000_heatmap.png`, `000.json`, ...; hand i has the seed S + i.

    `landmarks` names a file whose hands are drawn, one after the other, as far as n reaches.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    if n < 1:
        raise CallError(f"-n {n}: at least one hand")
    if settings.seed + n > 2**63:
        raise CallError(f"seed {settings.seed} and -n {n}: seeds go to 2^63 - 1")
    if landmarks and settings.options.get("shape"):
        raise CallError("--landmarks says the shape: leave out --shape")
    generator = HandGenerator(open_bundle(model), device)
    told_nothing = not generator.hears(settings.method or generator.bundle.default_method)
    if settings.options.get("shape") == "drawn" and told_nothing:
        raise CallError(f"{model}: cannot be told a shape; leave out --shape")
    shapes = list(read_landmarks(landmarks).items()) if landmarks else []
    for id, points in shapes:
        if min(np.ptp(points, axis=0)) <= 0:
            raise InputError(f"{landmarks}: all landmarks of {id} lie on a line or a point")
    written = []
    for i in range(n):
        own = replace(settings, seed=settings.seed + i)
        shape = in_frame(shapes[i % len(shapes)][1], generator.bundle.grid) if shapes else None
        for step in generator.steps(own, shape):
            if isinstance(step, Hand):
                written.append(write_hand(out, f"{i:03d}", step))
            else:
                done = i * step.total + step.index
                monitor.report(done, n * step.total, f"hand {i + 1} of {n}")
    return written


def write_hand(folder: Path, name: str, hand: Hand) -> Path:
    """Write a pair and its provenance; returns the radiograph's path. The radiograph goes last: a
    pair that was cut off is not taken for a whole one."""
    make_folder(folder)
    picture = folder / f"{name}.png"
    picture.unlink(missing_ok=True)  # an older one must not stand beside the new heatmap
    notes: Mapping[str, Any] = hand.provenance
    write_json(picture.with_suffix(".json"), notes)
    write_png16(folder / f"{name}_heatmap.png", hand.heatmap, notes)
    write_png16(picture, hand.pixels, notes)
    return picture
