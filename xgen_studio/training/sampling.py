"""Sample images of a training: what the learner makes above, what is true below."""

from __future__ import annotations

from pathlib import Path

import torch

from xgen_studio.imaging import write_png8
from xgen_studio.training.batch import TrainingSet
from xgen_studio.training.learner import Learner
from xgen_studio.training.loader import first_examples


def write_samples(learner: Learner, dataset: TrainingSet, count: int, path: Path) -> None:
    """Write a picture of the first `count` examples, always with the same noise; nothing where the
    learner has nothing to show."""
    device = next(learner.parts.parameters()).device
    with torch.no_grad():
        shown = learner.sample(first_examples(dataset, count, device), 0)
    if shown is None:
        return
    rows = [torch.cat(list(x[:, 0]), dim=1) for x in shown]
    pixels = ((torch.cat(rows, dim=0).clamp(-1, 1) + 1) / 2).float().cpu().numpy()
    path.parent.mkdir(exist_ok=True)
    write_png8(path, pixels, {"kind": "training samples: generated above, examples below"})
