"""A whole spine in words and sums: what is fractured, how much in all, and what changed since."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from xgen_studio.wings.spine.science.findings import THIRDS, Examination, Finding, Grade
from xgen_studio.wings.spine.science.levels import GENANT, RARE, below, in_order

SEVERITY = {
    Grade.NORMAL: "normal",
    Grade.MILD: "mild",
    Grade.MODERATE: "moderate",
    Grade.SEVERE: "severe",
}
NO_CONFIDENCE = "none"  # `Finding.confidence` of a grade that must not be relied on


def ranges(levels: Iterable[str]) -> str:
    """Levels as a reader writes them: 'T11-L1, L3'."""
    names = in_order(set(levels))
    runs: list[list[str]] = []
    for name in names:
        if runs and below(runs[-1][-1], names) == name:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def grade_in_words(finding: Finding) -> str:
    """As in 'grade 3 (severe), wedge'."""
    said = f"grade {int(finding.grade)} ({SEVERITY[finding.grade]})"
    if finding.type:
        said += f", {finding.type}"
    if finding.confidence == NO_CONFIDENCE:
        return f"no reliable grade; {said} as it stands"
    return said


def headline(examination: Examination) -> str:
    """The answer in a sentence, with the words 'vertebral fracture' (RCR's guidance on osteoporotic
    vertebral fractures); worst first. A grade without confidence is neither fracture nor none."""
    sure = [f for f in examination.findings if f.confidence != NO_CONFIDENCE]
    unsure = [f.level for f in examination.findings if f.confidence == NO_CONFIDENCE]
    broken = sorted((f for f in sure if f.grade > Grade.NORMAL), key=lambda f: -f.grade)
    if broken:
        said = "Vertebral fracture: " + "; ".join(
            f"{f.level}, {grade_in_words(f)}" + (" (low confidence)" * (f.confidence == "low"))
            for f in broken
        )
    elif sure:
        said = f"No vertebral fracture seen in {ranges(f.level for f in sure)}"
    else:
        said = "No vertebra could be evaluated for vertebral fracture"
    if unsure:
        said += f". No reliable grade for {ranges(unsure)}"
    if examination.not_evaluable:
        said += f". Not evaluable: {ranges(examination.not_evaluable)}"
    return said + "."


@dataclass(frozen=True)
class Burden:
    """Fractures of a spine in sums.

    fractures  how many vertebrae are of grade 1 and above, all levels
    worst      the highest grade; None where nothing was graded
    index      Spinal Deformity Index: the sum of the grades from T4 to L4 (Crans 2004)
    counted    levels that the index is the sum of; the others of T4-L4 are missing in it
    """

    fractures: int
    worst: Grade | None
    index: int
    counted: tuple[str, ...]


def burden(examination: Examination) -> Burden:
    """Number, worst grade and cumulative grade of the vertebrae with a grade to rely on."""
    graded = [f for f in examination.findings if f.confidence != NO_CONFIDENCE]
    within = [f for f in graded if f.level in GENANT]
    return Burden(
        sum(f.grade > Grade.NORMAL for f in graded),
        max((f.grade for f in graded), default=None),
        sum(int(f.grade) for f in within),
        tuple(f.level for f in within),
    )


def numbering_caveats(examination: Examination) -> list[str]:
    """What a reader must know before relying on the names of the levels."""
    names = [*(f.level for f in examination.findings), *examination.not_evaluable]
    found = []
    if rare := in_order(set(names) & set(RARE)):
        found.append(
            f"{' and '.join(rare)} is named: most patients have 12 thoracic and 5 lumbar vertebrae;"
            " check ribs and sacrum"
        )
    if names and not {"C2", "S1"} & set(names):
        found.append(
            "neither C2 nor the sacrum is among the named levels: the numbering follows the mask or"
            " the user and was not counted from an end of the spine"
        )
    found.append("a transitional vertebra shifts every name beyond it")
    return found


@dataclass(frozen=True)
class Change:
    """One level at two dates, later minus earlier.

    grades      before and now; None where it was not graded at that date
    heights_mm  change of each third's height
    points      change of each third's relative height loss, percentage points
    beyond      whether a third's 90 % intervals at the two dates lie apart
    """

    level: str
    grades: tuple[Grade | None, Grade | None]
    heights_mm: dict[str, float]
    points: dict[str, float]
    beyond: bool

    @property
    def in_words(self) -> str:
        """What became of it, as in 'new vertebral fracture'."""
        before, now = self.grades
        if before is None or now is None:
            return "only in the earlier scan" if now is None else "only in this scan"
        if now > before:
            return "new vertebral fracture" if before == Grade.NORMAL else "worse"
        if now < before:
            return "lower grade than before: check both masks"
        return "same grade, height changed" if self.beyond else "unchanged within the intervals"


def changes(now: Examination, prior: Examination) -> tuple[Change, ...]:
    """Every level of either date, from head to feet."""
    new = {f.level: f for f in now.findings}
    old = {f.level: f for f in prior.findings}
    return tuple(_change(name, new.get(name), old.get(name)) for name in in_order({*new, *old}))


def _change(level: str, new: Finding | None, old: Finding | None) -> Change:
    if new is None or old is None:
        grades = (old.grade if old else None, new.grade if new else None)
        nothing = dict.fromkeys(THIRDS, math.nan)
        return Change(level, grades, nothing, nothing, False)
    apart = any(
        new.rhlv_interval[t][0] > old.rhlv_interval[t][1]
        or new.rhlv_interval[t][1] < old.rhlv_interval[t][0]
        for t in THIRDS
    )
    return Change(
        level,
        (old.grade, new.grade),
        {t: new.heights_mm[t] - old.heights_mm[t] for t in THIRDS},
        {t: 100 * (new.rhlv[t] - old.rhlv[t]) for t in THIRDS},
        apart,
    )
