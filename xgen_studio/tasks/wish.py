"""`xgen generate`: from what was typed to an `Ask`, whatever the wing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.bundles import Bundle, open_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import brightness_up, read_image, read_mask
from xgen_studio.registry import wing
from xgen_studio.tasks.ask import Ask
from xgen_studio.tasks.drawing import Drawing, Edit, Series
from xgen_studio.tasks.generate import check_seed
from xgen_studio.tasks.mask_system import load_system
from xgen_studio.tasks.targets import numbered
from xgen_studio.wing import MASK_OPTIONS, Option, resolve

DIMMEST = 0.1  # white of a picture to edit: below it, its bits are not all in use


@dataclass(frozen=True)
class Wish:
    """Pictures somebody wants from a model. `values` are the wing's options that were given."""

    model: str
    out: Path
    count: int = 1
    seed: int = 0
    method: str | None = None
    sampler: str | None = None
    steps: int | None = None
    device: str = "cpu"
    values: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    append: bool = False

    def drawing(self, options: Mapping[str, Any]) -> Drawing:
        """How a picture is to be drawn."""
        return Drawing(
            self.model, self.method, self.sampler, self.steps, self.seed, options, self.device
        )


def ask_for(wish: Wish) -> Ask:
    """The request behind a wish; CallError where the model cannot be told what was said."""
    if wish.count < 1:
        raise CallError(f"-n {wish.count}: at least one image")
    check_seed(wish.seed, wish.count)
    bundle = open_bundle(wish.model)
    own = wing(bundle.anatomy)
    known = {option.name: option for option in options_of(bundle.anatomy)}
    for name, value in wish.values.items():
        if name not in known:
            raise CallError(f"{wish.model}: is a model of the {own.name}; leave out --{name}")
        choices = [c.value for c in known[name].choices if c.value is not None]
        if choices and value not in choices:
            raise CallError(f"--{name} {value}: it is {', '.join(map(str, choices))}")
    if own.generate:
        make: Callable[[Wish, Bundle], Ask] = resolve(own.generate)
        return make(wish, bundle)
    return _from_mask(wish, bundle)


def options_of(name: str) -> tuple[Option, ...]:
    """What the models of a wing can be told."""
    own = wing(name)
    return (*(MASK_OPTIONS if own.masks else ()), *own.options)


def _from_mask(wish: Wish, bundle: Bundle) -> Series:
    values = dict(wish.values)
    file, picture, region = (values.pop(name, None) for name in ("mask", "picture", "region"))
    if file is None:
        raise CallError(f"{wish.model} draws from a mask: name one with --mask FILE")
    if (picture is None) != (region is None):
        raise CallError("--picture and --region go together: what to change, and where")
    mask = read_mask(file, load_system(bundle.anatomy).table).as_picture()
    edit = read_edit(picture, region) if picture and region else None
    reads = [path for path in (file, picture, region) if path]
    have = numbered(wish.out, wish.count, wish.overwrite, wish.append, reads)
    drawing = wish.drawing(values)
    if have:
        check_same_series(wish, drawing, bundle, min(have))
    return Series(drawing, mask, wish.count, edit=edit, folder=wish.out, have=have)


def check_same_series(wish: Wish, drawing: Drawing, bundle: Bundle, i: int) -> None:
    """CallError where picture i of the folder was drawn otherwise: no run is mixed. One without
    provenance is left to whoever put it there."""
    try:
        was = read_json(wish.out / f"{i:03d}.json")
        then = {key: was[key] for key in ("model", "method", "sampler", "steps", "seed", "options")}
    except (InputError, KeyError, TypeError):
        return
    now = {
        "model": bundle.name,
        "method": drawing.method or bundle.default_method,
        "sampler": drawing.sampler or then["sampler"],
        "steps": drawing.steps or then["steps"],
        "seed": drawing.seed + i if then["seed"] is not None else None,
        "options": {k: v for k, v in drawing.options.items() if v is not None},
    }
    then["options"] = {k: v for k, v in then["options"].items() if v is not None}
    for key, value in now.items():
        if then[key] != value:
            raise CallError(
                f"{wish.out}: {i:03d} was drawn with another {key} ({then[key]}, now {value}); name"
                " another folder with -o, or add --overwrite instead of --append"
            )


def read_edit(picture: Path, region: Path) -> Edit:
    """What to draw anew: a grey picture, and a mask of its size, not 0 where it may change."""
    image, mask = read_image(picture), read_mask(region).as_picture()
    pixels, full = brightness_up(image), {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
    raster = picture.suffix.lower() in (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
    if raster and pixels.dtype in full:
        pixels = pixels / full[pixels.dtype]
    whole = pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1
    if not whole or pixels.max() < DIMMEST:
        raise InputError(
            f"{picture}: needs the grey values of a radiograph from 0 to 1; save it as an 8- or"
            " 16-bit grey PNG that uses the whole range"
        )
    return Edit(pixels.astype(np.float32), mask.labels > 0, image.synthetic)
