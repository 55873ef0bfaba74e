"""Runs of hands are never mixed, an interrupted one can be finished, corrections stay."""

import json

import numpy as np
import pytest

from tests.studio.driving import FakeEngine
from tests.tasks.calls import told
from tests.tasks.test_keeping import call, state
from tests.wings.hand.hands import sound_hands
from xgen_studio.document.work import Arrays
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import read_image, write_png8
from xgen_studio.wings.hand.science.reading import read_annotations
from xgen_studio.wings.hand.science.writing import EXACT, write_table
from xgen_studio.wings.hand.tasks.asks import DrawHands
from xgen_studio.wings.hand.tasks.review import Review
from xgen_studio.wings.hand.tasks.runs import finishing, hands_lacking
from xgen_studio.wings.hand.tasks.screening import FILE, read_screening


def hands(out, count=2, *more):
    call(
        "generate", "tiny-joint", "-n", count, "--seed", 4, "--gate", "calibrated", "-o", out, *more
    )


def test_generate_and_judge_is_one_command_and_a_run_is_not_mixed(hand_bundles, tmp_path):
    out = tmp_path / "run"
    hands(out)
    gate, found = read_screening(out / FILE)
    assert gate == "calibrated" and [s.id for s in found] == ["000", "001"]
    before = state(out)
    with pytest.raises(CallError, match=r"--append.*--overwrite"):
        hands(out)
    with pytest.raises(CallError, match=r"another seed.*xgen finish"):
        call("generate", "tiny-joint", "-n", 4, "--seed", 9, "-o", out, "--append")
    assert state(out) == before
    hands(out, 3, "--append")
    after = state(out)
    assert {k: after[k] for k in before if k.endswith(".png")} == {
        k: v for k, v in before.items() if k.endswith(".png")
    }
    assert len(read_screening(out / FILE)[1]) == 3


@pytest.mark.parametrize("where", ["terminal", "window"])
def test_an_interrupted_run_is_finished_from_either(
    hand_bundles, tmp_path, where, window, monkeypatch
):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    hands(whole, 3)
    hands(cut, 3)
    for name in ("001.png", "002.png", "002_heatmap.png", FILE):  # as kill -9 leaves it
        (cut / name).unlink()
    assert hands_lacking(cut) == 2 and hands_lacking(whole) == 0
    if where == "terminal":
        call("finish", cut)
    else:
        window.show_workspace("hand")
        panel, engine = window.workspaces["hand"].review.run, FakeEngine()
        monkeypatch.setattr(panel.queue, "engine", engine)
        panel.open_folder(cut)
        [judging] = engine.asked
        assert panel.rest.isVisible() and "2 hands more" in panel.rest.text()
        told(judging)
        engine.end()
        panel.rest.click()
        ask = engine.asked[-1]
        assert isinstance(ask, DrawHands) and ask.have == {0}
        told(ask)
    for one in sorted(whole.glob("*.png")):
        assert (cut / one.name).exists(), one.name
        np.testing.assert_array_equal(read_image(cut / one.name).pixels, read_image(one).pixels)
    assert len(read_screening(cut / FILE)[1]) == 3
    with pytest.raises(InputError, match=r"run\.json"):
        finishing(tmp_path)


def test_a_run_told_landmarks_needs_no_file_outside_it_and_names_none(hand_bundles, tmp_path):
    table = tmp_path / "DOE_JANE" / "DOE_JANE.csv"
    write_table(table, {f"DOE{i}": hand for i, hand in enumerate(sound_hands(2))}, EXACT)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for out in (whole, cut):
        hands(out, 3, "--landmarks", table)
    (cut / "002.png").unlink()
    (cut / "001.png").unlink()
    other = tmp_path / "other.csv"
    write_table(other, {"a": sound_hands(3)[2]})
    with pytest.raises(CallError, match="another set of landmarks"):
        hands(cut, 4, "--landmarks", other, "--append")
    hands(cut, 3, "--landmarks", table, "--append")
    (cut / "001.png").unlink()
    table.unlink()
    call("finish", cut)
    for one in sorted(whole.glob("*.png")):
        np.testing.assert_array_equal(read_image(cut / one.name).pixels, read_image(one).pixels)
    assert not [f for f in state(whole).values() if b"DOE" in f or bytes(tmp_path) in f]


