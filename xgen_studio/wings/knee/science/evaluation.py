"""The knee paper's table and ours, on held-out knees: per-image errors, realism, mask fidelity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgen_studio.diffusion import Condition, Denoiser, SeededNoise, plan, walk
from xgen_studio.errors import InputError
from xgen_studio.evaluation.images import dice
from xgen_studio.wings.knee.science.condition import (
    BONES,
    CONTOUR,
    NAMED,
    PLANES,
    channels_of,
    flatten_planes,
    guide_of,
)
from xgen_studio.wings.knee.science.masks import propose_planes

CONDITIONS = {"contour": CONTOUR, "contour + bone": BONES, "named bones": NAMED}
# Table I of the paper: MAE, PSNR in dB
PAPER = {
    ("unet", "contour"): (0.0209, 29.188),
    ("unet", "contour + bone"): (0.0188, 30.304),
    ("csm", "contour"): (0.0395, 22.911),
    ("csm", "contour + bone"): (0.0507, 21.350),
    ("ctm", "contour"): (0.0193, 29.498),
    ("ctm", "contour + bone"): (0.0152, 31.680),
}

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class HeldOut:
    """Held-out knees on the model's grid."""

    images: Pixels  # (N, H, W) in [0, 1]
    planes: NDArray[np.uint8]  # (N, H, W) bits
    groups: NDArray[np.generic]  # (N,) subject or duplicate group


def centre_crop(arrays: dict[str, np.ndarray], grid: tuple[int, int]) -> HeldOut:
    """The held-out part of prepared arrays, cropped to the grid around its centre.

    The radiographs' 300 x 162 px lose 6 px a side and 1 px above and below: nothing is resampled.
    """
    keep = arrays["held_out"].astype(bool)
    images, planes = arrays["images"][keep], arrays["planes"][keep]
    if len(images) < 2:
        raise InputError(f"only {len(images)} held-out pictures; at least 2 are needed to evaluate")
    if images.shape[1] < grid[0] or images.shape[2] < grid[1]:
        raise InputError(
            f"held-out pictures of {images.shape[2]} x {images.shape[1]} px are smaller than the"
            f" model's {grid[1]} x {grid[0]} px; prepare them at a larger size"
        )
    top, left = ((s - g) // 2 for s, g in zip(images.shape[1:], grid, strict=True))
    window = (slice(None), slice(top, top + grid[0]), slice(left, left + grid[1]))
    unit = next((key for key in ("subject", "group") if key in arrays), None)
    groups = arrays[unit][keep] if unit else np.arange(keep.sum())
    return HeldOut(images[window].astype(np.float32) / 255, planes[window], groups)


def channels_for(planes: NDArray[np.uint8], said: int) -> Tensor:
    """Condition channels (N, 8, H, W) of bit planes when so much is said."""
    stack = torch.from_numpy(np.stack([(planes >> k) & 1 for k in range(len(PLANES))], 1)).float()
    return channels_of(flatten_planes(stack), [said] * len(planes))


def generate_batch(
    denoiser: Denoiser,
    method: str,
    channels: Tensor,
    seeds: Sequence[int],
    each_step: Callable[[], None],
    sampler: str,
    steps: int,
) -> Pixels:
    """Images (B, H, W) in [0, 1] by ctm, csm or unet; `each_step` may raise to stop."""
    noise = SeededNoise(seeds, (1, *channels.shape[-2:]), channels.device)
    planned = plan(method, denoiser, Condition(channels), guide_of(channels), sampler, steps)
    x0 = channels[:, :1]
    for step in walk(planned, denoiser, noise):
        x0 = step.x0
        each_step()
    pixels: Pixels = ((x0[:, 0].clamp(-1, 1) + 1) / 2).float().cpu().numpy()
    return pixels


def generate_all(
    denoiser: Denoiser,
    method: str,
    held_out: HeldOut,
    said: int,
    device: torch.device,
    progress: Callable[[int, int], None],
    sampler: str,
    steps: int,
    batch: int = 4,
) -> Pixels:
    """One image for each held-out knee, image i with seed i."""
    made = []
    total = len(held_out.images)
    for first in range(0, total, batch):
        part = slice(first, min(first + batch, total))
        channels = channels_for(held_out.planes[part], said).to(device)
        seeds = range(part.start, part.stop)
        made.append(
            generate_batch(
                denoiser, method, channels, seeds, partial(progress, first, total), sampler, steps
            )
        )
        progress(part.stop, total)
    return np.concatenate(made)


def mask_features(images: Pixels, proposer: Denoiser, batch: int = 8) -> NDArray[np.float64]:
    """Features (N, F) of the mask network: its deepest layer, averaged over the picture.

    It learned bone outlines on real radiographs of this data set; what it does not look at, the
    distance does not see."""
    captured: list[Tensor] = []
    hook = proposer.network.middle2.register_forward_hook(  # type: ignore[union-attr]
        lambda _module, _inputs, output: captured.append(output)
    )
    rows = []
    try:
        for first in range(0, len(images), batch):
            x = torch.from_numpy(images[first : first + batch])[:, None] * 2 - 1
            with torch.no_grad():
                proposer(x, torch.ones(len(x)), Condition(x))
            deep = captured.pop()
            rows.append(deep.mean((2, 3)).double().numpy())
    finally:
        hook.remove()
    return np.concatenate(rows)


def mask_agreement(
    images: Pixels, planes: NDArray[np.uint8], proposer: Denoiser
) -> dict[str, NDArray[np.float64]]:
    """Dice (N,) per structure between the masks proposed from images and the given planes.

    The proposal is the one users get (`masks.propose_planes`). NaN where a structure is in neither.
    """
    proposed = [propose_planes(image, proposer) for image in images]
    return {
        name: np.asarray(
            [
                dice(((a >> k) & 1).astype(bool), ((b >> k) & 1).astype(bool))
                for a, b in zip(proposed, planes, strict=True)
            ]
        )
        for k, name in enumerate(PLANES[:4])  # a patella hardly shows: not scored
    }
