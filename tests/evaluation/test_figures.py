"""Figures whose answer is known."""

import numpy as np
import pytest

from xgen_studio.evaluation.images import (
    dice,
    frechet_distance,
    grey_level_fitted,
    grid_peak,
    kernel_distance,
    mae,
    psnr,
    spectrum_distance,
    ssim,
)
from xgen_studio.evaluation.statistics import estimate, paired, ratio

RNG = np.random.default_rng(0)


def pictures(n=6, shape=(64, 96), seed=0):
    return np.random.default_rng(seed).random((n, *shape))


def test_mae_and_psnr_of_a_known_offset():
    a = pictures() * 0.5
    np.testing.assert_allclose(mae(a, a + 0.1), 0.1)
    np.testing.assert_allclose(psnr(a, a + 0.1), 20.0)


def test_ssim_is_one_for_itself_and_less_for_noise():
    a = pictures()
    np.testing.assert_allclose(ssim(a, a), 1.0)
    assert (ssim(a, pictures(seed=1)) < 0.2).all()


def test_a_grey_level_curve_is_taken_out_but_not_anatomy():
    a = pictures()
    curved = 0.8 * a**2 + 0.1
    assert mae(curved, a).mean() > 0.05
    assert mae(grey_level_fitted(curved, a), a).mean() < 0.03
    other = pictures(seed=1)
    assert mae(grey_level_fitted(other, a), a).mean() > 0.2


def test_a_grid_of_the_patch_period_is_found():
    a = pictures(shape=(64, 288))
    assert grid_peak(a) == pytest.approx(1, abs=0.25)
    gridded = a + 0.15 * (np.arange(288) % 4 == 0)
    assert grid_peak(gridded) > 3


def test_spectrum_distance_tells_sharp_from_blurred():
    from scipy.ndimage import gaussian_filter

    a, b = pictures(), pictures(seed=1)
    blurred = np.stack([gaussian_filter(x, 1.5) for x in b])
    assert spectrum_distance(a, b) < 0.1
    assert spectrum_distance(a, blurred) > 0.5


def test_frechet_distance_of_two_gaussians():
    a = RNG.normal(0, 1, (40_000, 3))
    b = RNG.normal(2, 3, (40_000, 3))
    # |mu|^2 + sum (s1 - s2)^2 = 3 * 4 + 3 * 4
    assert frechet_distance(a, b) == pytest.approx(24, rel=0.03)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_unbiased_about_zero():
    values = [
        kernel_distance(RNG.normal(size=(60, 4)), RNG.normal(size=(60, 4))) for _ in range(60)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / 60**0.5 + 1e-9
    assert kernel_distance(RNG.normal(size=(60, 4)), RNG.normal(1, 1, (60, 4))) > max(values)


def test_dice_skips_what_is_in_neither():
    a = np.zeros((4, 4), bool)
    assert np.isnan(dice(a, a))
    b = a.copy()
    b[:2] = True
    assert dice(a, b) == 0
    assert dice(b, b) == 1


def test_the_interval_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(1)
    covered = 0
    for i in range(200):
        e = estimate(rng.normal(5, 1, 40), seed=i)
        covered += e.low <= 5 <= e.high
    assert 180 <= covered <= 199


def test_images_of_one_subject_are_not_independent():
    subjects = np.repeat(np.arange(6), 60)
    values = subjects + RNG.normal(0, 0.1, 360)
    naive, honest = estimate(values), estimate(values, subjects)
    assert (honest.n, honest.groups) == (360, 6)
    assert honest.high - honest.low > 3 * (naive.high - naive.low)


def test_a_paired_difference_is_tighter_than_its_parts():
    base = RNG.normal(0, 5, 100)
    difference = paired(base + 0.5, base + RNG.normal(0, 0.1, 100))
    assert difference.low > 0.4
    assert difference.high < 0.6


def test_a_ratio_of_paired_values_has_a_tight_interval():
    base = RNG.uniform(1, 3, 200)
    found = ratio(1.02 * base, base + RNG.normal(0, 0.01, 200))
    assert found.low < 1.02 < found.high
    assert found.high - found.low < 0.01


def test_no_values_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        estimate([])
