"""Generate images from a mask: one request in, previews and finished images with provenance out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.anatomy.system import SYSTEMS
from xgen_studio.diffusion import METHODS, Denoiser, Kept, Plan, SeededNoise, Step, plan, walk
from xgen_studio.diffusion.bundle import Bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Mask, make_folder, read_image, read_mask, write_json, write_png16
from xgen_studio.jobs.devices import pick_device, same_pixels
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.jobs.provenance import array_hash, made_by
from xgen_studio.networks.memory import memory_guard

Pixels = NDArray[np.float32]
DIMMEST = 0.1  # white of a picture to edit: below it, its bits are not all in use
FEATHER = 4.0  # px of a soft edge inside an edited region


@dataclass(frozen=True)
class Settings:
    """How to generate; `method`, `sampler` and `steps` default to the model's own."""

    method: str | None = None
    sampler: str | None = None
    steps: int | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)  # the system's: grade of a knee


@dataclass(frozen=True)
class Edit:
    """Draw only a region of a picture anew: `pixels` (H, W) in [0, 1] and `region` (H, W), true
    where the picture may change, both on the model's grid. The rest stays identical to the bit."""

    pixels: Pixels
    region: NDArray[np.bool_]
    files: tuple[Path, ...] = ()  # where they were read from

    def kept(self, grid: tuple[int, int], device: torch.device) -> Kept:
        """The picture as a walk sees it, with an edge of FEATHER px inside the region."""
        for what, array in (("picture", self.pixels), ("region", self.region)):
            if array.shape != grid:
                raise InputError(
                    f"the {what} to edit has {array.shape[1]} x {array.shape[0]} px; this model"
                    f" draws {grid[1]} x {grid[0]} px"
                )
        if not self.region.any():
            raise InputError("the region to draw anew is empty; outline a part of the picture")
        depth = ndimage.distance_transform_edt(np.pad(self.region, 1, mode="edge"))[1:-1, 1:-1]
        inside = torch.from_numpy((depth / FEATHER).clip(0, 1).astype(np.float32))
        picture = torch.from_numpy(self.pixels.astype(np.float32) * 2 - 1)
        return Kept(picture[None, None].to(device), inside[None, None].to(device))


@dataclass(frozen=True)
class Generated:
    """A finished image: pixels (H, W) in [0, 1] and everything needed to make them again."""

    pixels: Pixels
    provenance: dict[str, Any]


class Generator:
    """A loaded model on a device, ready for one request after another."""

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        self.bundle = bundle
        self.device = same_pixels(pick_device(device))
        self.system = SYSTEMS.load(bundle.anatomy)
        self._denoisers: dict[str, Denoiser] = {}

    def denoiser(self, method: str) -> Denoiser:
        """The network behind a method, loaded once."""
        network = self.bundle.methods.get(method, "")
        if network not in self._denoisers:
            self._denoisers[network] = self.bundle.denoiser(method, self.device)
        return self._denoisers[network]

    def steps(
        self, mask: Mask, settings: Settings, edit: Edit | None = None
    ) -> Iterator[Step | Generated]:
        """Walk from noise to one image: a `Step` after each noise level, then the `Generated`.

        With `edit` only a region of a picture is drawn anew."""
        began = time.perf_counter()
        method = settings.method or self.bundle.default_method
        if method not in METHODS:
            raise CallError(f"no method is called '{method}'; there is {', '.join(METHODS)}")
        sampler, steps = self.bundle.sampling(settings.sampler, settings.steps)
        if not 0 <= settings.seed < 2**63:
            raise CallError(f"seed {settings.seed}: a whole number from 0 to 2^63 - 1 is needed")
        self._check_options(method, settings)
        denoiser = self.denoiser(method)
        labels = self.system.labels_on(mask, self.bundle.grid)
        labels = self.system.simplified(labels, self.bundle.detail)
        condition = self.system.condition(labels, settings.options).to(self.device)
        guide = torch.from_numpy(self.system.guide(labels))[None, None].to(self.device)
        planned = plan(method, denoiser, condition, guide, sampler, steps)
        noise = SeededNoise([settings.seed], (1, *self.bundle.grid), self.device)
        kept = edit.kept(self.bundle.grid, self.device) if edit else None
        step = None
        with memory_guard(self.device):
            for step in walk(planned, denoiser, noise, kept):
                yield step
        assert step is not None
        pixels = ((step.x0[0, 0].clamp(-1, 1) + 1) / 2).float().cpu().numpy()
        provenance = self._provenance(mask, labels, method, settings, planned)
        if edit is not None:
            pixels = np.where(edit.region, pixels, edit.pixels).astype(np.float32)
            provenance["edit"] = {
                "picture_sha256": array_hash(edit.pixels.astype(np.float32)),
                "region_sha256": array_hash(edit.region.astype(np.uint8)),
                "region_px": int(edit.region.sum()),
            }
        provenance["pixels_sha256"] = array_hash(pixels)
        provenance["seconds"] = round(time.perf_counter() - began, 4)
        yield Generated(pixels, provenance)

    def _check_options(self, method: str, settings: Settings) -> None:
        """CallError for an option that would have no effect and yet be written down."""
        said = [name for name, value in settings.options.items() if value is not None]
        takes = method == "ctm" and self.bundle.network_card(method).options.get("classes", 0)
        if said and not takes:
            raise CallError(
                f"{self.bundle.name} by {method} takes no {', '.join(said)}; leave it out"
            )

    def one(self, mask: Mask, settings: Settings, edit: Edit | None = None) -> Generated:
        """One finished image."""
        *_, last = self.steps(mask, settings, edit)
        assert isinstance(last, Generated)
        return last

    def _noise_provenance(self, method: str, settings: Settings, planned: Plan) -> dict[str, Any]:
        if method == "unet":  # no noise, no seed, no levels
            return dict.fromkeys(("seed", "sampler", "sigmas")) | {"steps": 1}
        return {
            "seed": settings.seed,
            "sampler": planned.sampler,
            "steps": len(planned.sigmas) - 1,
            "sigmas": [float(f"{float(s):.6g}") for s in planned.sigmas],
        }

    def _provenance(
        self,
        mask: Mask,
        labels: NDArray[np.integer[Any]],
        method: str,
        settings: Settings,
        planned: Plan,
    ) -> dict[str, Any]:
        return made_by(self.bundle, method, self.device) | {
            "mask": str(mask.source) if mask.source else None,
            "mask_encoding": mask.encoding,
            "mask_window_px": [
                round(value, 2) for value in self.system.window(mask, self.bundle.grid)
            ],
            "mask_sha256": array_hash(labels.astype(np.uint8)),
            "options": dict(settings.options),
            **self._noise_provenance(method, settings, planned),
        }