def test_corrected_landmarks_stay(hand_bundles, tmp_path):
    write_png8(tmp_path / "a.png", np.random.default_rng(0).random((256, 192)))
    write_png8(tmp_path / "b.png", np.random.default_rng(1).random((256, 192)))
    table = tmp_path / "table.csv"
    corrected = sound_hands(1)[0]
    write_table(table, {"a": corrected})
    before = table.read_bytes()
    for more, said in (([], "--overwrite"), (["--append"], "landmarks of a already")):
        with pytest.raises(CallError, match=said):
            call("localize", "tiny-localiser", tmp_path / "a.png", "-o", table, *more)
    assert table.read_bytes() == before
    call("localize", "tiny-localiser", tmp_path / "b.png", "-o", table, "--append")
    found = read_annotations(table)
    assert set(found) == {"a", "b"}
    np.testing.assert_allclose(found["a"].points, corrected, atol=0.01)


def test_a_judged_folder_is_not_judged_over(pairs):
    folder, _ = pairs
    call("screen", folder, "-o", folder)
    judged = json.loads((folder / FILE).read_text())
    with pytest.raises(CallError, match="--overwrite"):
        call("screen", folder, "-o", folder, "--gate", "paper")
    assert json.loads((folder / FILE).read_text()) == judged
    call("screen", folder, "-o", folder, "--gate", "paper", "--overwrite")
    assert read_screening(folder / FILE)[0] == "paper"


def test_a_run_is_never_made_smaller_or_judged_by_another_gate(hand_bundles, tmp_path):
    out = tmp_path / "run"
    hands(out, 3)
    before = state(out)
    for more in (["--append"], ["--overwrite"]):
        with pytest.raises(CallError, match=r"ask for -n 3 or more"):
            hands(out, 2, *more)
    with pytest.raises(CallError, match="another gate"):
        said = ["generate", "tiny-joint", "-n", 4, "--seed", 4, "--gate", "paper", "-o", out]
        call(*said, "--append")
    assert state(out) == before
    call("generate", "tiny-joint", "-n", 4, "--seed", 4, "-o", out, "--append")  # as it was
    assert read_screening(out / FILE)[0] == "calibrated"
    assert len(read_screening(out / FILE)[1]) == 4


def test_decisions_stay_when_a_run_is_finished(hand_bundles, tmp_path, window, monkeypatch):
    out = tmp_path / "run"
    hands(out, 3)
    review = Review.open(out)
    review.mark(["000", "001"], True)
    review.save()
    (out / "001.png").unlink()
    page = window.show_workspace("hand").review
    engine = FakeEngine()
    monkeypatch.setattr(page.queue, "engine", engine)
    page.run.open_folder(out)
    page.run.rest.click()
    ask = engine.asked[-1]
    for hand in told(ask):
        engine.tell(hand)
    assert [page.review.state(i, False) for i in range(3)] == [
        "accepted by hand",
        "rejected",  # another file now, which nobody has seen
        "rejected",
    ]
    page.review.mark(["002"], True)
    page.save()
    assert set(json.loads((out / "review.json").read_text())["marks"]) == {"000", "002"}


def test_what_was_said_of_hands_that_are_not_here_waits_for_them(pairs):
    folder, _ = pairs
    call("screen", folder, "-o", folder)
    review = Review.open(folder)
    review.mark(["000", "003"], False)
    review.save()
    begun = Review.begin(folder, review.gate)
    assert begun.as_table()["marks"] == review.as_table()["marks"]  # none is here, none is lost
    begun.add(review.judged(3))
    assert begun.ids == ["003"] and begun.state(0, True) == "rejected by hand"
    assert begun.as_table() == review.as_table()
    again = Review.restore(review.card(), Arrays({}, {}.get, "here"))
    assert again.as_table() == review.as_table()
