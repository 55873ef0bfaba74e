"""Heights of bodies whose heights are known."""

import numpy as np
import pytest

from tests.wings.spine import phantoms
from tests.wings.spine.phantoms import MIDDLE, body, turned
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import PATIENT_BACK, measure
from xgen_studio.wings.spine.science.frame import frame_of
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.sampling import NoBodyError, Sampler

UP = np.array([0.0, 0.0, 1.0])


def measured(volume, up=UP, back=PATIENT_BACK, label=20):
    return measure(Sampler.of(volume, label), up, back)


def degrees(a, b):
    return np.degrees(np.arccos(np.clip(a @ b, -1, 1)))


def assert_heights(found, wanted, within):
    for third, height in found.thirds().items():
        assert height == pytest.approx(wanted, abs=within), third


@pytest.mark.parametrize("height", [20.0, 20.4, 20.8, 27.3])
@pytest.mark.parametrize("arch", [True, False])
def test_a_body_has_its_height_below_a_voxel(height, arch):
    volume, _ = body(height, frame=turned(tilt=4), arch=arch)
    found = measured(volume)
    assert found.arch is arch
    assert_heights(found, height, 0.3)  # a third of it stands on one or two steps of the mask
    assert np.mean(list(found.thirds().values())) == pytest.approx(height, abs=0.12)


def test_a_straight_box_on_the_grid_is_as_high_as_its_voxels():
    volume, _ = body(22.0, round_=False, arch=False)
    rows = np.flatnonzero((volume.voxels == 20).any((1, 2)))
    found = measured(volume)
    assert_heights(found, len(rows), 0.05)
    columns = np.flatnonzero((volume.voxels == 20).any((0, 1)))
    deep = np.flatnonzero((volume.voxels == 20).any((0, 2)))
    assert found.width == pytest.approx(len(columns), abs=0.3)
    assert found.depth == pytest.approx(len(deep), abs=0.3)


@pytest.mark.parametrize(("tilt", "lean", "spin"), [(25, 0, 0), (-20, 12, 0), (10, -15, 18)])
def test_a_leaning_rotated_body_is_measured_along_its_own_axis(tilt, lean, spin):
    volume, frame = body(24.6, frame=turned(tilt, lean, spin))
    found = measured(volume)
    assert_heights(found, 24.6, 0.2)
    assert degrees(found.frame.up, frame.up) < 1.0
    assert degrees(found.frame.back, frame.back) < 6.0
    assert np.linalg.norm(found.frame.origin - frame.origin) < 0.7


def test_where_the_search_begins_changes_nothing():
    volume, _ = body(23.3, frame=turned(8, -6, 10))
    heights = []
    for up in ([0.1, 0, 1], [-0.1, 0.1, 1], [0, 0.3, 1]):
        heights.append(list(measured(volume, np.array(up)).thirds().values()))
    assert np.ptp(heights, axis=0).max() < 0.1


@pytest.mark.parametrize("spacing", [(0.4, 0.4, 2.0), (3.0, 1.0, 1.0), (1.0, 1.0, 3.0)])
def test_voxels_of_any_shape_give_the_same_heights(spacing):
    volume, _ = body(25.2, spacing, frame=turned(9, 5))
    assert_heights(measured(volume), 25.2, 0.5)


def test_an_oblique_grid_gives_the_same_body():
    a, b = np.radians([23, -14])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    volume, frame = body(24.6, direction=about_z @ about_x, frame=turned(5, 8, 6))
    found = measured(volume)
    assert_heights(found, 24.6, 0.2)
    assert degrees(found.frame.up, frame.up) < 1.0
    assert degrees(found.frame.left, frame.left) < 4.0


@pytest.mark.parametrize("angle", [6.0, 14.0])
def test_a_wedge_has_its_angle_and_the_heights_of_its_thirds(angle):
    slope = np.tan(np.radians(angle)) * phantoms.DEPTH / 2

    def height(x, y):
        return 22.0 + slope * y  # lower in front, both endplates alike

    found = measured(body(height, frame=turned(3))[0])
    thirds = found.thirds()
    ends = found.height[:, 2:7].mean(1)
    fitted = np.polyfit((np.arange(12) - 5.5) * found.depth / 12, ends, 1)[0]
    assert np.degrees(np.arctan(fitted)) == pytest.approx(angle, abs=0.7)
    assert thirds["middle"] == pytest.approx(22.0, abs=0.3)
    assert thirds["posterior"] - thirds["anterior"] == pytest.approx(4 / 3 * slope, abs=0.4)


def test_a_hollow_endplate_lowers_the_middle_third_alone():
    def height(x, y):
        return 24.0 - 5.0 * np.clip(1 - y * y * 2.2, 0, 1) * (1 - 0.3 * x * x)

    thirds = measured(body(height)[0]).thirds()
    assert thirds["anterior"] == pytest.approx(23.4, abs=0.7)
    assert thirds["posterior"] == pytest.approx(23.4, abs=0.7)
    assert thirds["middle"] == pytest.approx(19.4, abs=0.5)


