"""Real vertebrae compressed by a known amount: the column-wise warp is the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import CENTRAL, DEPTHS, THIRD, WIDTHS, Body
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.parametric import Fracture
from xgen_studio.wings.spine.science.restoring import restore
from xgen_studio.wings.spine.science.shape import Shape


@dataclass(frozen=True, eq=False)
class Compressed:
    """A scan in which one vertebra was compressed, and by how much each third was."""

    ct: Volume
    labels: Volume
    true_loss: dict[str, float]


def compress(level: str, body: Body, fracture: Fracture, labels: Volume, ct: Volume) -> Compressed:
    """The scan with a fracture in a real vertebra: its columns lose `fracture.loss`, what lies
    above and below comes closer; texture is compressed with it, as bone is."""
    y = np.broadcast_to(2 * DEPTHS[:, None] - 1, body.top.shape)
    x = np.broadcast_to(WIDTHS, y.shape)
    lost = fracture.loss(x, y) * body.height
    shape = Shape(
        body.top - fracture.upper * lost,
        body.bottom + (1 - fracture.upper) * lost,
        np.array(body.depth),
        np.array(body.width),
    )
    made = restore(LABELS[level], body, shape, labels, ct, donor=None)
    assert made.ct is not None
    pixels, voxels = ct.voxels.astype(np.int16), labels.voxels.copy()
    pixels[made.box], voxels[made.box] = made.ct, made.labels
    before, after = body.height, shape.height
    true = {
        name: float(1 - after[rows, CENTRAL].mean() / before[rows, CENTRAL].mean())
        for name, rows in THIRD.items()
    }
    return Compressed(
        replace(ct, voxels=pixels, synthetic=True),
        replace(labels, voxels=voxels, synthetic=True),
        true,
    )
