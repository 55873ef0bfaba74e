"""Training sets of the knee: prepared arrays in, augmented batches out. Imports no file readers.

Arrays live in one `.npz` (see `xgen prepare`): images (N, H, W) uint8, planes (N, H, W) uint8 bits
(see `condition`), grade (N,) int8 (KL grade or -1), held_out (N,) bool.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xgen_studio.anatomy.knee.condition import (
    NOTHING,
    PLANES,
    channels_of,
    flatten_planes,
)
from xgen_studio.diffusion import Condition
from xgen_studio.errors import InputError
from xgen_studio.training.batch import Batch


class KneeSet:
    """Radiographs with their bone planes, as a `TrainingSet`.

    Flip, and half the time a rotation to 6 degrees and a zoom of 1 to 1.3 within the picture.
    `said` are the shares of examples whose condition says nothing, the contour, the bones, and
    the bones by name; `grade_share` is the share that is told its KL grade.
    """

    def __init__(
        self,
        images: Tensor,
        planes: Tensor,
        grades: Tensor,
        grid: tuple[int, int],
        said: tuple[float, float, float, float],
        grade_share: float = 0.0,
        warp: bool = True,
        vary_exposure: bool = False,
        target: str = "image",
    ) -> None:
        self.images, self.planes, self.grades, self.grid = images, planes, grades, grid
        self.said = torch.tensor(said)
        self.grade_share, self.warp, self.vary_exposure = grade_share, warp, vary_exposure
        self.target = target

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        n = len(indices)
        bits = self.planes[indices]
        stack = torch.stack([(bits >> k) & 1 for k in range(len(PLANES))], 1).float()
        pixels = torch.cat([self.images[indices][:, None].float() / 127.5 - 1, stack], 1)
        flip = torch.rand(n, generator=generator) < 0.5
        theta = self._transform(n, generator, pixels.shape[-2:], flip).to(device)
        grid = F.affine_grid(theta, [n, 1, *self.grid], align_corners=False)
        pixels = F.grid_sample(pixels.to(device), grid, padding_mode="border", align_corners=False)
        image, planes = pixels[:, :1], (pixels[:, 1:] > 0.5).float()

        if self.target == "planes":
            image = self._exposed(image, generator) if self.vary_exposure else image
            # nobody outlines a patella that hardly shows: none drawn means none labelled
            outlined = planes[:, 4:].amax((2, 3), keepdim=True) > 0
            patella = torch.where(outlined, planes[:, 4:], -1.0)
            return Batch(torch.cat([planes[:, :4], patella], 1), Condition(image))
        said = torch.multinomial(self.said, n, replacement=True, generator=generator)
        told = torch.rand(n, generator=generator) < self.grade_share
        grades = torch.where(told & (said > NOTHING), self.grades[indices].long(), -1)
        channels = channels_of(flatten_planes(planes), said.to(device))
        return Batch(image, Condition(channels, grades.to(device) if self.grade_share else None))

    def _transform(
        self, n: int, generator: torch.Generator, shape: torch.Size, flip: Tensor
    ) -> Tensor:
        """Affine maps (n, 2, 3) from the grid to the picture, both in [-1, 1] (x, y)."""

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, generator=generator)

        rows, columns = self.grid
        height, width = float(shape[0]), float(shape[1])
        fit = min(height / rows, width / columns)  # picture pixels a grid pixel: keeps the aspect
        moved = (torch.rand(n, generator=generator) < 0.5) & torch.tensor(self.warp)
        scale = torch.where(moved, uniform(1 / 1.3, 1.0), 1.0) * fit
        angle = torch.where(moved, uniform(-6, 6) * math.pi / 180, 0.0)
        room_x = (1 - scale * columns / width).clamp(min=0)
        room_y = (1 - scale * rows / height).clamp(min=0)
        shift_x, shift_y = uniform(-1, 1) * room_x, uniform(-1, 1) * room_y
        if not self.warp:
            shift_x, shift_y = torch.zeros(n), torch.zeros(n)
        sign = torch.where(flip, -1.0, 1.0)
        a = scale * columns / width * angle.cos()
        b = -scale * rows / width * angle.sin()
        c = scale * columns / height * angle.sin()
        d = scale * rows / height * angle.cos()
        top = torch.stack([a * sign, b, shift_x], 1)
        bottom = torch.stack([c * sign, d, shift_y], 1)
        return torch.stack([top, bottom], 1)

    @staticmethod
    def _exposed(image: Tensor, generator: torch.Generator) -> Tensor:
        """Other exposures of the same picture: gamma, gain, offset, blur-free noise, a ramp."""
        n, _, rows, columns = image.shape

        def draw(low: float, high: float) -> Tensor:
            return (low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)).to(image)

        y = ((image + 1) / 2).clamp(1e-4, 1) ** draw(-0.7, 0.7).exp()
        across = torch.linspace(-1, 1, columns).to(image)[None, None, None, :]
        down = torch.linspace(-1, 1, rows).to(image)[None, None, :, None]
        ramp = 1 + draw(-0.25, 0.25) * across + draw(-0.25, 0.25) * down
        y = y * draw(0.7, 1.2) * ramp + draw(-0.1, 0.15)
        y = y + draw(0, 0.04) * torch.randn(image.shape, generator=generator).to(image)
        return y * 2 - 1


def load_arrays(data: Path | None, name: str) -> dict[str, np.ndarray]:
    """The prepared arrays `name`.npz of a data folder; InputError says how to make them."""
    if data is None:
        raise InputError(f"this recipe needs --data DIR with {name}.npz; make it: xgen prepare")
    path = Path(data) / f"{name}.npz"
    if not path.exists():
        raise InputError(f"{path}: not there; make it with: xgen prepare {name} -o {data}")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable arrays ({error}); make them again") from error


def _set(data: Path | None, name: str, held_out: bool, **options: object) -> KneeSet:
    arrays = load_arrays(data, name)
    keep = arrays["held_out"] == held_out
    return KneeSet(
        torch.from_numpy(arrays["images"][keep]),
        torch.from_numpy(arrays["planes"][keep]),
        torch.from_numpy(arrays["grade"][keep].astype(np.int64)),
        **options,  # type: ignore[arg-type]
    )


def _shares(conditional: float) -> tuple[float, float, float, float]:
    """Shares of NOTHING, CONTOUR, BONES, NAMED for a model whose rest is unconditional."""
    return (1 - conditional, 0.15 * conditional, 0.25 * conditional, 0.6 * conditional)


def xray_set(data: Path | None, conditional: float = 0.85, held_out: bool = False) -> KneeSet:
    """Real AP radiographs on the 160 x 288 grid. CTM and CSM share one network: the condition is
    left out of `1 - conditional` of the examples, which trains the unconditional score of CSM."""
    grid = (160, 288)
    return _set(data, "knee-xray", held_out, grid=grid, said=_shares(conditional), grade_share=0.7)


def xray_mask_set(data: Path | None, held_out: bool = False) -> KneeSet:
    """Radiograph in, planes out: what the mask proposer learns from."""
    return _set(
        data, "knee-xray-outlines", held_out, grid=(160, 288), said=_shares(1.0),
        vary_exposure=True, target="planes",
    )  # fmt: skip


def drr_set(data: Path | None, conditional: float = 0.85, held_out: bool = False) -> KneeSet:
    """DRRs of CT knees, 256 x 256, any angle; the bones are one silhouette as in the paper."""
    shares = (1 - conditional, conditional / 2, conditional / 2, 0.0)
    return _set(data, "knee-drr", held_out, grid=(256, 256), said=shares, warp=False)