def how_read(mask: Mask, window: tuple[float, float, float, float]) -> str:
    """A sentence for the user: what the values of a mask were taken for, which part is drawn."""
    kind = "the grey levels 0, 0.5, 1" if mask.encoding == "grey levels" else "label ids"
    names = ", ".join(mask.table[i].name for i in mask.present)
    left, top, width, height = window
    whole = (left, top) == (0, 0) and (height, width) == mask.shape
    part = (
        ""
        if whole
        else (f"; drawn is the window of {width:.0f} x {height:.0f} px at ({left:.0f}, {top:.0f})")
    )
    return f"mask read as {kind}: {names}{part}"


def read_edit(picture: Path, region: Path) -> Edit:
    """What to draw anew: a grey picture, and a mask of its size, not 0 where it may change."""
    image, mask = read_image(picture), read_mask(region)
    if len(mask.shape) != 2:
        raise InputError(f"{region}: is a volume; the region is one picture")
    pixels, full = image.pixels, {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
    raster = picture.suffix.lower() in (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
    if raster and pixels.dtype in full:
        pixels = pixels / full[pixels.dtype]
    whole = pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1
    if not whole or pixels.max() < DIMMEST:
        raise InputError(
            f"{picture}: needs the grey values of a radiograph from 0 to 1; save it as an 8- or"
            " 16-bit grey PNG that uses the whole range"
        )
    return Edit(pixels.astype(np.float32), mask.labels > 0, (picture, region))


def generate_files(
    model: str,
    mask_file: Path,
    out: Path,
    n: int = 1,
    settings: Settings | None = None,
    device: str = "cpu",
    monitor: Monitor | None = None,
    note: Callable[[str], None] = lambda text: None,
    edit: Edit | None = None,
) -> list[Path]:
    """Write n images of a mask as `000.png`, `000.json`, ...; image i has the seed S + i.

    With `edit` only a region of a picture is drawn anew. `note` hears what the user should know
    beside the pictures.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    if n < 1:
        raise CallError(f"-n {n}: at least one image")
    bundle = open_bundle(model)
    generator = Generator(bundle, device)
    if n > 1 and (settings.method or bundle.default_method) == "unet":
        raise CallError(f"-n {n}: the U-Net draws one picture of a mask, whatever the seed")
    targets = {(out / f"{i:03d}.png").resolve() for i in range(n)}
    for read in (mask_file, *(edit.files if edit else ())):
        if read.resolve() in targets:
            raise CallError(f"{read}: would be overwritten; name another folder with -o")
    mask = read_mask(mask_file, generator.system.table)
    note(how_read(mask, generator.system.window(mask, bundle.grid)))
    there = {path.resolve() for path in out.glob("[0-9][0-9][0-9].png")}
    if there:
        note(f"{out} holds {len(there)} earlier picture(s); {len(there & targets)} are replaced")
    written = []
    for i in range(n):
        own = replace(settings, seed=settings.seed + i)
        made: Generated | None = None
        for step in generator.steps(mask, own, edit):
            if isinstance(step, Generated):
                made = step
            else:
                done = i * step.total + step.index
                monitor.report(done, n * step.total, f"image {i + 1} of {n}")
        assert made is not None
        written.append(write_generated(out, i, made))
    return written


def write_generated(folder: Path, i: int, made: Generated) -> Path:
    """Write image i as `iii.png` (16-bit grey) and `iii.json`; returns the picture's path."""
    make_folder(folder)
    picture = folder / f"{i:03d}.png"
    write_png16(picture, made.pixels, made.provenance)
    write_json(picture.with_suffix(".json"), made.provenance)
    return picture
