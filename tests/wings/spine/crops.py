"""Straightened crops of made-up spines: five bodies with discs between them, and no symmetry."""

import numpy as np

SHAPE = (96, 64, 24)  # z to the head, y to the back, x to the left
LABELS = (19, 20, 21, 22, 23)  # T12 to L4, from head to feet


def crop(rng, heights=None, shape=SHAPE):
    """CT in HU (z, y, x) and VerSe labels of one spine. Bodies are narrower to the right and lower
    in front; their middle is the third label's, near the middle of the crop."""
    heights = rng.integers(10, 15, len(LABELS)) if heights is None else heights
    ct = np.full(shape, 40, np.int16) + rng.integers(-30, 30, shape).astype(np.int16)
    labels = np.zeros(shape, np.uint8)
    depth, height, width = shape
    top = depth // 2 + (sum(heights) + 3 * (len(heights) - 1)) // 2
    y = np.arange(height)[:, None]
    x = np.arange(width)[None]
    inside = (abs(y - height // 2 - 2) < height // 4 + x // 8) & (x > 1) & (x < width - 3)
    for label, high in zip(LABELS, heights, strict=True):
        for z in range(top - high, top):
            front = (y < height // 2) & (z >= top - 2)  # an upper edge that is lower in front
            body = inside & ~front
            if 0 <= z < depth:
                labels[z][body] = label
                ct[z][body] += 200
                shell = body & ((z in (top - high, top - 1)) | ~np.roll(body, 1, 0))
                ct[z][shell] += 300
        top -= high + 3
    return ct, labels


def crops(count, seed=0, shape=SHAPE):
    """The arrays of `spine-healthivert.npz`: each crop about its middle vertebra, all healthy but
    the second."""
    rng = np.random.default_rng(seed)
    made = [crop(rng, shape=shape) for _ in range(count)]
    healthy = np.zeros((count, 32), np.uint8)
    healthy[:, list(LABELS)] = 1
    healthy[:, 20] = 0
    return {
        "ct": np.stack([ct for ct, _ in made]),
        "labels": np.stack([labels for _, labels in made]),
        "target": np.full(count, 21),
        "healthy": healthy,
        "patient": np.arange(count),
    }
