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

from xgen_studio.errors import InputError
from xgen_studio.training.arrays import read_arrays
from xgen_studio.training.batch import Batch
from xgen_studio.wings.knee.science.condition import NOTHING, PLANES, channels_of, flatten_planes
from xgen_studio.wings.knee.science.labels import XRAY_GRID

MOST_ZOOM = 1.2  # of a moved example
MOST_TURN = 5.0  # degrees


class KneeSet:
    """Radiographs with their bone planes, as a `TrainingSet`.

    Random crop and flip; a share `warp` of the examples is also turned and zoomed (bicubic).
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
        warp: float = 0.0,
        vary_exposure: bool = False,
        target: str = "image",
    ) -> None:
        if images.shape[1] < grid[0] or images.shape[2] < grid[1]:
            raise InputError(
                f"pictures of {images.shape[2]} x {images.shape[1]} px are smaller than the"
                f" model's {grid[1]} x {grid[0]} px; prepare them at a larger size"
            )
        self.images, self.planes, self.grades, self.grid = images, planes, grades, grid
        self.said = torch.tensor(said)
        self.grade_share, self.warp, self.vary_exposure = grade_share, warp, vary_exposure
        self.target = target
        self.unconditional = float(said[NOTHING])

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        n = len(indices)
        bits = self.planes[indices]
        stack = torch.stack([(bits >> k) & 1 for k in range(len(PLANES))], 1).float().to(device)
        image = (self.images[indices][:, None].float() / 127.5 - 1).to(device)
        theta = self._transform(n, generator, image.shape[-2:]).to(device)
        grid = F.affine_grid(theta, [n, 1, *self.grid], align_corners=False)
        image = F.grid_sample(image, grid, "bicubic", "border", align_corners=False).clamp(-1, 1)
        planes = F.grid_sample(stack, grid, "nearest", "border", align_corners=False)

        if self.target == "planes":
            image = self._exposed(image, generator) if self.vary_exposure else image
            # nobody outlines a patella that hardly shows: none drawn means none labelled
            outlined = planes[:, 4:].amax((2, 3), keepdim=True) > 0
            patella = torch.where(outlined, planes[:, 4:], -1.0)
            return {"target": torch.cat([planes[:, :4], patella], 1), "condition": image}
        said = torch.multinomial(self.said, n, replacement=True, generator=generator)
        told = torch.rand(n, generator=generator) < self.grade_share
        grades = torch.where(told & (said > NOTHING), self.grades[indices].long(), -1)
        channels = channels_of(flatten_planes(planes), said.to(device))
        batch = {"target": image, "condition": channels}
        return batch | ({"label": grades.to(device)} if self.grade_share else {})

    def _transform(self, n: int, generator: torch.Generator, shape: torch.Size) -> Tensor:
        """Affine maps (n, 2, 3) from the grid to the picture, both in [-1, 1] (x, y).

        Unmoved examples land on whole pixels: they are crops, nothing is interpolated. A shift by
        half a pixel would teach the model a texture softer than the one it is judged by.
        """
        height, width = shape
        rows, columns = self.grid

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n, generator=generator)

        def crop(room: int) -> Tensor:
            return torch.randint(0, room + 1, (n,), generator=generator).float()

        flip = 1 - 2 * torch.randint(0, 2, (n,), generator=generator).float()
        moved = torch.rand(n, generator=generator) < self.warp
        scale = torch.where(moved, uniform(1 / MOST_ZOOM, 1.0), 1.0)
        angle = torch.where(moved, uniform(-MOST_TURN, MOST_TURN) * math.pi / 180, 0.0)
        free_x = uniform(-1, 1) * (1 - scale * columns / width)
        free_y = uniform(-1, 1) * (1 - scale * rows / height)
        shift_x = torch.where(moved, free_x, (2 * crop(width - columns) + columns) / width - 1)
        shift_y = torch.where(moved, free_y, (2 * crop(height - rows) + rows) / height - 1)
        top = [scale * columns / width * angle.cos() * flip, -scale * rows / width * angle.sin()]
        bottom = [
            scale * columns / height * angle.sin() * flip,
            scale * rows / height * angle.cos(),
        ]
        return torch.stack([torch.stack([*top, shift_x], 1), torch.stack([*bottom, shift_y], 1)], 1)

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
    arrays = read_arrays(data, name, {"images", "planes", "grade", "held_out"})
    path = f"{data}/{name}.npz"
    shape, n = arrays["images"].shape, len(arrays["images"])
    if len(shape) != 3 or arrays["planes"].shape != shape or arrays["images"].dtype != np.uint8:
        raise InputError(f"{path}: images and planes must be (N, H, W) uint8 alike; make it again")
    if len(arrays["grade"]) != n or len(arrays["held_out"]) != n:
        raise InputError(f"{path}: grade and held_out must have one entry a picture")
    return arrays


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
    """Real AP radiographs. CTM and CSM share one network: the condition is
    left out of `1 - conditional` of the examples, which trains the unconditional score of CSM."""
    return _set(
        data,
        "knee-xray",
        held_out,
        grid=XRAY_GRID,
        said=_shares(conditional),
        grade_share=0.7,
        warp=0.3,
    )


def xray_mask_set(data: Path | None, held_out: bool = False) -> KneeSet:
    """Radiograph in, planes out: what the mask proposer learns from."""
    return _set(
        data,
        "knee-xray-outlines",
        held_out,
        grid=XRAY_GRID,
        said=_shares(1.0),
        warp=0.6,
        vary_exposure=True,
        target="planes",
    )


def drr_set(data: Path | None, conditional: float = 0.85, held_out: bool = False) -> KneeSet:
    """DRRs of CT knees, 256 x 256, any angle; the bones are one silhouette as in the paper."""
    shares = (1 - conditional, conditional / 2, conditional / 2, 0.0)
    return _set(data, "knee-drr", held_out, grid=(256, 256), said=shares)
