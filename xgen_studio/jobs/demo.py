"""The demo: every system once on bundled sample cases, as pictures, JSON and one index.html."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgen_studio.imaging import (
    atomic_write,
    make_folder,
    read_mask,
    write_json,
    write_png8,
    write_png16,
)
from xgen_studio.jobs.generate import Generated, Generator, Settings
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.masking import overlay
from xgen_studio.jobs.models import open_bundle
from xgen_studio.jobs.screen import as_sample
from xgen_studio.paths import RESOURCES, bundle_folders

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;
background:#16181d;color:#e6e8eb}
h1{font-weight:600} h2{margin-top:2em} figure{display:inline-block;margin:0 1em 1em 0}
img{display:block;background:#000;border-radius:4px} figcaption{color:#9aa3ad;font-size:13px}
.note{color:#e0b050}
"""


@dataclass
class Page:
    """Sections of figures on the way to index.html."""

    folder: Path
    parts: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def section(self, title: str, text: str) -> None:
        """A heading and a sentence."""
        self.parts.append(f"<h2>{html.escape(title)}</h2><p>{html.escape(text)}</p>")

    def figure(self, file: str, caption: str) -> None:
        """A picture of the folder with its caption."""
        self.made.append(file)
        self.parts.append(
            f'<figure><img src="{file}" alt="{html.escape(caption)}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )

    def save(self) -> Path:
        """Write index.html."""
        body = "\n".join(self.parts)
        text = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>XGen Studio demo</title>'
            f"<style>{STYLE}</style><h1>XGen Studio demo</h1>"
            '<p class="note">Every picture here is synthetic. For research and teaching, not for'
            f" diagnosis.</p>{body}</html>"
        )
        path = self.folder / "index.html"
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return path


def run_demo(out: Path, monitor: Monitor | None = None) -> Path:
    """Write the demo into a folder; returns its index.html."""
    monitor = monitor or Monitor()
    make_folder(out)
    page = Page(out)
    sections: list[Callable[[Page], None]] = [_knee_xray, _knee_drr, _projection, _hands]
    for i, section in enumerate(sections):
        monitor.report(i, len(sections), "demo")
        section(page)
    write_json(out / "demo.json", {"pictures": page.made, "synthetic": True})
    monitor.report(len(sections), len(sections), "demo")
    return page.save()


def _case(name: str) -> Path:
    return RESOURCES / "cases" / "knee" / f"{name}.png"


def _draw(
    page: Page, generator: Generator, case: str, file: str, caption: str, settings: Settings
) -> Generated:
    mask = read_mask(_case(case), generator.system.table)
    made = generator.one(mask, settings)
    write_png16(page.folder / f"{file}.png", made.pixels, made.provenance)
    write_json(page.folder / f"{file}.json", made.provenance)
    page.figure(f"{file}.png", f"{caption}, {made.provenance['seconds']:.2f} s")
    return made


def _generator(model: str) -> Generator | None:
    """The model ready to draw, or None where it is not installed or holds no diffusion network."""
    return Generator(open_bundle(model)) if _ready(model, "ctm") else None


def _mask_figure(page: Page, generator: Generator, case: str) -> None:
    mask = read_mask(_case(case), generator.system.table)
    labels = generator.system.labels_on(mask, generator.bundle.grid)
    grey = {0: 0, 1: 90, 2: 230, 3: 230, 4: 200, 5: 170, 6: 250}
    picture = labels.astype("uint8")
    for label, value in grey.items():
        picture[labels == label] = value
    write_png8(page.folder / f"mask_{case}.png", picture)
    page.figure(f"mask_{case}.png", f"the mask: {case.replace('_', ' ')}")


