"""A straightened spine: what was bent is straight, distances hold, and all of it comes back."""

import csv
import json

import numpy as np
import pytest
from scipy.ndimage import center_of_mass, map_coordinates

from tests.wings.spine.bent import MARK, bent, drawn, turn
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_volume
from xgen_studio.wings.spine.science.curve import Curve, fit_curve
from xgen_studio.wings.spine.science.curve_files import write_curve
from xgen_studio.wings.spine.science.frame import frame_of
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.straighten import (
    round_trip_dice,
    round_trip_mm,
    straighten,
    unstraighten,
)

OBLIQUE = turn(14, 0) @ turn(-9, 1) @ turn(6, 2)
CASES = {
    "curved": (bent(), (1.0, 1.0, 1.0), None),
    "scoliotic and turned": (bent(12, 22, 15), (1.0, 1.0, 1.0), None),
    "tilted grid": (bent(15, -12, 8), (1.1, 1.0, 1.3), OBLIQUE),
    "left-handed": (bent(15, -12, 8), (1.2, 1.2, 1.2), turn(5, 0) @ np.diag([1.0, -1.0, -1.0])),
    "4 mm slices": (bent(12, 15, 10), (0.9, 0.9, 4.0), None),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    spine, spacing, direction = CASES[request.param]
    ct, labels = drawn(spine, spacing, direction)
    curve = fit_curve(spine.centres, spine.frames)
    return ct, labels, curve, straighten(ct, curve, half_width=WIDTH)


WIDTH = 42.0  # holds the vertebrae, and keeps the tests short


def near(a, b, mm):
    assert np.linalg.norm(np.asarray(a) - np.asarray(b), axis=-1).max() < mm


def test_places_and_labels_come_back(case):
    ct, labels, curve, _ = case
    assert round_trip_mm(curve, ct) < 0.2
    dice = round_trip_dice(labels, curve, half_width=WIDTH)
    assert set(dice) == {LABELS[name] for name in curve.levels}
    assert min(dice.values()) > 0.975


def test_a_mark_lies_where_its_vertebra_says(case):
    ct, _, curve, straight = case
    assert straight.axis_codes == "LPS" and straight.spacing == (1, 1, 1)
    found = straight.index_to_mm(center_of_mass(straight.voxels > 1300))
    wanted = MARK + [0, 0, curve.level_at("T11")]
    near(found, wanted, 1.2)  # the centres' curve is smoothed, and a vertebra is no plane
    patient = ct.index_to_mm(center_of_mass(ct.voxels > 1300))
    near(curve.to_patient(found), patient, 0.35)


def test_grey_comes_back_on_the_patients_own_grid(case):
    ct, _, curve, straight = case
    back, covered = unstraighten(straight, curve, ct, outside=-1000)
    assert back.shape == ct.shape and back.dtype == ct.voxels.dtype
    assert np.all(back[~covered] == -1000) and covered.mean() > 0.3
    flat = np.abs(ct.voxels - 30) < 9
    assert np.abs(back.astype(float) - ct.voxels)[covered & flat].mean() < 3
    index = straight.mm_to_index(curve.to_straight(ct.index_to_mm(np.argwhere(covered)[::999])))
    exact = map_coordinates(straight.voxels, index.T, order=1, output=float, mode="nearest")
    assert np.abs(back[covered][::999] - exact).max() < 0.1 * np.ptp(ct.voxels)
    assert np.abs(back[covered][::999] - exact).mean() < 1


@pytest.mark.parametrize("spine", [bent(), bent(12, 22, 15)])
def test_distances_along_the_curve_are_the_spines(spine):
    curve = fit_curve(spine.centres, spine.frames)
    arcs = np.array(list(spine.arcs.values()))
    found = np.array([curve.level_at(name) for name in spine.centres])
    assert np.abs((found - found[0]) - (arcs - arcs[0])).max() < 0.6
    assert np.all(np.diff(found) > 0) and found[0] == pytest.approx(0, abs=1.0)
    steps = np.linalg.norm(np.diff(curve.points, axis=0), axis=1)
    assert np.allclose(steps, 1, atol=1e-3)
    for a, b in ((curve.left, curve.back), (curve.back, curve.up), (curve.up, curve.left)):
        assert np.abs((a * b).sum(-1)).max() < 1e-9
    assert np.allclose(np.cross(curve.left, curve.back), curve.up)


def test_backs_follow_the_frames_and_else_the_patient():
    spine = bent(12, 22, 15)
    curve = fit_curve(spine.centres, spine.frames)
    s = np.array([curve.level_at(name) for name in spine.centres])
    backs = np.array([frame.back for frame in spine.frames.values()])
    assert np.degrees(np.arccos((curve.axes_at(s)[1] * backs).sum(-1).clip(-1, 1))).max() < 2.5
    # one frame alone turns the whole spine, none leaves it to the patient
    none = fit_curve(spine.centres)
    _, back, up = none.axes_at(none.level_at("T10"))
    other = frame_of(spine.centres["T10"], up, back + 0.5 * np.cross(back, up))
    one = fit_curve(spine.centres, {"T10": other})
    n = min(len(one.s), len(none.s))
    angle = np.arctan2(
        (one.back[:n] * none.left[:n]).sum(-1), (one.back[:n] * none.back[:n]).sum(-1)
    )
    assert np.degrees(angle) == pytest.approx(26.57, abs=0.5)
    assert np.all(none.back[:, 1] > 0.85)


def test_the_curve_runs_along_the_normals_of_the_endplates():
    centres = {"L2": [0, 0, 0], "L1": [0, 0, 33], "T12": [0, 0, 65]}
    tilted = {"L1": frame_of(centres["L1"], [0, -0.14, 1], [0, 1, 0])}
    plain, along = fit_curve(centres), fit_curve(centres, tilted)
    wanted = tilted["L1"].up
    angle = [np.degrees(np.arccos(c.axes_at(c.level_at("L1"))[2] @ wanted)) for c in (plain, along)]
    assert angle[0] == pytest.approx(8, abs=0.1) and angle[1] < 5
    assert max(along.off.values()) < 1


@pytest.mark.parametrize("name", ["L3", "L1", "T10"])
@pytest.mark.parametrize("framed", [True, False])
def test_one_centre_that_is_off_does_not_move_the_curve(name, framed):
    spine = bent(12, 15, 10)
    frames = spine.frames if framed else None
    moved = dict(spine.centres)
    moved[name] = moved[name] + np.array([11.0, -10.0, 2.0])
    sound, curve = fit_curve(spine.centres, frames), fit_curve(moved, frames)
    between = curve.points[(curve.s > 0) & (curve.s < curve.level_at("T9"))]
    near(between, sound.point_at(sound.to_straight(between)[:, 2]), 2.0)
    assert curve.off[name] > 10 and [n for n in curve.notes if name in n and "left out" in n]
    assert not sound.notes


def test_an_endplate_that_is_off_does_not_cost_its_centre():
    spine = bent(12, 15, 10)
    sound = spine.frames["L1"]
    wedged = frame_of(sound.origin, sound.up - 0.5 * sound.back, sound.back)  # 27 degrees
    curve = fit_curve(spine.centres, spine.frames | {"L1": wedged})
    assert not curve.notes and max(curve.off.values()) < 1
    near(curve.up[60:200], fit_curve(spine.centres, spine.frames).up[60:200], np.sin(0.14))


def test_a_centre_that_is_missing_between_leaves_the_curve_as_it_is():
    spine = bent(12, 15, 10)
    fewer = {name: at for name, at in spine.centres.items() if name not in ("L1", "T11")}
    whole, curve = fit_curve(spine.centres), fit_curve(fewer)
    near(curve.points, whole.point_at(whole.to_straight(curve.points)[:, 2]), 1.5)
    assert "L1" not in curve.levels


def test_beyond_both_ends_the_curve_is_straight():
    curve = fit_curve(bent().centres)
    ends = (curve.s < -2, curve.s > curve.level_at("T9") + 2)
    for end in ends:
        assert end.sum() > 50 and np.abs(np.diff(curve.up[end], axis=0)).max() < 1e-4
    far = [[3.0, -5.0, 900.0], [3.0, -5.0, -700.0]]
    near(curve.to_straight(curve.to_patient(far)), far, 1e-6)


def test_a_lone_vertebra_has_a_straight_line():
    at = [10.0, 20.0, -300.0]
    curve = fit_curve({"L2": at})
    near(curve.to_patient([[3, 4, 5]]), [[13, 24, -295]], 1e-6)
    frame = frame_of(at, [0.1, -0.2, 1], [0.3, 1, 0])
    curve = fit_curve({"L2": at}, {"L2": frame})
    near(curve.to_patient([[3, 4, 5]]), frame.to_patient([[3, 4, 5]]), 1e-6)
    assert curve.level_at("L2") == pytest.approx(0)
    assert fit_curve({"L2": at, "L1": [12, 21, -268]}).level_at("L1") == pytest.approx(32, abs=0.2)


def test_names_in_the_wrong_order_are_told_and_the_curve_is_the_same():
    spine = bent()
    swapped = dict(spine.centres)
    swapped["L2"], swapped["L1"] = swapped["L1"], swapped["L2"]
    curve = fit_curve(swapped)
    near(curve.points, fit_curve(spine.centres).points, 1e-9)
    assert "L1" in curve.notes[0] and "L2" in curve.notes[0] and "order" in curve.notes[0]
    assert curve.level_at("L1") < curve.level_at("L2")


def test_centres_that_make_no_curve_are_refused():
    with pytest.raises(InputError, match="no vertebra"):
        fit_curve({})
    with pytest.raises(InputError, match="one and the same centre"):
        fit_curve({"L1": [0, 0, 5], "L2": [0, 0, 5], "L3": [0, 0, -30]})
    with pytest.raises(InputError, match="not a number"):
        fit_curve({"L1": [0, 0, np.nan], "L2": [0, 0, 5]})
    volume = Volume(np.zeros((9, 9, 9), np.int16), (1, 1, 1), (900, 0, 0))
    with pytest.raises(InputError, match="along this spine"):
        straighten(volume, fit_curve(bent().centres))


def sharp():
    """A spine that turns by 90 degrees with a radius of about 50 mm."""
    angles = np.radians([-45, -15, 15, 45])
    centres = {
        name: [0, -50 * np.cos(a), 50 * np.sin(a)]
        for name, a in zip(("L4", "L3", "L2", "L1"), angles, strict=True)
    }
    return fit_curve(centres)


def test_the_inside_of_a_sharp_bend_is_left_empty_and_told():
    curve = sharp()
    assert 35 < curve.radius < 65
    voxels = np.full((200, 200, 160), 100, np.int16)
    volume = Volume(voxels, (1.5, 1.5, 1.5), (-120, -150, -150))
    straight = straighten(volume, curve, spacing=2, outside=-1)
    assert "radius" in straight.notes[0] and "left empty" in straight.notes[0]
    index = np.argwhere(straight.voxels == -1)
    mm = straight.index_to_mm(index)
    assert np.all(mm[:, 1] > 20) and 0.01 < len(mm) / straight.voxels.size < 0.2  # inside: its back
    mm = straight.index_to_mm(np.argwhere(straight.voxels != -1)[::97])
    unique = curve.unique(mm)
    assert unique.mean() > 0.99  # the border is a lattice's
    near(curve.to_straight(curve.to_patient(mm[unique])), mm[unique], 0.01)
    assert round_trip_mm(curve, volume) < 0.5
    assert round_trip_mm(curve, curve.points + 5.0) < 1e-6


def test_noise_of_a_finer_grid_does_not_alias():
    noise = np.random.default_rng(3).normal(0, 100, (30, 200, 200)).astype(np.float32)
    volume = Volume(noise, (0.3, 0.3, 1.0), (-30, -30, -15))
    straight = straighten(volume, fit_curve({"L2": [0, 0, 0]}), half_width=25)
    inside = straight.voxels[(straight.voxels != noise.min())]
    assert inside.std() < 45  # three by three averaged, and interpolated


def test_labels_take_the_largest_linear_share():
    rng = np.random.default_rng(5)
    voxels = rng.integers(0, 4, (7, 8, 9)).astype(np.uint8) * 7
    volume = Volume(voxels, (2.0, 2.0, 3.0), (-8.3, -7.1, -9.4))
    straight = straighten(volume, fit_curve({"L2": [0, 0, 0]}), 1.0, 6.0, nearest=True)
    index = volume.mm_to_index(straight.index_to_mm(np.argwhere(np.ones(straight.shape))))
    shares = np.stack(
        [map_coordinates((voxels == k).astype(float), index.T, order=1) for k in (0, 7, 14, 21)]
    )
    inside = np.all((index >= 0) & (index <= np.array(voxels.shape) - 1), axis=1)
    sure = inside & (np.diff(np.sort(shares, axis=0)[-2:], axis=0)[0] > 1e-9)
    assert sure.sum() > 2000
    assert np.array_equal(straight.voxels.ravel()[sure], 7 * shares.argmax(axis=0)[sure])


def test_one_vertebra_alone_is_put_back_where_it_was():
    spine = bent(12, 22, 15)
    ct, labels = drawn(spine)
    curve = fit_curve(spine.centres, spine.frames)
    straight = straighten(labels, curve, half_width=WIDTH, nearest=True)
    low = int(straight.mm_to_index([0, 0, curve.level_at("T12") - 25])[0])
    part = Volume(
        straight.voxels[low : low + 50], straight.spacing, straight.index_to_mm([low, 0, 0])
    )
    back, covered = unstraighten(part, curve, ct, nearest=True)
    mine = labels.voxels == LABELS["T12"]
    assert covered[mine].all() and not np.any(back == LABELS["L3"])
    both = np.sum(mine & (back == LABELS["T12"]))
    assert 2 * both / (mine.sum() + np.sum(back == LABELS["T12"])) > 0.98


def test_a_curve_is_kept_and_exported(tmp_path):
    spine = bent(12, 22, 15)
    curve = fit_curve(spine.centres, spine.frames)
    again = Curve.from_json(json.loads(json.dumps(curve.as_json())))
    places = [[5.0, -20.0, 130.0], [30.0, 2.0, 90.0]]
    near(again.to_straight(places), curve.to_straight(places), 1e-3)
    assert again.levels == curve.levels and again.notes == curve.notes
    with pytest.raises(ValueError, match="points and back"):
        Curve.from_json(curve.as_json() | {"back": [[0, 1, 0]]})

    write_curve(tmp_path / "spine.csv", curve)
    rows = list(csv.DictReader((tmp_path / "spine.csv").open()))
    assert len(rows) == len(curve.s)
    row = next(r for r in rows if r["level"] == "T11")
    near([float(row[c]) for c in "xyz"], spine.centres["T11"], 1.5)
    assert float(row["s"]) == pytest.approx(curve.level_at("T11"), abs=0.5)

    write_curve(tmp_path / "spine.mrk.json", curve)
    markup = json.loads((tmp_path / "spine.mrk.json").read_text())["markups"][0]
    assert (markup["type"], markup["coordinateSystem"]) == ("Curve", "LPS")
    points = {p["label"]: p for p in markup["controlPoints"]}
    assert set(spine.centres) < set(points)
    near(points["L2"]["position"], spine.centres["L2"], 1.0)
    assert np.linalg.det(np.reshape(points["L2"]["orientation"], (3, 3))) == pytest.approx(1)
    steps = np.diff([p["position"] for p in markup["controlPoints"]], axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 8
    with pytest.raises(InputError, match="csv"):
        write_curve(tmp_path / "spine.txt", curve)


def test_a_real_spine_comes_back(data):
    folder = data / "spine" / "verse012"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    labels = read_volume(folder / "sub-verse012_seg-vert_msk.nii.gz").to_lps()
    found = json.loads((folder / "sub-verse012_seg-subreg_ctd.json").read_text())[1:]
    names = {label: name for name, label in LABELS.items()}
    centres = {names[c["label"]]: labels.index_to_mm([c["Z"], c["Y"], c["X"]]) for c in found}
    curve = fit_curve(centres)
    assert max(curve.off.values()) < 1 and not curve.notes
    assert round_trip_mm(curve, labels) < 0.1
    assert min(round_trip_dice(labels, curve).values()) > 0.98
