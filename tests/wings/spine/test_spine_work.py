"""A spine on the desk: names that follow, grades that are overruled, one undo, its file."""

import numpy as np
import pytest

from tests.wings.spine.masks import spine, volume
from xgen_studio.document.files import load_document, save_document
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.findings import Grade
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.overruling import Overruled, overruled
from xgen_studio.wings.spine.science.renaming import neighbour, renamed
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

from .examples import finding

LEVELS = ("T11", "T12", "L1", "L2")
LABELLED = tuple(LABELS[name] for name in LEVELS)


def masked():
    """A work with T11-L2 over an empty grid of 2 mm, opened as one step."""
    voxels, middles = spine(LABELLED)
    grid = volume(np.zeros(voxels.shape, np.uint8))
    work = SpineWork(grid)
    centres = {
        name: tuple(float(v) for v in middle + grid.origin)
        for name, middle in zip(LEVELS, middles, strict=True)
    }
    doubts = {"L1": ("its rim is cut",), "": ("thick slices",)}
    work.take_mask(voxels.astype(np.uint8), centres, doubts, "mask.nii (VerSe)", "Open mask")
    return work


def test_names_are_counted_both_ways_from_the_one_that_is_said():
    assert renamed(("T11", "T12", "L1"), "L1", "L2") == {"T11": "T12", "T12": "L1", "L1": "L2"}
    assert renamed(("T12", "L1", "L2"), "L1", "T13") == {"L1": "T13", "L2": "L1"}
    assert renamed(("L3", "L4", "L5", "S1"), "S1", "L6") == {"S1": "L6"}
    assert renamed(("T12", "L4", "L5"), "L5", "L6") == {"T12": "L4", "L4": "L5", "L5": "L6"}
    assert renamed(("T12", "T13", "L1"), "T13", "L1") == {"T13": "L1", "L1": "L2"}
    assert renamed(("T12", "L1"), "L1", "L1") == {}


def test_names_that_leave_the_spine_are_refused_in_a_sentence():
    with pytest.raises(InputError, match="more vertebrae than the spine has"):
        renamed(("L5", "S1"), "L5", "S1")
    with pytest.raises(InputError, match="no name above C1"):
        neighbour("C1", -1)
    assert neighbour("L1", -1) == "T12" and neighbour("L5", 1) == "S1"


def test_a_mask_is_one_step_and_what_was_said_before_is_forgotten():
    work = masked()
    assert work.present == LEVELS and work.history.names == ["Open mask"]
    work.overrule("L1", 2, "seen on MR")
    work.take_mask(np.zeros_like(work.mask), {}, {}, "proposed", "Propose the bodies")
    assert work.present == () and not work.reading.overruled and not work.centres
    work.history.undo()
    assert work.present == LEVELS and work.reading.of("L1").grade == 2
    assert work.reading.mask_source == "mask.nii (VerSe)" and len(work.centres) == 4
    work.history.undo()
    work.history.undo()
    assert work.present == () and work.reading.mask_source == ""


def test_a_mask_that_does_not_fit_changes_nothing():
    work = masked()
    with pytest.raises(InputError, match="do not fit"):
        work.take_mask(work.mask[1:], {}, {}, "", "x")
    with pytest.raises(InputError, match="no vertebrae"):
        work.take_mask(np.full_like(work.mask, 200), {}, {}, "", "x")
    assert work.present == LEVELS and len(work.history) == 1


def test_grades_doubts_and_references_follow_a_new_name_as_one_step():
    work = masked()
    work.overrule("L1", 3, "seen on MR")
    work.choose(("T11", "L2"))
    before, steps = work.mask.copy(), len(work.history)
    work.name_as("L1", "L2")
    assert work.present == ("T12", "L1", "L2", "L3") and len(work.history) == steps + 1
    assert work.reading.of("L2").grade == 3 and work.reading.of("L1") is None
    assert work.reading.references == ("T12", "L3")
    assert work.reading.doubts == {"L2": ("its rim is cut",), "": ("thick slices",)}
    assert set(work.centres) == {LABELS[n] for n in ("T12", "L1", "L2", "L3")}
    work.history.undo()
    assert np.array_equal(work.mask, before) and work.reading.of("L1").grade == 3
    assert work.reading.references == ("T11", "L2")