def _knee_xray(page: Page) -> None:
    generator = _generator("knee-xray")
    if generator is None:
        return
    page.section("Knee: a mask becomes a radiograph", generator.bundle.summary)
    for case in ("ap_right", "ap_left", "ap_small"):
        _mask_figure(page, generator, case)
        _draw(page, generator, case, f"knee_{case}", "generated, 8 steps", Settings(seed=1))
    page.section(
        "The same mask, healthy and severely osteoarthritic",
        "Kellgren-Lawrence grade 0 and 4, same noise.",
    )
    for grade in (0, 4):
        options: dict[str, Any] = {"grade": grade}
        made = _draw(
            page,
            generator,
            "ap_right",
            f"knee_kl{grade}",
            f"KL grade {grade}",
            Settings(seed=2, options=options),
        )
    page.section("Contour alone", "Nothing but the leg was drawn; the model adds the bones.")
    _mask_figure(page, generator, "ap_contour_only")
    made = _draw(page, generator, "ap_contour_only", "knee_contour", "generated", Settings(seed=3))
    if "masks" in generator.bundle.networks:
        from xgen_studio.anatomy.knee.labels import bits_to_labels
        from xgen_studio.anatomy.knee.masks import propose_planes

        bits = propose_planes(made.pixels, generator.denoiser("masks"))
        picture = overlay(made.pixels, bits_to_labels(bits))
        write_png8(page.folder / "knee_proposed.png", picture, made.provenance)
        page.figure("knee_proposed.png", "masks proposed again from the generated radiograph")
    page.section("The other methods of the paper", "CSM and the U-Net baseline, same mask.")
    for method in ("csm", "unet"):
        if generator.bundle.methods.get(method) in generator.bundle.networks:
            _draw(page, generator, "ap_right", f"knee_{method}", method, Settings(method, seed=1))


def _knee_drr(page: Page) -> None:
    generator = _generator("knee-drr")
    if generator is None:
        return
    page.section("Knee at any angle", generator.bundle.summary)
    for case in ("drr_ap", "drr_lateral", "drr_oblique"):
        _mask_figure(page, generator, case)
        _draw(page, generator, case, f"knee_{case}", "generated", Settings(seed=1))


def _hands(page: Page) -> None:
    """Synthetic hands with their judgement, a spoiled one, and landmarks found by the localiser."""
    if not _ready("hand-ddpm", "joint"):
        return
    from xgen_studio.anatomy.hand.gate import load_gate, screen_heatmaps
    from xgen_studio.jobs.hands import HandGenerator
    from xgen_studio.jobs.overlay import landmarks_over

    generator, gate = HandGenerator(open_bundle("hand-ddpm")), load_gate()
    passed, n = gate.real_rate()
    page.section(
        "Hand: radiographs with their 37 landmarks, each judged",
        f"{generator.bundle.summary}. The calibrated gate lets {passed} of {n} real hands pass.",
    )
    for seed in range(4):
        made = generator.one(Settings(seed=seed))
        [judged] = screen_heatmaps(gate, [f"{seed:03d}"], [made.heatmap])
        picture = landmarks_over(made.pixels, judged.landmarks, judged.spare)
        write_png8(page.folder / f"hand_{seed:03d}.png", picture, made.provenance)
        write_json(page.folder / f"hand_{seed:03d}.json", made.provenance | as_sample(judged))
        why = "accepted" if judged.accepted else "rejected: " + "; ".join(judged.details)
        page.figure(f"hand_{seed:03d}.png", f"seed {seed}, {why}")


def _ready(model: str, method: str) -> bool:
    """Whether a bundle is installed and holds the network of a method."""
    if model not in bundle_folders():
        return False
    bundle = open_bundle(model)
    return bundle.methods.get(method) in bundle.networks


def _projection(page: Page) -> None:
    from xgen_studio.anatomy.knee.simulation import phantom_volume, simulate

    page.section("Projector", "Cone-beam radiographs of a parametric knee: 0, 45 and 90 degrees.")
    made = simulate(phantom_volume(2005, spacing=1.2), [0.0, 45.0, 90.0])
    for angle, image in zip(made.angles, made.images, strict=True):
        provenance = {"synthetic": True, "kind": "DRR of a parametric knee", "angle_deg": angle}
        write_png16(page.folder / f"drr_{angle:.0f}.png", image, provenance)
        page.figure(f"drr_{angle:.0f}.png", f"{angle:.0f} degrees")
