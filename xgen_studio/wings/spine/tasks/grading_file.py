"""`grading.json`: all that is found of a spine, for scripts, and back."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xgen_studio
from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import write_json
from xgen_studio.imaging.names import base_name, visible
from xgen_studio.wings.spine.science.findings import (
    COVERAGE,
    THIRDS,
    ByThird,
    Examination,
    Finding,
    Grade,
    Range,
)
from xgen_studio.wings.spine.science.levels import LABELS, in_order
from xgen_studio.wings.spine.science.summary import burden, headline

FILE = "grading.json"
RESEARCH_USE = "research use, not for diagnosis"
CONFIDENCES = ("high", "low", "none")
TYPES = ("wedge", "biconcave", "crush", "")
FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:[/\\][^/\\\s]+)+[/\\](?=[^/\\\s])")
UNITS = {
    "..._mm": "mm",
    "rhlv": "relative height loss (healthy - real) / healthy, a fraction of the healthy height",
    "..._interval": f"low and high end of a {COVERAGE:.0%} interval".replace("%", " %"),
    "voxel_sensitivity": "change of the worst third's rhlv, a fraction, where the mask grows or"
    " shrinks by one voxel",
    "probabilities": "of the grades 0 to 3",
    "label": "VerSe",
    "quality": "the same sentences as flags",
    "null": "not measured",
}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True)
class Method:
    """How an examination was made, as all its files say it.

    text        sentences for a reader
    provenance  what ties it to model and machine, as `tasks.provenance.made_by` gives it
    made        when, UTC
    """

    text: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    made: str = field(default_factory=_now)


def without_folders(text: str) -> str:
    """A sentence without folders, whose names may hold a patient's, and without characters that a
    terminal or a page would obey."""
    return FOLDERS.sub("", visible(text))


def write_grading(examination: Examination, path: Path, method: Method) -> None:
    """Write `grading.json` whole; its fields are those of `Finding` with units in their names, as
    the contract of `xgen grade` has them. Files stand in it by their base names."""
    sums = burden(examination)
    write_json(
        path,
        {
            "research_use": RESEARCH_USE,
            "headline": headline(examination),
            "vertebrae": [_written(f, examination.mask_source) for f in examination.findings],
            "not_evaluable": {
                name: without_folders(why) for name, why in examination.not_evaluable.items()
            },
            "round_trip_mm": _number(examination.round_trip_mm),
            "fractures": sums.fractures,
            "worst_grade": sums.worst,
            "spinal_deformity_index": sums.index,
            "spinal_deformity_index_levels": list(sums.counted),
            "notes": [without_folders(note) for note in examination.notes],
            "ct": base_name(examination.ct_name),
            "mask": base_name(examination.mask_name),
            "mask_source": examination.mask_source,
            "units": UNITS,
            "method": method.text,
            "made": method.made,
            "version": xgen_studio.__version__,
            "provenance": dict(method.provenance),
        },
    )


def read_grading(path: Path) -> Examination:
    """The examination in a `grading.json`, without its columns; InputError, one line, where the
    file is none or a field is missing or of another kind."""
    table = read_json(path)
    if not isinstance(table, dict) or not isinstance(table.get("vertebrae"), list):
        raise InputError(f"{path}: holds no vertebrae; choose a {FILE} that xgen grade wrote")
    found = [_Reader(path, i, entry).finding() for i, entry in enumerate(table["vertebrae"])]
    by_level = {f.level: f for f in found}
    if len(by_level) < len(found):
        raise InputError(f"{path}: names a level twice; it was changed by hand, grade the CT again")
    whole = _Reader(path, None, table)
    reasons = whole.get("not_evaluable", dict)
    trip = table.get("round_trip_mm")
    return Examination(
        tuple(by_level[name] for name in in_order(by_level)),
        {whole.level(name): str(why) for name, why in reasons.items()},
        whole.get("mask_source", str),
        None if trip is None else whole.number("round_trip_mm", trip),
        whole.texts("notes"),
        base_name(whole.get("ct", str)),
        base_name(whole.get("mask", str)),
    )


def _written(finding: Finding, mask_source: str) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {
        "level": finding.level,
        "label": finding.label,
        "grade": int(finding.grade),
        "grade_rule": int(finding.grade_rule),
        "grade_svm": int(finding.grade_svm),
        "probabilities": [_number(p) for p in finding.probabilities],
        "type": finding.type,
        "reason": finding.reason,
        "confidence": finding.confidence,
        "flags": list(finding.flags),
        "quality": list(finding.flags),
        "heights_mm": _numbers(finding.heights_mm),
        "healthy_mm": _numbers(finding.healthy_mm),
        "expected_mm": _numbers(finding.expected_mm),
        "healthy_interval_mm": _ranges(finding.healthy_interval_mm),
        "rhlv": _numbers(finding.rhlv),
        "rhlv_interval": _ranges(finding.rhlv_interval),
        "rhlv_as_released": _numbers(finding.released_rhlv),
        "endplate_loss_mm": _numbers(finding.endplate_mm),
        "six_point_mm": _numbers(finding.six_point_mm),
        "ratios": _numbers(finding.ratios),
        "voxel_sensitivity": _numbers(finding.voxel_sensitivity),
        "references": list(finding.references),
        "mask_source": mask_source,
    }


def _number(value: float | None) -> float | None:
    """JSON has no NaN: what was not measured is null."""
    return None if value is None or not math.isfinite(value) else round(float(value), 5)


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: _number(value) for key, value in values.items()}


def _ranges(values: Mapping[str, Range]) -> dict[str, list[float | None]]:
    return {key: [_number(v) for v in pair] for key, pair in values.items()}


class _Reader:
    """The fields of one table of a stranger's file."""

    def __init__(self, path: Path, at: int | None, table: Any) -> None:
        if not isinstance(table, dict):
            raise InputError(f"{path}: vertebra {at} is no table; grade the CT again")
        self.where = f"{path}: " + ("" if at is None else f"vertebra {at}, ")
        self.table: dict[str, Any] = table

    def wrong(self, key: str) -> InputError:
        """What is said of a field that cannot be used."""
        return InputError(
            f"{self.where}'{key}' is missing or not what it should be; grade the CT again"
        )

    def get(self, key: str, kind: type) -> Any:
        """A field of a kind."""
        if not isinstance(value := self.table.get(key), kind):
            raise self.wrong(key)
        return value

    def level(self, name: Any) -> str:
        """The name of a vertebra."""
        if not isinstance(name, str) or name not in LABELS:
            raise InputError(f"{self.where}'{str(name)[:40]}' is no name of a vertebra")
        return name

    def number(self, key: str, value: Any) -> float:
        """A number, NaN where it is null."""
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key)
        return float(value)

    def numbers(self, key: str, needed: tuple[str, ...] = ()) -> ByThird:
        """Named numbers, those that are `needed` among them."""
        table = self.get(key, dict)
        if not set(needed) <= set(table):
            raise self.wrong(key)
        return {name: self.number(key, value) for name, value in table.items()}

    def ranges(self, key: str) -> dict[str, Range]:
        """An interval of each third."""
        found: dict[str, Range] = {}
        table = self.get(key, dict)
        for third in THIRDS:
            pair = table.get(third)
            if not isinstance(pair, list) or len(pair) != 2:
                raise self.wrong(key)
            found[third] = (self.number(key, pair[0]), self.number(key, pair[1]))
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Sentences."""
        values = self.get(key, list)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(key)
        return tuple(values)

    def grade(self, key: str) -> Grade:
        """A grade of 0 to 3."""
        value = self.get(key, int)
        if isinstance(value, bool) or value not in tuple(Grade):
            raise self.wrong(key)
        return Grade(value)

    def word(self, key: str, words: tuple[str, ...]) -> str:
        """One of some words."""
        value: str = self.get(key, str)
        if value not in words:
            raise self.wrong(key)
        return value

    def finding(self) -> Finding:
        """The whole table as a finding."""
        level = self.level(self.table.get("level"))
        if self.table.get("label") != LABELS[level]:
            raise self.wrong("label")
        chances = self.get("probabilities", list)
        if len(chances) != 4:
            raise self.wrong("probabilities")
        p0, p1, p2, p3 = (self.number("probabilities", p) for p in chances)
        return Finding(
            level=level,
            label=LABELS[level],
            heights_mm=self.numbers("heights_mm", THIRDS),
            healthy_mm=self.numbers("healthy_mm", THIRDS),
            expected_mm=self.numbers("expected_mm", THIRDS),
            healthy_interval_mm=self.ranges("healthy_interval_mm"),
            rhlv=self.numbers("rhlv", THIRDS),
            rhlv_interval=self.ranges("rhlv_interval"),
            endplate_mm=self.numbers("endplate_loss_mm"),
            released_rhlv=self.numbers("rhlv_as_released"),
            six_point_mm=self.numbers("six_point_mm"),
            ratios=self.numbers("ratios"),
            voxel_sensitivity=self.numbers("voxel_sensitivity"),
            grade=self.grade("grade"),
            grade_rule=self.grade("grade_rule"),
            grade_svm=self.grade("grade_svm"),
            probabilities=(p0, p1, p2, p3),
            reason=self.get("reason", str),
            type=self.word("type", TYPES),
            flags=self.texts("flags"),
            confidence=self.word("confidence", CONFIDENCES),
            references=self.texts("references"),
        )