def test_a_mark_of_the_reader_is_an_anchor_until_it_is_undone():
    work = masked()
    work.mark("T12", (1.0, 2.0, 3.0))
    assert work.reading.anchors == ("T12",) and work.centres[LABELS["T12"]] == (1.0, 2.0, 3.0)
    work.history.undo()
    assert work.reading.anchors == () and work.centres[LABELS["T12"]] != (1.0, 2.0, 3.0)


def test_a_grade_is_not_overruled_without_a_reason():
    work = masked()
    for grade, reason in ((2, "  "), (5, "a reason")):
        with pytest.raises(InputError, match="needs 0 to 3 and a reason"):
            work.overrule("L1", grade, reason)
    assert work.overrule("L1", 2, "a reason") and not work.overrule("L1", 2, "a reason")
    assert work.overrule("L1", None) and work.reading.overruled == ()


def test_an_overruled_finding_says_from_which_grade_and_why():
    findings = (finding("T11"), finding("L1"))
    said = (Overruled("L1", 1, "old film: unchanged since birth"), Overruled("T11", 0, "agreed"))
    same, changed = overruled(findings, said)
    assert same is findings[0]
    assert changed.grade is Grade.MILD and changed.type == "wedge"
    assert changed.reason.startswith(
        "overruled by the reader from 3 to 1: old film: unchanged since birth."
    )
    assert findings[1].reason in changed.reason
    normal = overruled(findings, [Overruled("L1", 0, "Scheuermann")])[1]
    assert normal.grade is Grade.NORMAL and normal.type == ""


def test_a_document_keeps_what_the_reader_decided_and_no_folder(tmp_path):
    work = masked()
    work.overrule("L1", 2, "seen on MR")
    work.choose(("T11",))
    (tmp_path / "patient").mkdir()
    work.compare_with(tmp_path / "patient" / "grading.json")
    save_document(tmp_path / "one.xgen", work, {})
    again, _ = load_document(tmp_path / "one.xgen")
    assert isinstance(again, SpineWork) and again.present == LEVELS
    assert again.reading.overruled == work.reading.overruled
    assert again.reading.references == ("T11",) and again.reading.doubts == work.reading.doubts
    assert again.reading.prior == str(tmp_path / "patient" / "grading.json")
    (tmp_path / "other").mkdir()
    save_document(tmp_path / "other" / "two.xgen", work, {})
    there, _ = load_document(tmp_path / "other" / "two.xgen")
    assert there.reading.prior == str(tmp_path / "other" / "grading.json")
    card = work.card(tmp_path / "other" / "two.xgen")
    assert "patient" not in str(card["reading"])


@pytest.mark.parametrize(
    "reading",
    [
        {"overruled": [{"level": "L1", "grade": 7, "reason": "x"}]},
        {"overruled": [{"level": "Q1", "grade": 1, "reason": "x"}]},
        {"references": ["L9"]},
        {"doubts": {"L1": "not a list"}},
        {"foreign": 1},
    ],
)
def test_a_damaged_reading_is_refused(reading, tmp_path):
    from xgen_studio.document.work import Arrays

    work = masked()
    card = {**work.card(), "reading": reading}
    layout = {"mask": ("|u1", work.mask.shape)}
    with pytest.raises(InputError):
        SpineWork.restore(card, Arrays(layout, lambda _name: work.mask, "one.xgen"))


def test_an_empty_desk_holds_no_vertebra():
    work = SpineWork(Volume(np.zeros((1, 1, 1), np.uint8), (1.0, 1.0, 1.0)))
    assert work.present == () and not work.history.modified
