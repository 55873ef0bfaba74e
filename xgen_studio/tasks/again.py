"""Make a picture again from what was written down about it, and say whether it is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging import Mask
from xgen_studio.imaging.names import is_plain
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Again, Drawing, Drawn, Edit, MadeAgain
from xgen_studio.tasks.generate import generator_on
from xgen_studio.tasks.provenance import what_differs

MOST_STEPS = 100_000  # of all walks; a picture of the paper's has 500


def drawing_of(provenance: Mapping[str, Any]) -> Drawing:
    """How a picture was drawn, as its provenance states; InputError where it lacks something, or
    says what no picture was drawn by."""
    try:
        if not is_plain(provenance["model"]):
            raise InputError("the picture's provenance names no model; it cannot be made again")
        unet = provenance["method"] == "unet"  # no noise: no seed and no sampler
        return Drawing(
            model=str(provenance["model"]),
            method=provenance["method"],
            sampler=None if unet else provenance["sampler"],
            steps=None if unet else provenance["steps"],
            seed=provenance["seed"] or 0,
            options=provenance["options"],
            device=str(provenance["device"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"the picture's provenance lacks {error}; it cannot be made again") from (
            error
        )


def check_work(drawings: Sequence[Drawing]) -> None:
    """InputError where the steps of all walks are none, or more than anybody would wait for."""
    total = 0
    for drawing in drawings:
        steps = drawing.steps
        if steps is not None and (type(steps) is not int or steps < 1):
            raise InputError("the picture's provenance states no number of steps; it is damaged")
        total += steps or 1
    if total > MOST_STEPS:
        raise InputError(
            f"the picture's provenance states {total:,} steps, {MOST_STEPS:,} are the most that are"
            " made again; it is damaged"
        )


def make_again(ask: Again, bench: Bench) -> Iterator[MadeAgain]:
    """Walk every step of a picture's recipe again.

    InputError where the picture has no recipe, or the installed weights are not those it was made
    with.
    """
    picture = ask.picture
    if not picture.recipe:
        raise InputError("this picture was opened, not generated: there is nothing to make again")
    pixels, differs = picture.base, dict[str, None]()
    drawings = [drawing_of(made.provenance) for made in picture.recipe]
    check_work(drawings)
    for made, drawing in zip(picture.recipe, drawings, strict=True):
        generator = generator_on(bench, drawing.model, drawing.device)
        card = generator.bundle.network_card(drawing.method or generator.bundle.default_method)
        if card.sha256 != made.provenance.get("weights_sha256"):
            raise InputError(
                f"{generator.bundle.name}: the picture was made with other weights"
                f" ({str(made.provenance.get('weights_sha256'))[:12]}...); install that version to"
                " make it again"
            )
        edit = None
        if made.region is not None:
            if pixels is None:
                raise InputError("the picture this region was drawn into is not in the document")
            edit = Edit(pixels, made.region)
        for step in generator.steps(drawing, Mask(made.mask, generator.system.table), edit):
            if isinstance(step, Drawn):
                pixels = step.pixels
                differs |= dict.fromkeys(what_differs(made.provenance, step.provenance))
            else:
                bench.report(step.index, step.total)
    assert pixels is not None
    apart = float(np.abs(pixels - picture.pixels).max())
    equal = bool(np.array_equal(pixels, picture.pixels))
    yield MadeAgain(equal, apart, tuple(differs))
