"""Spines of formulas: the truth that a grading is tested on must be one."""

import numpy as np
import pytest

from tests.wings.spine import phantoms
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import CENTRAL, THIRD, thirds_of
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.parametric import KINDS, Fracture, patient, random_fractures
from xgen_studio.wings.spine.science.raster import Tissue
from xgen_studio.wings.spine.science.scanner import plain_scan, random_scan, scanned
from xgen_studio.wings.spine.science.simulation import drawn_mask, measured_directly
from xgen_studio.wings.spine.science.sizes import LEVELS, SIZES


def rng(seed=3):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_true_loss_is_what_was_taken_from_the_columns(kind):
    fracture = Fracture(kind, 0.4, upper=0.7)
    truth = patient(rng(), "L3", "T12", {"L1": fracture})
    [one] = [v for v in truth.vertebrae if v.level == "L1"]
    real, healthy = one.columns()
    lost = fracture.loss(*one.places())
    assert np.allclose(1 - real / healthy, lost)
    for third, rows in THIRD.items():
        wanted = (lost * healthy)[rows, CENTRAL].sum() / healthy[rows, CENTRAL].sum()
        assert one.true_loss()[third] == pytest.approx(wanted)


def test_each_kind_of_fracture_takes_most_where_its_name_says():
    losses = {}
    for kind in KINDS:
        truth = patient(rng(), "L3", "T12", {"L1": Fracture(kind, 0.4)})
        losses[kind] = next(v for v in truth.vertebrae if v.level == "L1").true_loss()
    assert max(losses["wedge"], key=losses["wedge"].get) == "anterior"
    assert losses["wedge"]["posterior"] < 0.1
    assert max(losses["biconcave"], key=losses["biconcave"].get) == "middle"
    assert min(losses["crush"].values()) > 0.3


def test_the_upper_endplate_takes_its_share_and_no_fracture_takes_nothing():
    truth = patient(rng(), "L3", "T12", {"L1": Fracture("crush", 0.3, upper=1.0)})
    for one in truth.vertebrae:
        (top, bottom), (upper, lower) = (
            f(np.zeros(1), np.zeros(1)) for f in (one.endplates, one.healthy)
        )
        assert np.allclose(bottom, lower)
        assert np.allclose(top, upper) is (one.level != "L1")
    assert set(truth.vertebrae[0].true_loss().values()) == {0.0}


@pytest.mark.parametrize("seed", range(6))
def test_vertebrae_are_stacked_with_discs_between_and_right_handed_axes(seed):
    fractures = random_fractures(rng(seed), LEVELS, mean=3)
    truth = patient(rng(seed), fractures=fractures)
    assert [v.level for v in truth.vertebrae] == list(LEVELS[::-1])
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-0.7, 0.7, 5), np.linspace(-0.7, 0.7, 5)))
    for lower, upper in zip(truth.vertebrae, truth.vertebrae[1:], strict=False):
        for one in (lower, upper):
            assert np.allclose(one.frame.axes @ one.frame.axes.T, np.eye(3))
            assert np.linalg.det(one.frame.axes) == pytest.approx(1)
        assert upper.frame.origin[2] > lower.frame.origin[2]
        _, bottom = upper.endplates(x, y)
        points = np.stack([x * upper.width / 2, y * upper.depth / 2, bottom], -1)
        local = lower.frame.to_local(upper.frame.to_patient(points))
        top, _ = lower.endplates(2 * local[:, 0] / lower.width, 2 * local[:, 1] / lower.depth)
        gap = local[:, 2] - top
        assert gap.mean() > 1.0
        assert gap.min() > -1.0  # endplates may touch, and do not pass each other


def test_a_plain_patient_is_everybodys_mean_and_symmetric():
    truth = patient(rng(), plain=True)
    for one in truth.vertebrae:
        top, bottom = one.healthy(np.array([-0.6, 0.6]), np.array([0.2, 0.2]))
        assert top[0] == pytest.approx(top[1])
        assert bottom[0] == pytest.approx(bottom[1])
        assert one.frame.left[0] == pytest.approx(1.0)
        assert one.frame.origin[0] == pytest.approx(0.0, abs=1e-6)
        assert one.posterior == pytest.approx(SIZES[one.level].height)
        assert one.width == pytest.approx(SIZES[one.level].width)


def test_the_same_seed_gives_the_same_patient_and_another_another():
    first, again, other = (patient(rng(s)) for s in (1, 1, 2))
    assert first.vertebrae[3].width == again.vertebrae[3].width
    assert first.vertebrae[3].width != other.vertebrae[3].width
    assert np.array_equal(first.vertebrae[-1].frame.axes, again.vertebrae[-1].frame.axes)


def test_fractures_come_where_they_are_seen_and_at_most_four():
    found = [random_fractures(rng(s), LEVELS, mean=1.5) for s in range(300)]
    counts = {level: sum(level in f for f in found) for level in LEVELS}
    assert counts["L1"] > 2 * counts["T3"]
    assert max(map(len, found)) <= 4
    assert all(0.12 <= f.severity <= 0.65 for many in found for f in many.values())


