"""Training sets of the hand: prepared arrays in, radiographs with their heatmaps out.

Arrays live in `hand.npz` (see `xgen prepare hand`): images (N, H, W) uint8, points (N, 37, 2)
float32 in px of the grid (pixel edges at whole numbers), id (N,), held_out (N,) bool. Imports no
file readers.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xgen_studio.errors import CallError, InputError
from xgen_studio.training.arrays import read_arrays
from xgen_studio.training.batch import Batch
from xgen_studio.wings.hand.science.landmarks import COUNT, GROUPS

GRID = (256, 192)  # rows, columns: hands are taller than wide
PAPER_GRID = (256, 256)
HEAT_SIGMA = 2.0  # px of a landmark's blob; the paper's is 1, see hand-ddpm-paper
HEAT_GAIN = 6.0  # brings the heatmap channel to about the spread of the image channel
SHAPE_SIGMA = 3.0  # px of the blobs that tell the model a shape
SHAPE_JITTER = 1.5  # px: told roughly, so that the heatmap must agree with the picture


def blobs(points: Tensor, grid: tuple[int, int], sigma: float) -> Tensor:
    """Gaussian blobs of peak 1 at points (B, K, 2) px, as (B, K, H, W)."""
    ys = torch.arange(grid[0], device=points.device) + 0.5
    xs = torch.arange(grid[1], device=points.device) + 0.5
    down = torch.exp(-((ys - points[..., 1:]) ** 2) / (2 * sigma**2))
    across = torch.exp(-((xs - points[..., :1]) ** 2) / (2 * sigma**2))
    return down[..., :, None] * across[..., None, :]


def heatmap(points: Tensor, grid: tuple[int, int] = GRID, sigma: float = HEAT_SIGMA) -> Tensor:
    """One heatmap (B, 1, H, W) in [0, 1] of all landmarks: the largest blob at each pixel."""
    return blobs(points, grid, sigma).amax(1, keepdim=True)


def shape_channels(points: Tensor, grid: tuple[int, int] = GRID) -> Tensor:
    """What tells a model the shape to draw: blobs of each group of landmarks (B, 8, H, W)."""
    each = blobs(points, grid, SHAPE_SIGMA)
    return torch.stack([each[:, list(group)].amax(1) for group in GROUPS], 1)


def to_channels(image: Tensor, heat: Tensor, gain: float = HEAT_GAIN) -> Tensor:
    """Picture in [-1, 1] and heatmap in [0, 1] as the two channels of a joint model."""
    return torch.cat([image, heat * gain - gain / 20], 1)


def heat_of(channels: Tensor, gain: float = HEAT_GAIN) -> Tensor:
    """The heatmap (B, H, W) in [0, 1] of a joint model's two channels."""
    return ((channels[:, 1] + gain / 20) / gain).clamp(0, 1)


def paper_heat_of(channels: Tensor) -> Tensor:
    """The heatmap (B, H, W) in [0, 1] of the paper's channels, which are both in [-1, 1]."""
    return ((channels[:, 1] + 1) / 2).clamp(0, 1)


def on_grid(pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W) of GRID or PAPER_GRID as those of GRID: the paper's have black sides."""
    side = (pictures.shape[2] - GRID[1]) // 2
    return pictures[:, :, side : side + GRID[1]]