def test_left_and_right_front_and_back_are_not_exchanged():
    def height(x, y):
        return 22.0 + 3.0 * x  # the left side is higher

    found = measured(body(height, frame=turned(spin=8))[0])
    left, back = found.places()
    assert found.height[:, -2].mean() - found.height[:, 1].mean() > 2.5
    assert left[0, -1] > left[0, 0]
    assert back[-1, 0] > back[0, 0]
    assert np.linalg.det(found.frame.axes) == pytest.approx(1.0)
    assert found.frame.left[0] > 0.9
    assert found.frame.back[1] > 0.9


def test_a_crushed_body_of_6_mm_is_measured():
    found = measured(body(6.0, frame=turned(6))[0])
    assert_heights(found, 6.0, 0.4)


def test_the_arch_is_no_part_of_the_body():
    with_arch = measured(body(24.0, frame=turned(5))[0])
    without = measured(body(24.0, frame=turned(5), arch=False)[0])
    assert with_arch.depth == pytest.approx(without.depth, abs=1.0)
    assert with_arch.width == pytest.approx(without.width, abs=1.0)
    assert without.depth == pytest.approx(phantoms.DEPTH, abs=1.0)
    assert without.width == pytest.approx(phantoms.WIDTH, abs=1.0)


def test_a_process_that_is_missing_hardly_rotates_the_vertebra():
    volume, frame = body(24.0, frame=turned(spin=5))
    left = frame.to_local(volume.index_to_mm(np.stack(np.indices(volume.shape), -1)))[..., 0]
    volume.voxels[left > 17.5] = 0
    found = measured(volume)
    assert degrees(found.frame.back, frame.back) < 9.0
    assert_heights(found, 24.0, 0.2)


def test_crumbs_beside_a_body_change_nothing():
    volume, _ = body(24.0, frame=turned(4))
    clean = measured(volume)
    volume.voxels[2:6, 8:12, 3:7] = 20
    volume.voxels[-3, 4, 4] = 20
    assert measured(volume).thirds() == pytest.approx(clean.thirds(), abs=0.15)


def test_a_label_that_is_not_there_is_no_body():
    with pytest.raises(NoBodyError, match="does not hold"):
        Sampler.of(phantoms.grid(), 20)


@pytest.mark.parametrize("box", [np.s_[40:41, 40:41, 40:41], np.s_[40:41, 30:60, 30:60]])
def test_a_voxel_or_a_single_slice_is_no_body(box):
    volume = phantoms.grid()
    volume.voxels[box] = 20
    with pytest.raises(NoBodyError, match="thin"):
        measured(volume)


def test_a_small_ball_is_no_body():
    volume = phantoms.grid()
    far = np.linalg.norm(
        volume.index_to_mm(np.stack(np.indices(volume.shape), -1)) - MIDDLE, axis=-1
    )
    volume.voxels[far < 4] = 20
    with pytest.raises(NoBodyError, match="too small"):
        measured(volume)


@pytest.mark.parametrize(("cut", "border"), [(np.s_[:38], "upper"), (np.s_[42:], "lower")])
def test_a_body_that_the_border_cuts_is_not_measured_and_says_which(cut, border):
    volume, _ = body(26.0, frame=turned(3))
    part = np.ascontiguousarray(volume.voxels[cut])
    start = cut.start or 0
    origin = np.array(volume.origin) + [0, 0, start * volume.spacing[2]]
    found = measure_all(Volume(part, volume.spacing, tuple(origin)))
    assert found.bodies == {}
    assert border in found.reasons["L1"]
    assert "border" in found.reasons["L1"]


def test_a_body_next_to_the_border_is_measured():
    volume, _ = body(24.0)
    rows = np.flatnonzero((volume.voxels > 0).any((1, 2)))
    part = np.ascontiguousarray(volume.voxels[: rows[-1] + 2])
    found = measure_all(Volume(part, volume.spacing, volume.origin))
    assert found.reasons == {}
    assert_heights(found.bodies["L1"], 24.0, 0.2)


def test_two_halves_are_measured_as_the_larger_one_or_not_at_all():
    """A label that lies at two places must not be measured as one body between them."""
    volume, frame = body(18.0, arch=False)
    other = frame_of(frame.origin - 30 * frame.up, frame.up, frame.back)
    phantoms.drawn(volume, other, 8.0, arch=False)
    found = measured(volume)
    assert_heights(found, 18.0, 0.3)


def test_levels_are_measured_from_head_to_feet_with_their_middles():
    volume = phantoms.grid(half=(40.0, 50.0, 80.0))
    places = {20: [7.3, -41.6, 340.0], 21: [9.3, -44.6, 308.0], 26: [9.3, -40.0, 262.0]}
    for label, middle in places.items():
        phantoms.drawn(volume, turned(4, 2, middle=np.array(middle)), 22.0, label)
    found = measure_all(volume)
    assert list(found.bodies) == ["L1", "L2"]
    assert list(found.middles) == ["L1", "L2"]  # the sacrum is no vertebra that has heights
    for level, label in (("L1", 20), ("L2", 21)):
        assert np.linalg.norm(found.bodies[level].frame.origin - places[label]) < 0.7
        assert_heights(found.bodies[level], 22.0, 0.2)


def test_the_body_of_a_cervical_vertebra_has_a_middle_but_no_heights():
    volume, _ = body(22.0, label=5)
    found = measure_all(volume)
    assert found.bodies == {} and list(found.middles) == ["C5"]
