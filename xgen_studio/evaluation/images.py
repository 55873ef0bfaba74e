"""Distances between images and between sets of images. Pixels are (N, H, W) in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Pixels = NDArray[np.floating]


def mae(a: Pixels, b: Pixels) -> NDArray[np.float64]:
    """Mean absolute error of each pair, (N,)."""
    values: NDArray[np.float64] = np.abs(a.astype(np.float64) - b).mean(axis=(1, 2))
    return values


def psnr(a: Pixels, b: Pixels) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each pair in dB for a data range of 1, (N,)."""
    mse = np.square(a.astype(np.float64) - b).mean(axis=(1, 2))
    values: NDArray[np.float64] = -10 * np.log10(np.maximum(mse, 1e-12))
    return values


def ssim(a: Pixels, b: Pixels) -> NDArray[np.float64]:
    """Structural similarity (Wang 2004: Gaussian window, sigma 1.5) of each pair, (N,)."""
    return np.asarray(
        [
            structural_similarity(
                x.astype(np.float64),
                y.astype(np.float64),
                data_range=1.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            for x, y in zip(a, b, strict=True)
        ]
    )


def grey_level_fitted(generated: Pixels, real: Pixels, degree: int = 3) -> NDArray[np.float64]:
    """Each generated image after the cubic grey-level curve that fits it best.

    What MAE is left after this is anatomy and texture, not exposure.
    """
    fitted = np.empty(generated.shape, dtype=np.float64)
    for i, (x, y) in enumerate(zip(generated, real, strict=True)):
        curve = np.polynomial.Polynomial.fit(x.ravel(), y.ravel(), degree)
        fitted[i] = np.clip(curve(x), 0, 1)
    return fitted


def radial_power(images: Pixels, bins: int = 40) -> NDArray[np.float64]:
    """Mean log10 power in `bins` rings of spatial frequency from 0 to 0.5 cycles/px, (N, bins)."""
    height, width = images.shape[1:]
    window = np.outer(np.hanning(height), np.hanning(width))
    centred = (images - images.mean(axis=(1, 2), keepdims=True)) * window
    power = np.abs(np.fft.rfft2(centred)) ** 2
    fy = np.fft.fftfreq(height)[:, None]
    fx = np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(fy, fx)
    ring = np.minimum((radius / 0.5 * bins).astype(int), bins)  # corners fall into the last, unused
    counts = np.bincount(ring.ravel(), minlength=bins + 1)[:bins]
    rows = [np.bincount(ring.ravel(), p.ravel(), bins + 1)[:bins] / counts for p in power]
    return np.log10(np.maximum(np.asarray(rows), 1e-12))


def spectrum_distance(generated: Pixels, real: Pixels) -> float:
    """Root mean square difference of the mean radial log-power spectra, in decades."""
    gap = radial_power(generated).mean(0) - radial_power(real).mean(0)
    return float(np.sqrt(np.mean(gap[1:] ** 2)))


def grid_peak(images: Pixels, period: int = 4) -> float:
    """Power at the patch period over that of its neighbours, as a ratio: 1 = no grid texture."""
    width = images.shape[2] // period * period
    lines = images[:, :, :width] - images[:, :, :width].mean(axis=2, keepdims=True)
    power = (np.abs(np.fft.rfft(lines, axis=2)) ** 2).mean(axis=(0, 1))
    at = width // period
    around = np.r_[power[at - 6 : at - 1], power[at + 2 : at + 7]]
    return float(power[at] / around.mean())


def frechet_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Frechet distance of Gaussians fitted to features (N, F) and (M, F); grows at small N."""
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # tr sqrt(AB) from its eigenvalues: well defined also where few images make A singular
    roots = np.sqrt(np.clip(np.linalg.eigvals(cov_a @ cov_b).real, 0, None))
    return float(mean + np.trace(cov_a + cov_b) - 2 * roots.sum())


def kernel_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Unbiased squared MMD with the cubic kernel (x.y / F + 1)^3 (KID, Binkowski 2018)."""
    n, m, f = len(a), len(b), a.shape[1]
    aa = (a @ a.T / f + 1) ** 3
    bb = (b @ b.T / f + 1) ** 3
    ab = (a @ b.T / f + 1) ** 3
    within = (aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within - 2 * ab.mean())


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice overlap of two masks; NaN when both are empty."""
    total = int(a.sum()) + int(b.sum())
    return float("nan") if total == 0 else 2 * int((a & b).sum()) / total
