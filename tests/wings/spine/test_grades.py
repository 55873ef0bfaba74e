"""From losses to grades, and what is told of each vertebra."""

import numpy as np
import pytest

from tests.wings.spine import phantoms
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science import grading
from xgen_studio.wings.spine.science.compression import most_likely, patterns
from xgen_studio.wings.spine.science.examination import examine, voxel_along
from xgen_studio.wings.spine.science.findings import THIRDS, Grade
from xgen_studio.wings.spine.science.grading import OrdinalModel, rule_grade, type_of
from xgen_studio.wings.spine.science.looks import densities
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.models import shipped_models


def lost(anterior=0.0, middle=0.0, posterior=0.0):
    return {"anterior": anterior, "middle": middle, "posterior": posterior}


@pytest.fixture(scope="module")
def labels():
    return phantoms.mask()


@pytest.fixture(scope="module")
def graded(labels):
    return examine(measure_all(labels), labels, shipped_models())


def by_level(graded):
    return {f.level: f for f in graded.findings}


@pytest.mark.parametrize(
    ("loss", "grade"),
    [(-0.1, 0), (0.1999, 0), (0.20, 1), (0.2499, 1), (0.25, 2), (0.3999, 2), (0.40, 3), (0.9, 3)],
)
@pytest.mark.parametrize("third", THIRDS)
def test_the_thresholds_of_genant_are_met_exactly(loss, grade, third):
    assert rule_grade(lost(**{third: loss})) == grade


def expected(sd=1.0, mean=25.0):
    """Draws of healthy heights that vary mostly together."""
    rng = np.random.default_rng(5)
    return mean + sd * (0.9 * rng.standard_normal((4000, 1)) + 0.3 * rng.standard_normal((4000, 3)))


def heights(anterior=25.0, middle=25.0, posterior=25.0):
    return {"anterior": anterior, "middle": middle, "posterior": posterior}


def test_patterns_are_compressions_of_the_three_kinds():
    found = patterns()
    assert found.min() > -1e-9
    assert found.max(1).min() >= 0.08 - 1e-9
    assert found.max() <= 0.75 + 1e-9
    worst = found.argmax(1)
    assert all((worst == third).mean() > 0.03 for third in (0, 1))
    assert np.array_equal(found, patterns())


def test_probabilities_sum_to_one_and_follow_the_loss():
    above = []
    for height in np.linspace(27, 8, 25):
        found = most_likely(heights(anterior=height), expected(), 0.3, 1.0)
        p = np.array(found.grades)
        assert p.min() >= 0
        assert p.sum() == pytest.approx(1.0)
        above.append([p[k:].sum() for k in (1, 2, 3)])
    assert np.diff(above, axis=0).min() > -0.02
    assert above[0][0] < 0.01
    assert above[-1][2] > 0.99


def test_a_sound_vertebra_is_sound_and_lost_nothing():
    for low in (25.0, 24.0, 23.6):  # a little low for its neighbours
        found = most_likely(heights(low, low, low), expected(), 0.3, 1.0)
        assert found.intact > 0.5
        assert max(found.loss.values()) < 0.03
        assert found.healthy_mm["middle"] == pytest.approx(low, abs=0.4)


@pytest.mark.parametrize("lost", [(0.35, 0.2, 0.02), (0.17, 0.3, 0.17), (0.45, 0.45, 0.42)])
def test_a_known_compression_is_found_with_an_interval_that_holds_it(lost):
    real = heights(*(25.0 * (1 - np.array(lost))))
    found = most_likely(real, expected(), 0.3, 1.0)
    assert found.intact < 0.05
    for third, true in zip(THIRDS, lost, strict=True):
        if true == max(lost):
            assert found.loss[third] == pytest.approx(true, abs=0.05)
        low, high = found.interval[third]
        assert low <= true + 0.02 and true - 0.02 <= high, third


def test_a_back_wall_that_stands_says_how_high_the_front_was():
    """Neighbours let expect 25 mm; the back wall is 27 mm high, so the front was higher too."""
    found = most_likely(heights(20.0, 23.0, 27.0), expected(sd=1.5), 0.3, 1.0)
    assert found.healthy_mm["anterior"] > 25.6
    assert found.loss["anterior"] > 0.2