def test_what_is_rasterised_has_the_heights_of_its_formulas():
    truth, made = phantoms.spine()
    measured = measure_all(phantoms.mask())
    assert measured.reasons == {}
    for one in truth.vertebrae:
        body = measured.bodies[one.level]
        wanted, found = thirds_of(one.columns()[0]), body.thirds()
        for third in THIRD:  # a wedge's axis is not the healthy one's
            off = 0.6 if one.fracture is None else 1.4
            assert found[third] == pytest.approx(wanted[third], abs=off), (one.level, third)
        front, back, width = one.outline()
        assert body.depth == pytest.approx((back - front)[CENTRAL].mean(), abs=0.9)
        assert body.width == pytest.approx(width, abs=0.9)
        turned = np.degrees(np.arccos(body.frame.up @ one.frame.up))
        assert turned < (4 if one.fracture is None else 15)
        assert body.frame.left @ one.frame.left > np.cos(np.radians(6))
    assert made.tissue.shape == made.labels.shape == made.height.shape


def test_slices_of_3_mm_change_the_heights_little():
    fine = phantoms.mask()
    step = 2  # of 1.25 mm voxels
    thick = Volume(
        np.ascontiguousarray(fine.voxels[::step]),
        (*fine.spacing[:2], step * fine.spacing[2]),
        fine.origin,
    )
    a, b = measure_all(fine), measure_all(thick)
    assert set(a.bodies) == set(b.bodies)
    off = [abs(a.bodies[k].thirds()[t] - b.bodies[k].thirds()[t]) for k in a.bodies for t in THIRD]
    assert np.mean(off) < 0.5
    assert max(off) < 1.6


def test_a_map_knows_what_each_voxel_is():
    truth, made = phantoms.spine()
    bone = np.isin(made.tissue, (Tissue.CANCELLOUS, Tissue.CORTEX))
    assert np.array_equal(bone, made.labels > 0)
    assert np.all(made.whole[made.labels > 0] == made.labels[made.labels > 0])
    arch = (made.whole > 0) & (made.labels == 0)
    assert arch.sum() > 0.2 * bone.sum()
    assert np.all(made.height[~bone] == 0)
    for one in truth.vertebrae:
        own = made.labels == LABELS[one.level]
        index = np.argwhere(own)
        up = one.frame.to_local(made.volume.index_to_mm(index))[:, 2]
        assert np.corrcoef(up, made.height[own].astype(float))[0, 1] > 0.9


def test_a_scan_has_the_intensities_it_was_asked_for_and_the_same_for_the_same_seed():
    _, made = phantoms.spine()
    part = made.tissue[40:90]
    scan = plain_scan(140.0, noise=15.0)
    first, again, other = (scanned(part, (1.25,) * 3, scan, rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32
    assert first.min() >= -1024
    assert np.median(first[part == Tissue.CANCELLOUS]) == pytest.approx(140, abs=40)
    assert np.median(first[part == Tissue.MUSCLE]) == pytest.approx(55, abs=15)
    assert np.median(first[part == Tissue.FAT]) == pytest.approx(-100, abs=15)
    assert np.mean(first[part == Tissue.CORTEX]) > 250


def test_noise_has_its_size_and_thick_slices_blur_along_their_axis():
    water = np.full((60, 40, 40), Tissue.MUSCLE, np.uint8)
    quiet, loud = (
        scanned(water, (1.0,) * 3, plain_scan(100, texture=0.0, noise=n), rng()) for n in (5, 40)
    )
    assert quiet.std() == pytest.approx(5, rel=0.15)
    assert loud.std() == pytest.approx(40, rel=0.15)
    edge = water.copy()
    edge[30:] = Tissue.CANCELLOUS
    steep, slow = (
        np.abs(
            np.diff(
                scanned(
                    edge, (1.0,) * 3, plain_scan(400, thickness=t, noise=0, texture=0), rng()
                ).mean((1, 2))
            )
        ).max()
        for t in (1.0, 5.0)
    )
    assert slow < 0.6 * steep


def test_random_scans_differ_and_keep_bone_brighter_than_lung():
    scans = [random_scan(rng(s), wild=0.0) for s in range(30)]
    assert len({s.thickness for s in scans}) > 3
    assert {s.axis for s in scans} == {0, 2}
    for scan in scans:
        assert scan.mean[Tissue.CORTEX] > scan.mean[Tissue.CANCELLOUS] > scan.mean[Tissue.LUNG]


def test_a_drawn_mask_errs_by_what_was_asked_on_average():
    _, made = phantoms.spine()
    inside = made.whole > 0
    changed = {
        error: np.mean((drawn_mask(made, error, rng(), whole=True) > 0) ^ inside)
        for error in (0.01, 0.4, 1.0)
    }
    assert changed[0.01] < 0.2 * changed[0.4]
    assert changed[1.0] > 2 * changed[0.4]


def test_a_body_measured_directly_has_its_true_heights_but_for_the_error():
    truth = patient(rng(), "L4", "T10", {"L1": Fracture("wedge", 0.4)})
    for one in truth.vertebrae:
        exact = measured_directly(one, 0.0, rng())
        assert np.allclose(exact.height, one.columns()[0])
    one = truth.vertebrae[0]
    heights = [measured_directly(one, 0.5, rng(s)).height.mean() for s in range(200)]
    assert np.mean(heights) == pytest.approx(one.columns()[0].mean(), abs=0.1)
    assert np.std(heights) == pytest.approx(0.5, abs=0.12)
