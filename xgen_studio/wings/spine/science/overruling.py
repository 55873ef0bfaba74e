"""A reader's grade instead of the computed one, and the reason for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xgen_studio.wings.spine.science.findings import Finding, Grade
from xgen_studio.wings.spine.science.grading import type_of


@dataclass(frozen=True)
class Overruled:
    """A grade that the reader gave instead of the computed one, and why."""

    level: str
    grade: int  # 0 to 3
    reason: str


def overruled(findings: Iterable[Finding], said: Iterable[Overruled]) -> tuple[Finding, ...]:
    """The findings with the reader's grades; what was computed stays in the reason."""
    by_level = {one.level: one for one in said}
    return tuple(_with(f, by_level.get(f.level)) for f in findings)


def _with(finding: Finding, said: Overruled | None) -> Finding:
    if said is None or said.grade == finding.grade:
        return finding
    grade = Grade(said.grade)
    reason = (
        f"overruled by the reader from {int(finding.grade)} to {said.grade}: {said.reason}."
        f" Computed: {finding.reason}"
    )
    return replace(finding, grade=grade, type=type_of(finding.rhlv, grade), reason=reason)
