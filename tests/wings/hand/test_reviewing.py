"""Screened hands are reviewed by people, and exported as they decided."""

import json

import numpy as np
import pytest
from PIL import Image as Picture

from tests.wings.hand.hands import GRID, screened
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import read_image, write_png8, write_png16
from xgen_studio.wings.hand.science.annotation import State
from xgen_studio.wings.hand.science.calibration import render
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import COUNT
from xgen_studio.wings.hand.science.reading import read_annotations, read_landmarks
from xgen_studio.wings.hand.tasks.compare_runs import compared
from xgen_studio.wings.hand.tasks.export import export_hands
from xgen_studio.wings.hand.tasks.review import Review
from xgen_studio.wings.hand.tasks.screening import FILE, read_screening

# -- review ---------------------------------------------------------------------------------------


@pytest.fixture
def review(pairs):
    screened(pairs[0])
    return Review.open(pairs[0])


def test_people_overrule_the_gate_and_can_take_it_back(review):
    assert review.accepted().tolist() == [True] * 4 + [False] * 2
    review.mark(["004"], True)
    review.mark(["000", "001"], False)
    assert review.accepted().tolist() == [False, False, True, True, True, False]
    passed = review.by_gate()
    states = [review.state(i, bool(passed[i])) for i in (0, 2, 4, 5)]
    assert states == ["rejected by hand", "accepted", "accepted by hand", "rejected"]
    review.save()
    again = Review.open(review.folder)
    assert again.accepted().tolist() == review.accepted().tolist()
    assert review.history.undo() and review.history.undo() and not review.history.undo()
    assert review.accepted().tolist() == [True] * 4 + [False] * 2
    assert review.history.redo() and review.accepted()[4]


def test_a_moved_label_is_judged_anew(review):
    before = review.shown["000"].metrics["wrist"]
    peaks = review.shown["000"].labels.peaks
    review.move("000", 20, int(peaks[24]))  # thumb tip and index tip change places
    moved = review.shown["000"]
    assert moved.labels.peaks[20] == peaks[24] and moved.labels.peaks[24] == peaks[20]
    assert "BONE" in moved.reasons and not review.by_gate()[0] and review.edited("000")
    assert moved.metrics["wrist"] == pytest.approx(before, abs=4)
    review.history.undo()
    assert review.by_gate()[0] and not review.edited("000")


def test_limits_decide_at_once_and_tell_of_real_hands(review):
    strict = review.gate.real_rate()[0]
    review.set_limits({"EXTRA": 1})
    assert review.by_gate().sum() == 5
    assert review.gate.real_rate()[0] >= strict
    review.set_limits({"WRIST": 0.1})
    assert review.by_gate().sum() == 0 and review.gate.real_rate()[0] == 0
    assert review.facets()["WRIST"] == 6


def test_hands_are_sorted_and_filtered(review):
    assert review.order("nearest to passing")[:2] == [4, 5]
    assert review.order("name", falling=True)[0] == 5
    assert review.matches("extra > 0").tolist() == [False] * 4 + [True, False]
    assert review.matches("extra = 0 & missing >= 3").tolist() == [False] * 5 + [True]
    assert review.matches("003").sum() == 1
    assert review.matches("extra peaks > 0").tolist() == review.matches("extra > 0").tolist()
    for word in ("Missing", "MISSING"):
        assert review.matches(word).tolist() == [False] * 5 + [True]
    with pytest.raises(InputError, match="'cat' is no metric"):
        review.matches("cat > 3")
    assert review.matches("edges > -9").all() and review.matches("wrist > .5").all()
    with pytest.raises(InputError, match="not understood"):
        review.matches("wrist > much")
    assert review.failures()[33:].min() == pytest.approx(0.5)  # one of the two rejected
    signed = np.array([-7.0, 3, 7, 0, 0, 0])
    review.metrics["bone"] = signed
    assert review.matches("worst bone > 6").tolist() == (np.abs(signed) > 6).tolist()
    assert compared(review, review)["one"]["medians"]["bone"] == 1.5  # of the sizes


def test_what_is_taken_back_is_said(review):
    assert review.history.undo() == ""
    review.mark(["000", "001"], False)
    review.mark(["002"], False)
    review.mark(["003"], None)  # it says nothing new: no step
    review.mark(["002"], False)  # nor does this
    assert review.history.undo() == "decision about hand 002"
    assert review.history.undo() == "decision about 2 hands"
    assert review.history.redo() == "decision about 2 hands"


