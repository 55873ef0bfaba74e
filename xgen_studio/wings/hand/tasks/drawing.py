"""Draw hands: radiographs with their landmark heatmaps, and where each landmark was meant."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xgen_studio.bundles import Bundle, open_bundle
from xgen_studio.diffusion import SeededNoise, Step, plan, walk
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import make_folder, together, write_json, write_png16
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.ask import Note
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.tasks.generate import check_seed, noise_provenance
from xgen_studio.tasks.provenance import array_hash, made_by
from xgen_studio.tasks.targets import numbered
from xgen_studio.tasks.wish import Wish
from xgen_studio.wings.hand.science.data import heat_of, paper_heat_of
from xgen_studio.wings.hand.science.drawing import drawn_shape, told
from xgen_studio.wings.hand.science.gate import Screening, load_gate, shipped_gates
from xgen_studio.wings.hand.science.landmarks import Points
from xgen_studio.wings.hand.science.norms import in_frame
from xgen_studio.wings.hand.science.reading import read_landmarks
from xgen_studio.wings.hand.tasks.asks import DrawHands, HandDrawn
from xgen_studio.wings.hand.tasks.runs import note_run, same_run
from xgen_studio.wings.hand.tasks.screening import (
    FILE,
    HEATMAP,
    as_table,
    in_words,
    judge_file,
    judged_before,
)

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

    def __init__(self, bundle: Bundle, device: torch.device) -> None:
        if not {"joint", "vae"} & set(bundle.methods):
            raise CallError(f"{bundle.name}: draws no hands with their landmarks")
        self.bundle, self.device = bundle, device
        self._denoiser = bundle.denoiser(bundle.default_method, device)

    def hears(self, method: str) -> bool:
        """Whether a shape can be told."""
        options = self.bundle.network_card(method).options
        return int(options.get("condition_channels", 0)) > 0

    def steps(self, drawing: Drawing, shape: Points | None = None) -> Iterator[Step | Hand]:
        """Walk from noise to one hand: a `Step` after each noise level, then the `Hand`.

        The shape (37, 2) px, if none is given, is drawn from the shape model by the seed; with the
        option shape="free" the model is told none.
        """
        began = time.perf_counter()
        method = drawing.method or self.bundle.default_method
        card = self.bundle.network_card(method)
        check_seed(drawing.seed)
        how = drawing.options.get("shape") or "drawn"
        if how not in SHAPES:
            raise CallError(f"shape '{how}': it is {' or '.join(SHAPES)}")
        grid = self.bundle.grid
        named = "landmarks" if shape is not None else None
        hears = self.hears(method)
        if shape is not None and not hears:
            raise CallError(f"{self.bundle.name}: cannot be told a shape")
        if shape is None and hears and how == "drawn":
            shape = drawn_shape(shipped_gates()[0], drawing.seed, grid)
        sampler, count = self.bundle.sampling(drawing.sampler, drawing.steps)
        if shape is None and hears and drawing.sampler is None:
            sampler, count = FREE[0], drawing.steps or FREE[1]
        condition = told(shape, grid).to(self.device)
        planned = plan(method, self._denoiser, condition, torch.empty(0), sampler, count)
        noise = SeededNoise([drawing.seed], (2, *grid), self.device)
        step = None
        with memory_guard(self.device):
            for step in walk(planned, self._denoiser, noise):
                yield step
        assert step is not None
        pixels = ((step.x0[0, 0].clamp(-1, 1) + 1) / 2).float().cpu().numpy()
        read = paper_heat_of if card.architecture == PAPER_NETWORK else heat_of
        heatmap = read(step.x0)[0].float().cpu().numpy()
        provenance = made_by(self.bundle, method, self.device) | {
            **noise_provenance(method, drawing.seed, planned),
            "shape": named or (how if hears else "free"),
            "told_landmarks_px": None if shape is None else np.round(shape, 3).tolist(),
            "pixels_sha256": array_hash(pixels),
            "heatmap_sha256": array_hash(heatmap),
            "seconds": round(time.perf_counter() - began, 4),
        }
        yield Hand(pixels, heatmap, shape, provenance)

    def one(self, drawing: Drawing, shape: Points | None = None) -> Hand:
        """One finished hand."""
        *_, last = self.steps(drawing, shape)
        assert isinstance(last, Hand)
        return last


def generator_on(bench: Bench, model: str, device: str) -> HandGenerator:
    """A model ready to draw, kept on the bench."""
    where = bench.device(device)
    return bench.kept(
        ("hands", model, str(where)), lambda: HandGenerator(open_bundle(model), where)
    )


def ask_for(wish: Wish, bundle: Bundle) -> DrawHands:
    """The request behind `xgen generate` of a hand model."""
    values = dict(wish.values)
    landmarks, gate = values.pop("landmarks", None), values.pop("gate", None)
    if landmarks and values.get("shape"):
        raise CallError("--landmarks says the shape: leave out --shape")
    if not {"joint", "vae"} & set(bundle.methods):
        raise CallError(f"{bundle.name}: draws no hands with their landmarks")
    if gate:
        load_gate(gate)  # known, before an hour of drawing
    endings = (".png", ".json", HEATMAP)
    have = numbered(wish.out, wish.count, wish.overwrite, wish.append, endings=endings)
    ask = DrawHands(wish.drawing(values), wish.count, wish.out, gate or "", landmarks, have)
    return same_run(ask) if have else ask


def draw_hands(ask: DrawHands, bench: Bench) -> Iterator[HandDrawn | Note]:
    """Draw, write and judge hands; what is judged is kept, however it ends."""
    drawing = ask.drawing
    check_seed(drawing.seed, ask.count)
    generator = generator_on(bench, drawing.model, drawing.device)
    told_nothing = not generator.hears(drawing.method or generator.bundle.default_method)
    if told_nothing and drawing.options.get("shape") == "drawn":
        raise CallError(f"{drawing.model}: cannot be told a shape; leave out --shape")
    shapes = _shapes(ask.landmarks, generator.bundle.grid) if ask.landmarks else []
    gate = load_gate(ask.gate) if ask.gate else None
    folder = make_folder(ask.folder)
    note_run(ask)
    judged: list[Screening] = []
    before = judged_before(gate, folder, ask.have) if gate is not None else {}
    try:
        for i in range(ask.count):
            name = f"{i:03d}"
            if i in ask.have:
                file = folder / f"{name}.png"
            else:
                shape = shapes[i % len(shapes)] if shapes else None
                own = replace(drawing, seed=drawing.seed + i)
                for step in generator.steps(own, shape):
                    if isinstance(step, Hand):
                        file = write_hand(folder, name, step)
                    else:
                        done, total = i * step.total + step.index, ask.count * step.total
                        bench.report(done, total, f"hand {i + 1} of {ask.count}")
            if gate is not None:
                judged.append(judge_file(gate, name, folder / f"{name}{HEATMAP}"))
            yield HandDrawn(folder, file, judged[-1] if judged else None)
        words = (
            in_words(gate, judged) if gate else f"judge them with xgen screen {folder} -o {folder}"
        )
        yield Note(words)
    finally:
        if gate is not None and judged:
            whole = before | {one.id: one for one in judged}  # stopped in a gap, later ones stay
            table = as_table(gate, [whole[id] for id in sorted(whole, key=int)], folder)
            write_json(folder / FILE, table, indent=None)


def _shapes(landmarks: Path, grid: tuple[int, int]) -> list[Points]:
    """The shapes of a landmark file, in a model's frame."""
    found = []
    for id, points in read_landmarks(landmarks).items():
        if min(np.ptp(points, axis=0)) <= 0:
            raise InputError(f"{landmarks}: all landmarks of {id} lie on a line or a point")
        found.append(in_frame(points, grid))
    return found


def write_hand(folder: Path, name: str, hand: Hand) -> Path:
    """Write a pair and its provenance; returns the radiograph's path. Where the radiograph is, all
    of it is."""
    make_folder(folder)
    picture = folder / f"{name}.png"
    notes: Mapping[str, Any] = hand.provenance
    with together(proof=picture):
        write_json(picture.with_suffix(".json"), notes)
        write_png16(folder / f"{name}{HEATMAP}", hand.heatmap, notes)
        write_png16(picture, hand.pixels, notes)
    return picture
