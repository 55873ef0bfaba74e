"""Height loss exactly as HealthiVert-GAN's released code computes it, its peculiarities included:
what is found must stand beside the paper's figures. Ours is another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.findings import THIRDS, ByThird

TAU = 0.7  # columns lower than this share of the middle one do not count
Bools = NDArray[np.bool_]
Heights = NDArray[np.float64]


def depedicle_released(labels: NDArray[Any]) -> NDArray[Any]:
    """The bodies of a straightened label volume (z, y, x), y to the back: vertebrae without what
    lies behind the first coronal plane, from the volume's middle backwards, whose middle column
    holds nothing of them, as it is where the spinal canal begins. Stubs of the pedicles before that
    plane stay. Presumes that the spine runs down the middle of the volume."""
    bodies = labels.copy()
    _, depth, width = labels.shape
    for label in np.unique(labels[labels > 0]):
        middle = (labels[:, depth // 2 :, width // 2] == label).any(0)
        canal = np.flatnonzero(~middle)
        if len(canal):
            behind = bodies[:, depth // 2 + int(canal[0]) :]
            behind[behind == label] = 0
    return bodies


def released_rhlv(synthetic: NDArray[Any], original: NDArray[Any], tau: float = TAU) -> ByThird:
    """Relative height loss (H_S - H_O) / H_S of each third, from masks (z, y, x) of one vertebra, y
    to the back, as it would be healthy (S) and as it is (O).

    Heights are counts of voxels along z, in the sagittal slices of the middle 40 % of O's width.
    Where a third of O is somewhere higher than all of S's, S is scaled up to it first: a healthy
    vertebra made too low gives no loss rather than a negative one. Columns below `tau` of the
    height at the mask's mean column do not count. InputError where no slice shows both.
    """
    s, o = np.asarray(synthetic) > 0, np.asarray(original) > 0
    if s.shape != o.shape or s.ndim != 3:
        raise InputError(f"masks of {s.shape} and {o.shape} are not on one grid")
    across = np.nonzero(o)[2]
    if len(across) == 0:
        raise InputError("the mask of the vertebra is empty")
    middle, half = int(across.mean()), int(across.max() - across.min()) // 5
    kept: dict[str, tuple[list[Heights], list[Heights]]] = {third: ([], []) for third in THIRDS}
    for x in range(max(0, middle - half), min(s.shape[2], middle + half)):
        if s[..., x].any() and o[..., x].any():
            for third, pair in _columns(s[..., x], o[..., x], tau).items():
                for pool, heights in zip(kept[third], pair, strict=True):
                    pool.append(heights)
    if not kept[THIRDS[0]][0]:
        raise InputError("no sagittal slice in the middle of the vertebra shows both masks")
    return {third: _loss(*pools) for third, pools in kept.items()}


def _columns(s: Bools, o: Bools, tau: float) -> dict[str, tuple[Heights, Heights]]:
    """The heights that count of each third in one sagittal slice (z, y), of S and of O."""
    high_s, high_o = s.sum(0).astype(float), o.sum(0).astype(float)
    columns = np.flatnonzero(high_s)
    front, depth = int(columns[0]), int(columns[-1] - columns[0])
    first, second = int(front + depth / 3), int(front + 2 * depth / 3)
    middle_s, middle_o = (
        high[int(np.nonzero(mask)[1].mean())] for high, mask in ((high_s, s), (high_o, o))
    )
    middle_s *= _scale(high_s, high_o)
    slices = (slice(0, first), slice(first, second), slice(second, None))
    found = {}
    for third, part in zip(THIRDS, slices, strict=True):
        own_s, own_o = high_s[part] * _scale(high_s[part], high_o[part]), high_o[part]
        found[third] = (own_s[own_s > tau * middle_s], own_o[own_o > tau * middle_o])
    return found


def _scale(s: Heights, o: Heights) -> float:
    """By what S is scaled so that its highest column is as high as O's."""
    highest = s.max(initial=0.0)
    return max(1.0, float(o.max(initial=0.0) / highest)) if highest > 0 else 1.0


def _loss(s: list[Heights], o: list[Heights]) -> float:
    mean_s, mean_o = (
        float(pool.mean()) if len(pool) else 0.0 for pool in (np.concatenate(s), np.concatenate(o))
    )
    return (mean_s - mean_o) / (mean_s + 1e-6)
