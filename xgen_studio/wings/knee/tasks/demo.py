"""The knee in the demo: masks become radiographs, and a projector at work."""

from __future__ import annotations

from functools import partial

from xgen_studio.imaging import read_mask, write_json, write_png8, write_png16
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.demo import Page, ready
from xgen_studio.tasks.drawing import Drawing, Drawn
from xgen_studio.tasks.generate import Generator, generator_on
from xgen_studio.wings.knee.science.files import CASES
from xgen_studio.wings.knee.science.labels import bits_to_labels
from xgen_studio.wings.knee.science.masks import propose_planes
from xgen_studio.wings.knee.science.simulation import phantom_volume, simulate
from xgen_studio.wings.knee.tasks.masking import overlay

XRAY, DRR = Drawing("knee-xray"), Drawing("knee-drr")
GREY = {0: 0, 1: 90, 2: 230, 3: 230, 4: 200, 5: 170, 6: 250}  # of labels in a mask's figure


def add_knee(page: Page, bench: Bench) -> None:
    """The knee's sections."""
    if ready(XRAY.model, "ctm"):
        _radiographs(page, generator_on(bench, XRAY.model, "cpu"))
    if ready(DRR.model, "ctm"):
        _any_angle(page, generator_on(bench, DRR.model, "cpu"))
    _projection(page)


def _draw(
    page: Page, generator: Generator, drawing: Drawing, case: str, file: str, caption: str
) -> Drawn:
    mask = read_mask(CASES / f"{case}.png", generator.system.table)
    made = generator.one(drawing, mask)
    write_png16(page.folder / f"{file}.png", made.pixels, made.provenance)
    write_json(page.folder / f"{file}.json", made.provenance)
    page.figure(f"{file}.png", f"{caption}, {made.seconds:.2f} s")
    return made


def _mask_figure(page: Page, generator: Generator, case: str) -> None:
    mask = read_mask(CASES / f"{case}.png", generator.system.table)
    labels = generator.system.labels_on(mask, generator.bundle.grid)
    picture = labels.astype("uint8")
    for label, value in GREY.items():
        picture[labels == label] = value
    write_png8(page.folder / f"mask_{case}.png", picture)
    page.figure(f"mask_{case}.png", f"the mask: {case.replace('_', ' ')}")


def _radiographs(page: Page, generator: Generator) -> None:
    bundle, draw = generator.bundle, partial(_draw, page, generator)
    page.section("Knee: a mask becomes a radiograph", bundle.summary)
    for case in ("ap_right", "ap_left", "ap_small"):
        _mask_figure(page, generator, case)
        draw(Drawing(XRAY.model, seed=1), case, f"knee_{case}", "generated, 8 steps")
    page.section(
        "The same mask, healthy and severely osteoarthritic",
        "Kellgren-Lawrence grade 0 and 4, same noise.",
    )
    for grade in (0, 4):
        drawing = Drawing(XRAY.model, seed=2, options={"grade": grade})
        made = draw(drawing, "ap_right", f"knee_kl{grade}", f"KL grade {grade}")
    page.section("Contour alone", "Nothing but the leg was drawn; the model adds the bones.")
    _mask_figure(page, generator, "ap_contour_only")
    made = draw(Drawing(XRAY.model, seed=3), "ap_contour_only", "knee_contour", "generated")
    if bundle.holds("masks"):
        bits = propose_planes(made.pixels, generator.denoiser("masks"))
        picture = overlay(made.pixels, bits_to_labels(bits))
        write_png8(page.folder / "knee_proposed.png", picture, made.provenance)
        page.figure("knee_proposed.png", "masks proposed again from the generated radiograph")
    page.section("The other methods of the paper", "CSM and the U-Net baseline, same mask.")
    for method in ("csm", "unet"):
        if bundle.holds(method):
            draw(Drawing(XRAY.model, method, seed=1), "ap_right", f"knee_{method}", method)


def _any_angle(page: Page, generator: Generator) -> None:
    page.section("Knee at any angle", generator.bundle.summary)
    for case in ("drr_ap", "drr_lateral", "drr_oblique"):
        _mask_figure(page, generator, case)
        drawing = Drawing(DRR.model, seed=1)
        _draw(page, generator, drawing, case, f"knee_{case}", "generated")


def _projection(page: Page) -> None:
    page.section("Projector", "Cone-beam radiographs of a parametric knee: 0, 45 and 90 degrees.")
    made = simulate(phantom_volume(2005, spacing=1.2), [0.0, 45.0, 90.0])
    for angle, image in zip(made.angles, made.images, strict=True):
        provenance = {"synthetic": True, "kind": "DRR of a parametric knee", "angle_deg": angle}
        write_png16(page.folder / f"drr_{angle:.0f}.png", image, provenance)
        page.figure(f"drr_{angle:.0f}.png", f"{angle:.0f} degrees")
