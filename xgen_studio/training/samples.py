"""Sample images of a training: generated above, their examples below."""

from __future__ import annotations

from pathlib import Path

import torch

from xgen_studio.diffusion import Denoiser, SeededNoise, plan, walk
from xgen_studio.imaging import write_png8
from xgen_studio.training.batch import TrainingSet, step_generator

FOLDER = "samples"
WALK = ("dpm++2m", 8)  # sampler and steps: quick, and sharp early in training


def write_samples(
    denoiser: Denoiser, dataset: TrainingSet, objective: str, count: int, run: Path, step: int
) -> Path:
    """Write `samples/STEP.png` of the first `count` examples, always with the same noise."""
    device = next(denoiser.parameters()).device
    indices = torch.arange(min(count, len(dataset)))
    batch = dataset.batch(indices, step_generator(0, 0, 0), device)
    shape = (batch.target.shape[1], batch.target.shape[2], batch.target.shape[3])
    noise = SeededNoise(range(len(indices)), shape, device)
    method = {"denoise": "ctm", "vae": "vae"}.get(objective, "unet")
    with torch.no_grad():
        planned = plan(method, denoiser, batch.condition, batch.target, *WALK)
        *_, last = walk(planned, denoiser, noise)
    made = last.x0.sigmoid() * 2 - 1 if objective == "segment" else last.x0
    real = batch.target.clamp(0, 1) * 2 - 1 if objective == "segment" else batch.target
    # first channel only: a grey picture can show no more
    rows = [torch.cat(list(x[:, 0]), dim=1) for x in (made, real)]
    pixels = ((torch.cat(rows, dim=0).clamp(-1, 1) + 1) / 2).float().cpu().numpy()
    path = run / FOLDER / f"{step:07d}.png"
    path.parent.mkdir(exist_ok=True)
    write_png8(path, pixels, {"kind": "training samples: generated above, examples below"})
    return path
