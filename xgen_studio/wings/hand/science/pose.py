"""Where a cloud of unlabelled peaks lies: the similarity that takes it onto the mean hand.

Points are complex numbers here, so that a similarity without reflection is `a z + b` and a hundred
hands are aligned by a few array operations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]

STARTS_DEG = (-50.0, -25.0, 0.0, 25.0, 50.0)  # turns from which the cloud is aligned
REACHES_MM = (25.0, 18.0, 12.0, 9.0, 7.0, 6.0)  # how far a peak may pull a landmark, falling
OUTLIER = 0.05  # density of peaks that belong to no landmark


def as_complex(points: NDArray[np.float64]) -> Complex:
    """Points (N, 2) as x + iy."""
    made: Complex = points @ np.array([1, 1j])
    return made


def rough_pose(cloud: Complex, there: NDArray[np.bool_], mean: Complex) -> tuple[Complex, Complex]:
    """(a, b), each (B,), of the map from clouds (B, L) to the mean shape (37,), mm.

    Annealed soft assignment (after coherent point drift, Myronenko 2010) from several turns; the
    one that explains the most peaks wins. `there` (B, L) says which entries are peaks.
    """
    weight = there.astype(np.float64)
    count = np.maximum(weight.sum(1), 1)
    centre = (cloud * weight).sum(1) / count
    radius = np.sqrt((np.abs(cloud - centre[:, None]) ** 2 * weight).sum(1) / count)
    middle = mean.mean()
    scale = np.sqrt((np.abs(mean - middle) ** 2).mean()) / np.maximum(radius, 1e-9)
    turn = np.exp(1j * np.deg2rad(np.array(STARTS_DEG)))
    a = scale[:, None] * turn
    b = middle - a * centre[:, None]
    for reach in REACHES_MM:
        share, explained = _shares(cloud, weight, mean, a, b, reach)
        a, b = _fit(cloud, mean, share)
    _, explained = _shares(cloud, weight, mean, a, b, REACHES_MM[-1])
    best = explained.argmax(1)
    rows = np.arange(len(cloud))
    return a[rows, best], b[rows, best]


def _shares(
    cloud: Complex, weight: NDArray[np.float64], mean: Complex, a: Complex, b: Complex, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much each peak belongs to each landmark (B, S, 37, L), and how well each start explains
    its cloud (B, S)."""
    moved = (a[..., None] * cloud[:, None] + b[..., None]).astype(np.complex64)
    apart = moved[:, :, None] - mean.astype(np.complex64)[:, None]
    near = np.exp((apart.real**2 + apart.imag**2) * np.float32(-0.5 / reach**2))
    near *= weight[:, None, None].astype(np.float32)
    total = near.sum(2, keepdims=True) + np.float32(OUTLIER)
    return near / total, (np.log(total[:, :, 0]) * weight[:, None]).sum(2)


def _fit(cloud: Complex, mean: Complex, share: NDArray[np.float64]) -> tuple[Complex, Complex]:
    """The weighted least-squares similarities (B, S)."""
    by_peak, by_landmark = share.sum(2), share.sum(3)
    total = np.maximum(by_peak.sum(2), 1e-9)
    x = (by_peak * cloud[:, None]).sum(2) / total
    y = (by_landmark * mean).sum(2) / total
    towards = np.matmul(share.transpose(0, 1, 3, 2), mean.astype(np.complex64))  # (B, S, L)
    cross = (np.conj(cloud[:, None] - x[..., None]) * (towards - by_peak * y[..., None])).sum(2)
    spread = (by_peak * np.abs(cloud[:, None] - x[..., None]) ** 2).sum(2)
    a = cross / np.maximum(spread, 1e-9)
    return a, y - a * x


def fit_similarity(
    cloud: Complex, target: Complex, known: NDArray[np.bool_]
) -> tuple[Complex, Complex]:
    """The least-squares (a, b), each (B,), that take points (B, N) to targets (N,), the known ones
    counting."""
    weight = known.astype(np.float64)
    total = np.maximum(weight.sum(1), 1e-9)
    x, y = (weight * cloud).sum(1) / total, (weight * target).sum(1) / total
    centred = cloud - x[:, None]
    cross = (weight * np.conj(centred) * (target - y[:, None])).sum(1)
    a = cross / np.maximum((weight * np.abs(centred) ** 2).sum(1), 1e-9)
    return a, y - a * x