def test_less_certain_neighbours_make_a_wider_interval():
    real = heights(16.0, 19.0, 25.0)
    sure, unsure = (most_likely(real, expected(sd), 0.3, 1.0) for sd in (0.5, 2.5))
    assert np.ptp(unsure.interval["anterior"]) > 1.5 * np.ptp(sure.interval["anterior"])
    spread = most_likely(real, expected(0.5), 0.3, 3.0)
    assert np.ptp(spread.interval["anterior"]) > 1.2 * np.ptp(sure.interval["anterior"])
    assert np.ptp(unsure.healthy_interval_mm["middle"]) > np.ptp(sure.healthy_interval_mm["middle"])


def test_the_likeliest_grade_is_taken_and_rare_ones_may_be_preferred():
    p = (0.55, 0.30, 0.10, 0.05)
    assert OrdinalModel(weight=0.0).grade(p) is Grade.NORMAL
    assert OrdinalModel(weight=1.0).grade(p) is Grade.MILD
    for weight in (0.0, 0.25, 1.0):
        for k in range(4):
            sure = tuple(float(k == n) for n in range(4))
            assert OrdinalModel(weight=weight).grade(sure) == k


def test_types_are_named_by_where_height_is_lost():
    assert type_of(lost(0.4, 0.25, 0.05), Grade.SEVERE) == "wedge"
    assert type_of(lost(0.1, 0.3, 0.1), Grade.MODERATE) == "biconcave"
    assert type_of(lost(0.35, 0.35, 0.30), Grade.MODERATE) == "crush"
    assert type_of(lost(0.1, 0.05, 0.3), Grade.MODERATE) == "crush"
    assert type_of(lost(0.3, 0.1, -0.2), Grade.MODERATE) == "wedge"
    assert type_of(lost(0.19, 0.19, 0.19), Grade.NORMAL) == ""


def test_the_reason_names_the_third_the_loss_and_the_interval():
    interval = dict.fromkeys(THIRDS, (0.27, 0.37))
    said = grading.reason_of(lost(0.32, 0.2, 0.0), interval, Grade.MODERATE, "wedge")
    assert "moderate wedge" in said
    assert "anterior third lost 32 %" in said
    assert "27 to 37 %" in said
    unsure = grading.reason_of(lost(0.21), interval, Grade.NORMAL, "")
    assert "not graded as a fracture" in unsure


def test_broken_vertebrae_are_found_and_sound_ones_left_alone(graded):
    truth, _ = phantoms.spine()
    found = by_level(graded)
    assert list(found) == ["T11", "T12", "L1", "L2", "L3", "L4"]
    for one in truth.vertebrae:
        finding = found[one.level]
        if one.fracture is None:
            assert finding.grade == 0, finding.reason
            assert finding.type == ""
        else:
            assert abs(finding.grade - rule_grade(one.true_loss())) <= 1
            assert finding.grade >= 1
            assert finding.type in (one.fracture.kind, "crush")
            worst = max(one.true_loss().values())
            assert finding.rhlv[finding.worst] == pytest.approx(worst, abs=0.08)
    assert found["L1"].worst == "anterior"
    assert found["L3"].worst == "middle"
    assert set(graded.references) >= {"T12", "L2", "L4"}
    assert not {"L1", "L3"} & set(graded.references)


def test_what_is_told_of_a_vertebra_fits_together(graded):
    for f in graded.findings:
        for third in THIRDS:
            simple = 1 - f.heights_mm[third] / f.healthy_mm[third]
            assert f.rhlv[third] == pytest.approx(simple, abs=0.03)
            low, high = f.rhlv_interval[third]
            assert low <= f.rhlv[third] <= high
            low, high = f.healthy_interval_mm[third]
            assert low < f.healthy_mm[third] < high
        assert sum(f.probabilities) == pytest.approx(1)
        assert f.columns.real.shape == f.columns.healthy.shape == f.columns.sd.shape
        middle = f.columns.loss[4:8, 2:7].mean()
        assert middle == pytest.approx(f.rhlv["middle"], abs=0.02)
        six = f.six_point_mm
        assert f.ratios["Ha/Hp"] == pytest.approx(six["Ha"] / six["Hp"])
        assert f.voxel_sensitivity["grown"] < 0 < f.voxel_sensitivity["shrunk"]
        assert f.level not in f.references