def test_ties_of_the_nearest_go_to_the_one_that_fails_less(review):
    for metric in review.metrics:
        review.metrics[metric] = np.zeros(6)
    review.metrics["inliers"] = np.full(6, 37.0)
    review.metrics["faintest"] = np.ones(6)
    review.metrics["missing"] = np.array([0, 1, 1, 1, 2, 0.0])
    review.metrics["extra"] = np.array([0, 1, 0, 1, 0, 0.0])
    assert review.order("nearest to passing")[:4] == [2, 1, 3, 4]


def test_limits_of_one_gate_are_not_those_of_another(review, pairs):
    review.set_limits({"WRIST": 99.0})
    review.save()
    screened(pairs[0], "paper")
    assert Review.open(pairs[0]).gate.limits == {"DUP": 0, "WRIST": 16.0}


def test_a_hand_that_was_cut_off_is_left_out(pairs, tmp_path):
    (pairs[0] / "005.png").unlink()
    (pairs[0] / ".abc.000.png").write_bytes(b"half")
    assert "4 of 5 accepted" in screened(pairs[0], "calibrated", tmp_path / "out")


def test_a_radiograph_of_another_size_than_its_heatmap_is_named(pairs, tmp_path):
    write_png8(pairs[0] / "003.png", np.zeros((64, 64)))
    with pytest.raises(InputError, match=r"003\.png: has 64 x 64 px, its heatmap 192 x 256"):
        screened(pairs[0], "calibrated", tmp_path / "out")


def test_two_runs_are_compared(review, pairs, tmp_path):
    screened(pairs[0], "paper", tmp_path / "paper")
    table = compared(review, Review.open(tmp_path / "paper"))
    assert table["one"]["accepted"] == 4 and table["other"]["gate"] == "paper"
    assert sum(table["same_ids"].values()) == 6
    assert table["one"]["limits_moved"] == {}
    review.set_limits({"EXTRA": 1})
    moved = compared(review, Review.open(pairs[0]))["one"]["limits_moved"]
    assert moved == {"EXTRA": 1}


def test_a_heatmap_that_was_replaced_is_not_the_one_that_was_judged(review, pairs):
    review.mark(["000", "001"], False)
    review.save()
    heatmap = pairs[0] / "000_heatmap.png"
    heatmap.write_bytes((pairs[0] / "002_heatmap.png").read_bytes())
    with pytest.raises(InputError, match=r"000_heatmap\.png: is not the heatmap that was judged"):
        Review.open(pairs[0])
    screened(pairs[0])
    again = Review.open(pairs[0])
    assert again.mark_of("000") is None and again.mark_of("001") is not None


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": []},
        {"metrics": {"wrist": 1.0}},
        {"labels": [0, 1]},
        {"labels": [999] * COUNT},
        {"id": "../000"},
    ],
)
def test_a_damaged_screening_gets_one_line(pairs, change):
    screened(pairs[0])
    table = json.loads((pairs[0] / FILE).read_text())
    table["samples"][0] |= change
    (pairs[0] / FILE).write_text(json.dumps(table))
    with pytest.raises(InputError, match="make it again with xgen screen"):
        read_screening(pairs[0] / FILE)


def test_a_heatmap_in_colour_is_refused(pairs):
    grey = read_image(pairs[0] / "000_heatmap.png").pixels
    colours = np.stack([grey, grey.max() - grey, grey], 2).astype(np.uint8)
    Picture.fromarray(colours).save(pairs[0] / "000_heatmap.png")
    with pytest.raises(InputError, match="is in colour"):
        screened(pairs[0])


def test_a_frozen_review_hears_nothing_more(review):
    frozen = review.frozen()
    review.mark(["000"], False)
    review.set_limits({"EXTRA": 5.0})
    assert frozen.mark_of("000") is None and frozen.accepted()[0]
    assert not frozen.accepted()[4] and review.accepted()[4]


