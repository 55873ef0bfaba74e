"""The knee phantom: what comes out is a knee of published size, the same for the same seed."""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from xgen_studio.errors import InputError
from xgen_studio.wings.knee.science.phantom import LABELS, KneePhantom, make_knee

SEEDS = (0, 3, 4)


@lru_cache(maxsize=4)
def knee(seed: int) -> KneePhantom:
    return make_knee(seed)


def extent(phantom: KneePhantom, bone: str, axis: int) -> float:
    """Size of a label along an axis, mm."""
    others = tuple(a for a in range(3) if a != axis)
    hit = np.flatnonzero((phantom.labels == LABELS[bone]).any(axis=others))
    return float(hit[-1] - hit[0] + 1) * phantom.spacing


def test_the_same_seed_gives_the_same_knee_and_another_seed_another():
    a, b = make_knee(0, 2.0), make_knee(0, 2.0)
    assert np.array_equal(a.volume_hu, b.volume_hu)
    assert np.array_equal(a.labels, b.labels)
    assert a.parameters == b.parameters
    assert make_knee(1, 2.0).parameters != a.parameters


@pytest.mark.parametrize("seed", SEEDS)
def test_arrays_have_the_promised_kind_and_every_label(seed):
    k = knee(seed)
    assert k.volume_hu.dtype == np.float32 and k.labels.dtype == np.uint8
    assert k.volume_hu.shape == k.labels.shape
    assert k.volume_hu.shape[0] == 240 and 160 <= k.volume_hu.shape[1] <= 190
    assert set(np.unique(k.labels)) == set(LABELS.values())
    assert np.isfinite(k.volume_hu).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_measured_sizes_are_those_of_adults(seed):
    k = knee(seed)
    assert 63 <= extent(k, "tibia", 2) <= 87
    assert 68 <= extent(k, "femur", 2) <= 92
    assert 37 <= extent(k, "patella", 0) <= 49


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gap_of_joint_space_parts_femur_from_tibia_and_patella(seed):
    k = knee(seed)
    away = ndimage.distance_transform_edt(k.labels != LABELS["femur"])
    assert 1.4 < away[k.labels == LABELS["tibia"]].min() < 7
    assert 1.4 < away[k.labels == LABELS["patella"]].min() < 7


@pytest.mark.parametrize("seed", SEEDS)
def test_bones_lie_where_they_belong(seed):
    k = knee(seed)
    at = {n: ndimage.center_of_mass(k.labels == i) for n, i in LABELS.items() if i > 2}
    assert at["femur"][0] > at["tibia"][0]  # index 0 is distal
    assert at["patella"][1] < at["femur"][1] < at["fibula"][1]  # y runs to posterior
    lateral = at["fibula"][2] - at["tibia"][2]
    assert (lateral > 0) == (k.side == "L")  # x runs to the patient's left


def test_both_sides_are_drawn_and_stated():
    sides = {make_knee(s, 4.0).side for s in range(8)}
    assert sides == {"L", "R"}


@pytest.mark.parametrize("seed", SEEDS)
def test_hounsfield_values_are_those_of_the_tissue(seed):
    k = knee(seed)
    hu, lab = k.volume_hu, k.labels
    assert hu.min() >= -1001 and hu.max() <= 1950
    assert np.abs(hu[lab == 0] + 1000).mean() < 15
    soft = hu[ndimage.binary_erosion(lab == 1, iterations=3)]
    assert -130 < np.percentile(soft, 1) < -30
    assert 35 < np.percentile(soft, 90) < 85
    for bone in ("femur", "tibia"):
        values = hu[lab == LABELS[bone]]
        assert 1150 < np.percentile(values, 99) < 1900
    deep = ndimage.binary_erosion(lab == LABELS["femur"], iterations=6)
    epiphysis = np.zeros_like(deep)
    low = np.flatnonzero((lab == LABELS["femur"]).any(axis=(1, 2)))[0]
    epiphysis[low : low + 30] = deep[low : low + 30]
    assert 150 < hu[epiphysis].mean() < 520
    assert hu[epiphysis].std() > 40  # trabeculae, not a flat fill


def test_the_skin_is_inside_the_image_and_covers_the_bones():
    k = knee(0)
    bone = ndimage.binary_dilation(k.labels > 2)
    assert not (bone & (k.labels == 0)).any()


def test_one_knee_takes_seconds():
    start = time.process_time()
    make_knee(2)
    assert time.process_time() - start < 20


def test_finer_voxels_keep_the_same_anatomy():
    coarse, fine = make_knee(5, 2.0), make_knee(5, 1.4)
    assert fine.parameters == coarse.parameters
    for bone in ("femur", "tibia", "patella"):
        a = (coarse.labels == LABELS[bone]).sum() * 8.0
        b = (fine.labels == LABELS[bone]).sum() * 1.4**3
        assert abs(a - b) / b < 0.03


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, True])
def test_a_bad_seed_is_refused_by_name(seed):
    with pytest.raises(InputError, match="seed"):
        make_knee(seed)


@pytest.mark.parametrize("spacing", [0, -1.0, 0.1, 9.0, float("nan"), "1", None])
def test_a_bad_spacing_is_refused_by_name(spacing):
    with pytest.raises(InputError, match="spacing"):
        make_knee(0, spacing)
