"""Make a picture again from what was written down about it, and say whether it is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document import Picture
from xgen_studio.errors import InputError
from xgen_studio.imaging import Mask
from xgen_studio.jobs.generate import Edit, Generated, Generator, Settings


@dataclass(frozen=True)
class MadeAgain:
    """A picture made again: its pixels, whether they are equal to the bit, else the largest
    difference (of a grey range of 1)."""

    pixels: NDArray[np.float32]
    equal: bool
    largest_difference: float


def settings_of(provenance: Mapping[str, Any]) -> Settings:
    """The settings that a provenance states; InputError where it lacks one."""
    try:
        unet = provenance["method"] == "unet"  # no noise: no seed and no sampler
        return Settings(
            method=provenance["method"],
            sampler=None if unet else provenance["sampler"],
            steps=None if unet else provenance["steps"],
            seed=provenance["seed"] or 0,
            options=provenance["options"],
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"the picture's provenance lacks {error}; it cannot be made again") from (
            error
        )


def make_again(
    picture: Picture,
    generator_for: Callable[[str, str], Generator],
    each_step: Callable[[], None] = lambda: None,
) -> MadeAgain:
    """Walk every step of a picture's recipe again; `generator_for` (model, device) loads a model.

    `each_step` is called between steps.

    InputError where the picture has no recipe, or the installed weights are not those it was made
    with.
    """
    if not picture.recipe:
        raise InputError("this picture was opened, not generated: there is nothing to make again")
    pixels = picture.base
    for made in picture.recipe:
        generator = generator_for(str(made.provenance["model"]), str(made.provenance["device"]))
        settings = settings_of(made.provenance)
        card = generator.bundle.network_card(settings.method or generator.bundle.default_method)
        if card.sha256 != made.provenance["weights_sha256"]:
            raise InputError(
                f"{generator.bundle.name}: the picture was made with other weights"
                f" ({made.provenance['weights_sha256'][:12]}...); install that version to make it"
                " again"
            )
        edit = None
        if made.region is not None:
            if pixels is None:
                raise InputError("the picture this region was drawn into is not in the document")
            edit = Edit(pixels, made.region)
        mask = Mask(made.mask, generator.system.table)
        for step in generator.steps(mask, settings, edit):
            each_step()
            if isinstance(step, Generated):
                pixels = step.pixels
    assert pixels is not None
    apart = float(np.abs(pixels - picture.pixels).max())
    return MadeAgain(pixels, bool(np.array_equal(pixels, picture.pixels)), apart)
