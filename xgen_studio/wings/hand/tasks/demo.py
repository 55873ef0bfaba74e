"""Hands in the demo: four synthetic ones with their judgement."""

from __future__ import annotations

from xgen_studio.imaging import write_json, write_png8
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.demo import Page, ready
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.wings.hand.science.gate import load_gate, screen_heatmaps
from xgen_studio.wings.hand.tasks.drawing import generator_on
from xgen_studio.wings.hand.tasks.overlay import landmarks_over
from xgen_studio.wings.hand.tasks.screening import as_sample

MODEL = "hand-ddpm"


def add_hands(page: Page, bench: Bench) -> None:
    """The hand's section."""
    if not ready(MODEL, "joint"):
        return
    generator, gate = generator_on(bench, MODEL, "cpu"), load_gate()
    passed, n = gate.real_rate()
    page.section(
        "Hand: radiographs with their 37 landmarks, each judged",
        f"{generator.bundle.summary}. The calibrated gate lets {passed} of {n} real hands pass.",
    )
    for seed in range(4):
        made = generator.one(Drawing(MODEL, seed=seed))
        [judged] = screen_heatmaps(gate, [f"{seed:03d}"], [made.heatmap])
        picture = landmarks_over(made.pixels, judged.landmarks, judged.spare)
        write_png8(page.folder / f"hand_{seed:03d}.png", picture, made.provenance)
        write_json(page.folder / f"hand_{seed:03d}.json", made.provenance | as_sample(judged))
        why = "accepted" if judged.accepted else "rejected: " + "; ".join(judged.details)
        page.figure(f"hand_{seed:03d}.png", f"seed {seed}, {why}")
