"""Sound hands for tests: shapes drawn from the shape model."""

from __future__ import annotations

import numpy as np

from xgen_studio.anatomy.hand.gate import load_gate
from xgen_studio.anatomy.hand.norms import in_frame

GRID = (256, 192)


def sound_hands(count, grid=(256, 256)):
    shape = load_gate().norms.shape
    rng = np.random.default_rng(5)
    return [in_frame(shape.sample(rng, 1.5), grid) for _ in range(count)]
