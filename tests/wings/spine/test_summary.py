"""What a whole spine comes to, in words and sums."""

from dataclasses import replace

import pytest

from tests.wings.spine.examples import examination, finding
from xgen_studio.wings.spine.science.findings import THIRDS, Examination, Grade
from xgen_studio.wings.spine.science.levels import GRADED, LABELS
from xgen_studio.wings.spine.science.summary import (
    burden,
    changes,
    headline,
    numbering_caveats,
    ranges,
)


def of(level: str, **changed):
    """A sound vertebra of any level."""
    return replace(finding("T11"), level=level, label=LABELS[level], **changed)


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (["L1", "T12", "T11"], "T11-L1"),
        (["T4", "T6", "T5", "L3"], "T4-T6, L3"),
        (["T12", "T13", "L1"], "T12-L1"),
        (["L5", "L6", "S1"], "L5-S1"),
        ([], ""),
    ],
)
def test_levels_are_said_as_runs(levels, said):
    assert ranges(levels) == said


def test_the_headline_names_the_worst_fracture_first_in_the_words_asked_for():
    said = headline(examination())
    assert said.startswith("Vertebral fracture: L1, grade 3 (severe), wedge; L3, grade 1 (mild)")
    assert "biconcave (low confidence)" in said
    assert "Not evaluable: L2" in said


def test_without_a_fracture_the_headline_says_where_none_was_seen():
    names = GRADED[3:12] + ("L1", "L2", "L3", "L4")
    said = headline(Examination(tuple(of(name) for name in names)))
    assert said == "No vertebral fracture seen in T4-L4."


def test_a_grade_without_confidence_is_neither_a_fracture_nor_none():
    doubtful = of("L1", grade=Grade.SEVERE, confidence="none")
    said = headline(Examination((of("T12"), doubtful)))
    assert said == "No vertebral fracture seen in T12. No reliable grade for L1."
    assert headline(Examination((doubtful,))).startswith("No vertebra could be evaluated")
    assert burden(Examination((of("T12"), doubtful))).worst == Grade.NORMAL


def test_the_deformity_index_is_the_sum_of_the_grades_from_t4_to_l4():
    found = burden(
        Examination(
            (
                of("T3", grade=Grade.MILD),
                of("T4", grade=Grade.MODERATE),
                of("L1", grade=Grade.SEVERE),
                of("L5", grade=Grade.SEVERE),
            )
        )
    )
    assert (found.fractures, found.worst, found.index) == (4, Grade.SEVERE, 5)
    assert found.counted == ("T4", "L1")


def test_names_that_few_patients_have_are_pointed_out():
    assert any("T13" in said for said in numbering_caveats(Examination((of("T13"), of("L1")))))
    counted = numbering_caveats(Examination((of("L5"),), {"S1": "no body"}))
    assert not any("not counted" in said for said in counted)


def test_changes_pair_levels_and_tell_what_became_of_them():
    now = examination()
    old = {f.level: f for f in now.findings}
    taller = {t: h + 5.0 for t, h in old["L1"].heights_mm.items()}
    sound = replace(
        old["L1"],
        grade=Grade.NORMAL,
        heights_mm=taller,
        rhlv=dict.fromkeys(THIRDS, 0.02),
        rhlv_interval=dict.fromkeys(THIRDS, (-0.03, 0.07)),
    )
    worse = replace(old["T11"], grade=Grade.MILD)
    found = {c.level: c for c in changes(now, Examination((worse, old["T12"], sound, of("L5"))))}
    assert list(found) == ["T11", "T12", "L1", "L3", "L4", "L5"]
    assert found["L1"].in_words == "new vertebral fracture"
    assert found["L1"].heights_mm["anterior"] == pytest.approx(-5.0)
    assert found["L1"].points["anterior"] == pytest.approx(44.0)
    assert found["L1"].beyond
    assert found["T12"].in_words == "unchanged within the intervals"
    assert found["T11"].in_words.startswith("lower grade than before")
    assert found["L3"].in_words == "only in this scan"
    assert found["L5"].in_words == "only in the earlier scan"
