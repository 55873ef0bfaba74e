"""Screening: real hands pass and are labelled right, spoiled ones do not, and it says why."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from xgen_studio.errors import CallError
from xgen_studio.wings.hand.science.calibration import (
    GRID,
    all_right,
    columns,
    rejection,
    render,
    seen,
    varied,
)
from xgen_studio.wings.hand.science.corruption import CORRUPTIONS, mirrored, six_fingers
from xgen_studio.wings.hand.science.gate import (
    GATES,
    MIRROR_GAIN,
    Check,
    Gate,
    load_gate,
    screen_heatmaps,
)
from xgen_studio.wings.hand.science.labelling import Labels
from xgen_studio.wings.hand.science.landmarks import COUNT, read_table
from xgen_studio.wings.hand.science.measures import merged_pairs
from xgen_studio.wings.hand.science.norms import Norms, from_json, in_frame, to_json
from xgen_studio.wings.hand.science.peaks import Peaks, find_peaks
from xgen_studio.wings.hand.science.preparation import read_fold
from xgen_studio.wings.hand.science.warping import turned

REASON = {
    "six fingers": {"EXTRA"},
    "missing finger": {"MISSING"},
    "merged fingers": {"MISSING"},
    "mirrored": {"MIRROR"},
    "stretched bone": {"BONE", "MISSING"},
    "long thumb": {"BONE", "MISSING"},
    "spurious blob": {"EXTRA"},
    "wrist moved": {"WRIST", "RESIDUAL", "SHAPE"},
}


@pytest.fixture(scope="module")
def gate():
    return load_gate("calibrated")


@pytest.fixture(scope="module")
def hands(gate):
    """Hands that nobody has: drawn from the shape model."""
    rng = np.random.default_rng(0)
    return np.stack([gate.norms.shape.sample(rng, most=2.0) for _ in range(60)])


def judged(gate, points):
    return gate.judge([str(i) for i in range(len(points))], [seen(p) for p in points], GRID)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("levels", [255, 65535])
def test_a_peak_is_found_to_a_tenth_of_a_pixel(sigma, levels):
    grid = np.stack(np.meshgrid([20, 50, 80, 110], [30, 60, 100]), -1).reshape(-1, 2)
    points = grid + np.random.default_rng(1).uniform(-5, 5, (12, 2))
    found = find_peaks(np.rint(render(points, (128, 128), sigma) * levels) / levels, 60)
    assert len(found) == 12
    off = np.hypot(*(found.places[:, None] - points[None]).transpose(2, 0, 1)).min(0)
    assert off.max() < 0.1 and (found.heights > 0.85).all()


@pytest.mark.parametrize("turn", [0.0, 70.0, 180.0])
def test_two_blobs_that_ran_into_each_other_are_told_apart(gate, hands, turn):
    """A network draws their sum, smoothly: one peak, from which both landmarks get their place."""
    whole = in_frame(turned(hands[3], turn), GRID)
    apart = whole[3] - whole[2]
    whole[3] = whole[2] + 3.4 * apart / np.hypot(*apart)
    heat = render(whole, GRID, 2.0)
    one, other = (render(whole[[k]], GRID, 2.0) for k in (2, 3))
    near = np.maximum(one, other) > 0.02
    heat[near] = ndimage.gaussian_filter(one + other, 0.8)[near]
    peaks = find_peaks(heat / heat.max(), 60)
    assert len(peaks) == COUNT - 1
    found = gate.judge(["x"], [peaks], GRID)[0] if turn == 0 else None
    labels = (
        found.labels.peaks
        if found
        else np.hypot(*(peaks.places - whole[:, None]).transpose(2, 0, 1)).argmin(1)
    )
    made = gate.decide("x", peaks, Labels(labels, -1.0))
    assert merged_pairs(made.labels) == [(2, 3)]
    off = np.hypot(*(made.landmarks - whole).T)
    assert off[2:4].max() < 0.6 and off.max() < 0.6
    single = np.hypot(*(peaks.places[labels[2]] - whole[[2, 3]]).T)
    assert single.mean() > 1.4  # what the peak alone would say
    flipped = peaks.mirrored(GRID[1])
    np.testing.assert_allclose(flipped.mirrored(GRID[1]).halves, peaks.halves)


def test_equal_neighbours_are_one_peak():
    heat = np.zeros((32, 32))
    heat[10, 10:12] = 1.0
    found = find_peaks(heat, 60)
    assert len(found) == 1
    assert np.abs(found.places[0] - (11, 10.5)).max() < 0.6


@pytest.mark.parametrize("turn", [0, 20, -20])
def test_sound_hands_pass_and_are_labelled_right_however_they_lie(gate, hands, turn):
    angle = np.deg2rad(turn)
    c, s = np.cos(angle), np.sin(angle)
    points = [in_frame(hand @ np.array([[c, s], [-s, c]]), GRID) for hand in hands]
    found = judged(gate, points)
    assert np.mean([s.accepted for s in found]) >= 0.97
    assert np.mean([all_right(s, p) for s, p in zip(found, points, strict=True)]) >= 0.97


@pytest.mark.parametrize("grid", [(256, 192), (512, 512), (300, 260)])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_the_size_of_the_heatmap_does_not_matter(gate, hands, grid, sigma):
    heatmaps = [render(in_frame(hand, grid), grid, sigma) for hand in hands[:15]]
    found = screen_heatmaps(gate, [str(i) for i in range(15)], heatmaps)
    assert sum(s.accepted for s in found) >= 14


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_spoiled_hand_is_refused_for_what_is_wrong_with_it(gate, hands, name):
    found = rejection(gate, hands, CORRUPTIONS[name])
    assert sum(not s.accepted for s in found) >= 0.98 * len(found)
    named = [bool(REASON[name] & set(s.reasons)) for s in found if not s.accepted]
    assert np.mean(named) > 0.95
    assert all(len(s.details) == len(s.reasons) and all(s.details) for s in found)


def test_a_sixth_finger_is_pointed_at(gate, hands):
    rng = np.random.default_rng(3)
    points = in_frame(hands[0], GRID)
    spoiled = six_fingers(points, rng)
    [found] = judged(gate, [spoiled])
    assert found.metrics["extra"] == 4
    x, y = np.rint(spoiled[-1])
    assert any(
        f"({x + a:.0f}, {y + b:.0f}) px" in found.details[0] for a in (-1, 0, 1) for b in (-1, 0, 1)
    )


def test_a_mirrored_hand_is_offered_to_be_flipped(gate, hands):
    points = in_frame(mirrored(hands[0], np.random.default_rng(0)), GRID)
    [found] = judged(gate, [points])
    assert found.reasons[0] == "MIRROR" and "flip" in found.details[0]


@pytest.mark.parametrize(("by", "said"), [(MIRROR_GAIN - 0.05, False), (MIRROR_GAIN + 0.05, True)])
def test_a_mirror_image_must_explain_a_hand_far_better(gate, hands, monkeypatch, by, said):
    """Both ways round it fails, the other way for fewer reasons: how much better decides."""
    hand = in_frame(hands[0], GRID)
    peaks = seen(np.concatenate([np.delete(hand, [33, 34], axis=0), [[5.0, 5.0]]]))
    own = gate.decide("x", peaks, gate.label([peaks], GRID)[0])
    assert len(own.reasons) > 1
    other = replace(own.labels, edge_energy=own.labels.edge_energy + by)
    monkeypatch.setattr(Gate, "label", lambda *_: [other])
    fewer = replace(own, reasons=own.reasons[:1])
    monkeypatch.setattr(Gate, "decide", lambda *_: fewer)
    (found,) = gate._with_mirrored([own], GRID)
    assert (found.reasons[0] == "MIRROR") is said


def test_the_rate_of_real_hands_counts_those_that_set_no_limit(gate):
    """583 of 597 real hands pass limits that others set, 587 those that they set themselves."""
    assert gate.real_rate() == (583, 597)
    limits = {"SHAPE": gate.limits["SHAPE"] * 1.0001}
    assert gate.with_limits(limits).real_rate() == (587, 597)


def test_an_absent_landmark_is_where_the_others_let_it_be_expected(gate, hands):
    points = in_frame(hands[1], GRID)
    [found] = judged(gate, [np.delete(points, 10, axis=0)])
    assert found.labels.peaks[10] == -1 and found.metrics["missing"] == 1
    assert np.hypot(*(found.landmarks[10] - points[10])) < 6


def test_the_closest_landmarks_may_share_a_peak(gate, hands):
    points = in_frame(hands[2], GRID)
    points[3] = points[2] + (0.4, 0.2)
    [found] = judged(gate, [points])
    assert found.labels.peaks[2] == found.labels.peaks[3]
    assert not {"DUP", "MISSING"} & set(found.reasons)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 60])
@pytest.mark.parametrize("name", GATES)
def test_no_cloud_of_peaks_is_too_odd_to_be_judged(name, count):
    rng = np.random.default_rng(count)
    peaks = Peaks(rng.uniform(0, 256, (count, 2)), np.sort(rng.uniform(0.2, 1, count))[::-1])
    [found] = load_gate(name).judge(["odd"], [peaks], GRID)
    assert not found.accepted and found.landmarks.shape == (COUNT, 2)


def test_all_peaks_in_one_place_are_refused(gate):
    found = gate.judge(["x"], [Peaks(np.full((40, 2), 99.0), np.ones(40))], GRID)
    assert not found[0].accepted


def test_a_hand_is_judged_alike_alone_and_among_others(gate, hands):
    points = [varied(hand, np.random.default_rng(i)) for i, hand in enumerate(hands)]
    together = judged(gate, points)
    for i in (0, 13, 55):
        [alone] = judged(gate, points[i : i + 1])
        np.testing.assert_array_equal(alone.labels.peaks, together[i].labels.peaks)
        assert alone.reasons == together[i].reasons


def test_decisions_follow_from_the_metrics_alone(gate, hands):
    found = rejection(gate, hands, CORRUPTIONS["wrist moved"]) + judged(
        gate, [in_frame(hand, GRID) for hand in hands]
    )
    metrics = columns(found)
    plain = [not (set(s.reasons) - {"MIRROR"}) for s in found]
    np.testing.assert_array_equal(gate.passed(metrics), plain)
    np.testing.assert_array_equal(gate.excess(metrics).max(0) <= 0, plain)
    generous = gate.with_limits({"WRIST": 1e9, "RESIDUAL": 1e9, "SHAPE": 1e9})
    assert generous.passed(metrics).sum() > gate.passed(metrics).sum()
    assert generous.real_rate()[0] >= gate.real_rate()[0]


def test_excess_counts_in_shares_of_the_limit():
    high, low = Check("A", "a", 16.0), Check("B", "b", 20.0, at_least=True)
    np.testing.assert_allclose(high.excess(np.array([16.0, 24.0, -24.0])), [0, 0.5, 0.5])
    np.testing.assert_allclose(low.excess(np.array([20.0, 10.0])), [0, 0.5])
    assert np.isinf(high.excess(float("nan")))


def test_an_unknown_gate_is_named():
    with pytest.raises(CallError, match="calibrated, paper"):
        load_gate("kind")


def test_norms_survive_their_file(gate, hands):
    norms = Norms.of(hands)
    again = from_json(to_json(norms))
    assert again.edges == norms.edges
    np.testing.assert_allclose(again.shape.mean, norms.shape.mean, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(again.precision, norms.precision, rtol=1e-4, atol=1e-6)


def test_nothing_of_a_single_hand_is_kept(gate, data):
    """The shipped statistics hold no hand of the table."""
    table = np.stack(list(read_table(data / "hand" / "landmarks_all.csv").values()))
    aligned = [gate.norms.shape.aligned(hand) for hand in table]
    apart = np.abs(np.stack(aligned) - gate.norms.shape.mean).max((1, 2))
    assert apart.min() > 2


# -- on real hands that nothing was fitted on: fold 1's test images ------------------------------


@pytest.fixture(scope="module")
def unseen(data):
    table = read_table(data / "hand" / "landmarks_images.csv")
    test = read_fold(data / "hand" / "fold1_test_ids.txt")
    return [points for id, points in sorted(table.items()) if id in test]


def test_real_hands_pass_the_calibrated_gate(gate, unseen):
    rng = np.random.default_rng(0)
    points = [varied(hand, rng) for hand in unseen for _ in range(6)]
    found = judged(gate, points)
    assert np.mean([s.accepted for s in found]) >= 0.97
    assert np.mean([all_right(s, p) for s, p in zip(found, points, strict=True)]) >= 0.97


def test_the_published_gate_refuses_half_of_real_hands(unseen):
    found = judged(load_gate("paper"), [in_frame(hand, GRID) for hand in unseen])
    assert 0.1 < np.mean([s.accepted for s in found]) < 0.9
    passed, n = load_gate("paper").real_rate()
    assert 0.38 < passed / n < 0.55  # hand_facts, section 0: 43 %
    literal = load_gate("paper-sum").real_rate()
    assert literal[0] / literal[1] < 0.08  # 3 %
    rows = load_gate("paper-rows").real_rate()
    assert 0.6 < rows[0] / rows[1] < 0.78  # 69 %