def test_a_user_without_a_name_can_decide(review, monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 54321")

    monkeypatch.setattr("getpass.getuser", nobody)
    review.mark(["000"], False)
    assert review.mark_of("000").by == "unknown"


# -- export ---------------------------------------------------------------------------------------


def test_landmarks_whose_blobs_ran_together_are_two_and_said_to_be(pairs, tmp_path):
    folder, hands = pairs
    hand = hands[1].copy()
    hand[3] = hand[2] + 3.2 * (hand[3] - hand[2]) / np.hypot(*(hand[3] - hand[2]))
    both = sum(render(hand[[k]], GRID, 2.0) for k in (2, 3))
    heat = np.maximum(render(np.delete(hand, [2, 3], 0), GRID, 2.0), both / both.max())
    write_png16(folder / "001_heatmap.png", heat, {"synthetic": True})
    screened(folder)
    _, found = read_screening(folder / FILE)
    again = load_gate().decide("001", found[1].peaks, found[1].labels)  # as after a dragged label
    np.testing.assert_allclose(again.landmarks, found[1].landmarks, atol=0.01)
    assert [len(hand.spare) for hand in found] == [0, 0, 0, 0, 1, 0]
    export_hands(Review.open(folder), tmp_path / "set")
    points = read_landmarks(tmp_path / "set" / "landmarks.csv")["001"] + 0.5
    assert np.hypot(*(points - hand)[2:4].T).max() < 0.6
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert [h["landmarks_merged"] for h in manifest["hands"][:3]] == [[], [[2, 3]], []]
    assert (
        "In 1 of the accepted hands the blobs of two"
        in (tmp_path / "set" / "report.html").read_text()
    )


def test_an_exported_set_says_the_same_in_every_file(review, pairs, tmp_path):
    review.mark(["004"], True)
    done = export_hands(review, tmp_path / "set")
    assert (done.hands, done.complete) == (5, 5) and "lack" not in done.in_words()
    table = read_landmarks(tmp_path / "set" / "landmarks.csv")
    coco = read_landmarks(tmp_path / "set" / "annotations.json")
    arrays = np.load(tmp_path / "set" / "hands.npz")
    assert list(table) == ["000", "001", "002", "003", "004"]
    for i, id in enumerate(table):
        np.testing.assert_allclose(table[id], coco[id], atol=0.011)
        np.testing.assert_allclose(table[id] + 0.5, arrays["points"][i], atol=0.011)
        np.testing.assert_allclose(table[id] + 0.5, pairs[1][i][:COUNT], atol=1.5)
        assert (tmp_path / "set" / "images" / f"{id}.png").exists()
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["synthetic"] and manifest["total"] == 5
    assert manifest["hands"][4]["decision"] == "accepted by hand"
    report = (tmp_path / "set" / "report.html").read_text()
    assert "not for diagnosis" in report and "5 of 6 accepted" in report
    assert "The calibrated gate accepts 4; people decided about 1." in report
    assert "004 accepted by hand; 1 peak(s) belong to no landmark" in report
    with pytest.raises(InputError, match="not an empty folder"):
        export_hands(review, tmp_path / "set")


def test_an_export_that_cannot_be_written_gets_one_line(review, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not an empty folder"):
        export_hands(review, tmp_path / "file")
    with pytest.raises(InputError, match="file"):
        export_hands(review, tmp_path / "file" / "set")
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    assert export_hands(review, tmp_path / "link").hands == 4
    assert (tmp_path / "there" / "landmarks.csv").exists()
    (tmp_path / "dangling").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CallError, match="dangling: is a link"):
        export_hands(review, tmp_path / "dangling")
    review.ids[0] = "../../evil"
    with pytest.raises(InputError, match="no name for files"):
        export_hands(review, tmp_path / "evil", "all")
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / "evil").exists()


def test_pictures_of_two_sizes_make_no_arrays(review, tmp_path):
    write_png8(review.folder / "001.png", np.zeros((40, 30)))
    done = export_hands(review, tmp_path / "set")
    assert not done.arrays and "there is no hands.npz" in done.in_words()
    assert not (tmp_path / "set" / "hands.npz").exists()
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["with_all_landmarks"] == 4 and "npz" not in manifest["landmarks"]


def test_rejected_hands_are_exported_with_their_reasons(review, tmp_path):
    done = export_hands(review, tmp_path / "set", "rejected")
    assert (done.hands, done.complete) == (2, 1)
    assert "2 hand(s)" in done.in_words() and "1 lack a landmark" in done.in_words()
    coco = read_annotations(tmp_path / "set" / "annotations.json")
    assert list(coco) == ["004", "005"] and coco["005"].states[33:] == (State.ABSENT,) * 4
    assert np.load(tmp_path / "set" / "hands.npz")["id"].tolist() == ["004"]
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["hands"][0]["reasons"] == ["EXTRA"]
    assert manifest["hands"][1]["landmarks_absent"] == [33, 34, 35, 36]
    assert list(read_landmarks(tmp_path / "set" / "landmarks.csv")) == ["004"]
    with pytest.raises(InputError, match="no hand is accepted by hand"):
        export_hands(review, tmp_path / "other", "accepted by hand")