class HandSet:
    """Radiographs and heatmaps as a `TrainingSet`: turned, scaled, moved and exposed a little.

    A share `told` of the examples is told its shape, roughly.
    """

    def __init__(
        self,
        images: Tensor,
        points: Tensor,
        told: float = 0.7,
        turn: float = 8.0,
        zoom: float = 0.07,
        shift: float = 0.03,
    ) -> None:
        self.images, self.points = images, points
        self.told, self.turn, self.zoom, self.shift = told, turn, zoom, shift
        self.unconditional = 1 - told

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        image, points = self.varied(indices, generator, device)
        rough = points + SHAPE_JITTER * torch.randn(points.shape, generator=generator).to(device)
        told = (torch.rand(len(indices), generator=generator) < self.told).to(device)
        channels = shape_channels(rough) * told[:, None, None, None]
        return {"target": to_channels(image, heatmap(points)), "condition": channels}

    def varied(
        self, indices: Tensor, generator: torch.Generator, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Pictures (n, 1, H, W) in [-1, 1] and points (n, 37, 2) px, varied."""
        n, (rows, columns) = len(indices), GRID
        image = (self.images[indices][:, None].float() / 127.5 - 1).to(device)
        points = self.points[indices].to(device)

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(n, *shape, generator=generator).to(device)

        angle = uniform(-self.turn, self.turn) * (math.pi / 180)
        scale = torch.exp(uniform(-self.zoom, self.zoom))
        shift = uniform(-self.shift, self.shift, 2) * torch.tensor([columns, rows]).to(device)
        c, s = angle.cos() * scale, angle.sin() * scale
        turn = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)  # (n, 2, 2)
        middle = torch.tensor([columns / 2, rows / 2]).to(device)
        points = (points - middle) @ turn.transpose(1, 2) + middle + shift[:, None]
        back = torch.linalg.inv(turn)  # from the new picture to the old, in px about the middle
        size = torch.tensor([columns / 2, rows / 2]).to(device)
        linear = back * size[None, None, :] / size[None, :, None]
        move = -(back @ shift[..., None])[..., 0] / size
        theta = torch.cat([linear, move[..., None]], 2)
        grid = F.affine_grid(theta, [n, 1, rows, columns], align_corners=False)
        # outside the frame a radiograph is black; cubic, as `bend`, for the sake of sharp bones
        image = F.grid_sample(image + 1, grid, "bicubic", "zeros", align_corners=False) - 1
        gain, gamma = uniform(0.9, 1.08, 1, 1, 1), torch.exp(uniform(-0.15, 0.15, 1, 1, 1))
        image = (((image + 1) / 2).clamp(0, 1) ** gamma * gain).clamp(0, 1) * 2 - 1
        return image, points


class PaperSet:
    """What the paper trains on (section 3.2): 256 x 256 px, both channels in [-1, 1], blobs of
    sigma 1 px, nothing varied, nothing told."""

    def __init__(self, images: Tensor, points: Tensor) -> None:
        self.images, self.points = images, points

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        side = (PAPER_GRID[1] - GRID[1]) // 2
        image = (self.images[indices][:, None].float() / 127.5 - 1).to(device)
        points = (self.points[indices] + torch.tensor([side, 0])).to(device)
        heat = heatmap(points, PAPER_GRID, sigma=1.0) * 2 - 1
        return {"target": torch.cat([F.pad(image, (side, side), value=-1.0), heat], 1)}


class LandmarkSet:
    """Radiographs and their landmarks for a localiser, varied as NFDP does: turned, scaled, moved,
    lighter and darker. Landmarks are shares of width and height."""

    def __init__(self, images: Tensor, points: Tensor) -> None:
        self.hands = HandSet(images, points, told=0.0, turn=30.0, zoom=0.2, shift=0.08)

    def __len__(self) -> int:
        return len(self.hands)

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        image, points = self.hands.varied(indices, generator, device)
        n = len(indices)
        contrast = 0.8 + 0.4 * torch.rand(n, 1, 1, 1, generator=generator).to(device)
        light = 0.2 * torch.randn(n, 1, 1, 1, generator=generator).to(device)
        image = (image * contrast + light).clamp(-1, 1)
        share = points / torch.tensor([GRID[1], GRID[0]]).to(device)
        return {"image": image, "landmarks": share}


def load_hands(data: Path | None) -> dict[str, np.ndarray]:
    """The prepared arrays of a data folder; InputError says how to make them."""
    arrays = read_arrays(data, "hand", {"images", "points", "id", "held_out"})
    n = len(arrays["images"])
    if arrays["images"].shape[1:] != GRID or arrays["points"].shape != (n, COUNT, 2):
        raise InputError(f"{data}/hand.npz: is not what xgen prepare hand makes; make it again")
    return arrays


def joint_set(data: Path | None, told: float = 0.7) -> HandSet:
    """Radiographs with their heatmaps, for the joint model."""
    return HandSet(*_training(load_hands(data), bent=True), told)


def paper_set(data: Path | None) -> PaperSet:
    """Radiographs with their heatmaps as the paper has them: real ones only."""
    return PaperSet(*_training(load_hands(data), bent=False))


def landmark_set(
    data: Path | None, synthetic: str = "", bent: bool = False, real_share: float = 0.0
) -> LandmarkSet:
    """Real training hands, with or without their bent copies, and, by the name of its arrays
    (`hands.npz` of an export, renamed), a synthetic set. Real ones are repeated until at least
    `real_share` of the examples are real."""
    images, points = _training(load_hands(data), bent)
    if synthetic:
        if not 0 <= real_share < 1:
            raise CallError(f"real_share {real_share}: a share from 0 to below 1")
        arrays = read_arrays(data, synthetic, {"images", "points"})
        wanted = real_share / (1 - real_share) * len(arrays["images"])
        times = max(1, math.ceil(wanted / len(images)))
        images, points = images.repeat(times, 1, 1), points.repeat(times, 1, 1)
        images = torch.cat([images, torch.from_numpy(arrays["images"])])
        points = torch.cat([points, torch.from_numpy(arrays["points"])])
    return LandmarkSet(images, points)


def _training(arrays: dict[str, np.ndarray], bent: bool) -> tuple[Tensor, Tensor]:
    keep = ~arrays["held_out"] & (bent | ~arrays["bent"])
    points = arrays["points"][keep].astype(np.float32)
    return torch.from_numpy(arrays["images"][keep]), torch.from_numpy(points)