def test_heights_of_the_neighbours_are_compared_with(graded):
    found = by_level(graded)
    hp = {k: f.six_point_mm["Hp"] for k, f in found.items()}
    assert found["L2"].ratios["Hp/Hp above"] == pytest.approx(hp["L2"] / hp["L1"])
    assert found["L2"].ratios["Hp/Hp below"] == pytest.approx(hp["L2"] / hp["L3"])
    assert "Hp/Hp above" not in found["T11"].ratios


def test_the_losses_at_both_endplates_make_up_the_whole(graded):
    """Of a wedge neither shape tells which endplate sank: both share it."""
    for level in ("L1", "L3"):
        finding = by_level(graded)[level]
        lost = (finding.columns.healthy - finding.columns.real).mean()
        assert sum(finding.endplate_mm.values()) == pytest.approx(lost, abs=0.01)
        assert lost > 2


def test_a_fracture_beside_it_and_what_others_doubt_lower_the_confidence(labels):
    measured = measure_all(labels)
    plain = by_level(examine(measured, labels, shipped_models()))
    assert any("L1" in flag and "also fractured" in flag for flag in plain["T12"].flags)
    assert plain["T12"].confidence == "low"
    told = examine(measured, labels, shipped_models(), flags={"T11": ["metal in it"]})
    assert "metal in it" in by_level(told)["T11"].flags
    assert by_level(told)["T11"].confidence == "low"
    assert by_level(told)["T11"].grade == plain["T11"].grade


def test_the_users_references_are_used_instead_of_ours(labels):
    measured = measure_all(labels)
    mine = examine(measured, labels, shipped_models(), references=("L2", "L3"))
    found = by_level(mine)
    assert mine.references == ("L2", "L3")
    assert found["L1"].references == ("L2", "L3")
    assert found["L2"].references == ("L3",)
    assert any("only 1" in flag for flag in found["L2"].flags)
    none = by_level(examine(measured, labels, shipped_models(), references=()))
    assert all(any("only 0" in flag for flag in f.flags) for f in none.values())
    wide, narrow = (np.ptp(one["L1"].healthy_interval_mm["middle"]) for one in (none, found))
    assert wide > 1.2 * narrow


def test_density_is_told_and_changes_no_grade(labels):
    measured = measure_all(labels)
    found = densities(measured.bodies, phantoms.scan())
    assert all(value == pytest.approx(140, abs=35) for value in found.values())
    without = by_level(examine(measured, labels, shipped_models()))
    thin = by_level(examine(measured, labels, shipped_models(), density=dict.fromkeys(found, 5.0)))
    assert thin["T12"].density_hu == 5.0
    assert without["T12"].density_hu is None
    assert all(thin[k].grade == without[k].grade for k in thin)
    assert all(thin[k].confidence == without[k].confidence for k in thin)


def test_a_voxel_counts_along_the_vertebras_own_axis():
    volume = Volume(np.zeros((2, 2, 2), np.uint8), (0.5, 1.0, 4.0), (0, 0, 0))
    assert voxel_along(volume, np.array([0.0, 0.0, 1.0])) == pytest.approx(4.0)
    assert voxel_along(volume, np.array([1.0, 0.0, 0.0])) == pytest.approx(0.5)


def test_coarse_voxels_widen_the_interval(labels):
    measured = measure_all(labels)
    thick = Volume(labels.voxels, (1.25, 1.25, 6.0), labels.origin)
    fine = by_level(examine(measured, labels, shipped_models()))["L2"]
    coarse = by_level(examine(measured, thick, shipped_models()))["L2"]
    assert np.ptp(coarse.rhlv_interval["middle"]) > 1.15 * np.ptp(fine.rhlv_interval["middle"])
    assert coarse.voxel_sensitivity["shrunk"] > 3 * fine.voxel_sensitivity["shrunk"]
