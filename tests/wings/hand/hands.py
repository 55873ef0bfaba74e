"""Sound hands for tests: shapes drawn from the shape model."""

from __future__ import annotations

import numpy as np

from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.norms import in_frame
from xgen_studio.wings.hand.tasks.screening import screen_folder

GRID = (256, 192)


def sound_hands(count, grid=(256, 256)):
    shape = load_gate().norms.shape
    rng = np.random.default_rng(5)
    return [in_frame(shape.sample(rng, 1.5), grid) for _ in range(count)]


def screened(folder, gate="calibrated", out=None):
    """A folder of pairs, judged."""
    return screen_folder(load_gate(gate), folder, out or folder, Bench())
