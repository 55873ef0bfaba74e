"""VerSe's folders as cases, and the two public tables of Genant grades of its vertebrae.

The BIDS release has `rawdata/sub-*/*_ct.nii.gz` and `derivatives/sub-*/*_seg-vert_msk.nii.gz` and
`*_ctd.json`, in one folder or in several (`dataset-01training` ...). A patient with several scans
has them apart as `sub-verse401_split-verse253` (or `_dir-ax`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json, read_text
from xgen_studio.wings.spine.science.findings import Grade
from xgen_studio.wings.spine.science.levels import LABELS, NAMES, in_order

Grades = dict[tuple[str, str], Grade]  # by scan and level

_CT = re.compile(r"(sub-.+?)_ct\.nii(\.gz)?")
_SPLIT = re.compile(r"(sub-verse\d+)_split-verse(\d+)")
_SERIES = re.compile(r"(sub-verse\d+)_series(\d+)")


@dataclass(frozen=True)
class Case:
    """One scan of VerSe.

    id       'sub-verse012', or 'sub-verse401_split-verse253'
    patient  'sub-verse401': scans of one patient belong into one split
    split    the folder it lies in ('dataset-01training'), or ''
    ct, mask, centroids    its files; None where one is missing, which `notes` say
    """

    id: str
    patient: str
    split: str
    ct: Path | None
    mask: Path | None
    centroids: Path | None
    notes: tuple[str, ...] = ()


def cases(folder: Path) -> list[Case]:
    """The scans below a folder of VerSe, or of one of its splits, in the order of their ids.

    A scan that lacks some of its files is a case, too, and its notes say which. InputError where
    the folder holds no scan at all.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name the one that holds rawdata and derivatives")
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for root in _roots(folder):
        split = root.name if root != folder else ""
        for path in sorted((*root.glob("rawdata/*/*"), *root.glob("derivatives/*/*"))):
            kind, id = _kind(path)
            if kind:
                found.setdefault((split, id), {}).setdefault(kind, path)
    if not found:
        raise InputError(
            f"{folder}: holds no scan of VerSe (rawdata/sub-*/*_ct.nii.gz, derivatives/sub-*/"
            "*_msk.nii.gz); name the folder above them"
        )
    return [_case(id, split, files) for (split, id), files in sorted(found.items(), key=_by_id)]


def _roots(folder: Path) -> list[Path]:
    below = [p for p in sorted(folder.iterdir()) if p.is_dir()]
    parts = ("rawdata", "derivatives")
    return [p for p in (folder, *below) if any((p / part).is_dir() for part in parts)]


def _kind(path: Path) -> tuple[str, str]:
    """What a file is ('ct', 'mask', 'centroids' or '') and of which scan."""
    name = path.name
    if match := _CT.fullmatch(name):
        return "ct", match[1]
    for kind, ending in (
        ("mask", r"_seg-vert_msk\.nii(\.gz)?"),
        ("mask", r"_seg_msk\.nii(\.gz)?"),
        ("centroids", r"(_seg-\w+)?_ctd\.json"),
    ):
        if match := re.fullmatch(rf"(sub-.+?){ending}", name):
            return kind, match[1]
    return "", ""


def _case(id: str, split: str, files: Mapping[str, Path]) -> Case:
    words = {"ct": "CT", "mask": "mask of vertebrae", "centroids": "file of centres"}
    notes = tuple(f"{id}: has no {words[k]}" for k in words if k not in files)
    patient = id.split("_")[0]
    ct, mask, centroids = (files.get(k) for k in words)
    return Case(id, patient, split, ct, mask, centroids, notes)


def _by_id(item: tuple[tuple[str, str], Any]) -> tuple[str, str]:
    (split, id), _ = item
    return id, split


def read_genant(path: Path) -> Grades:
    """Grade by (scan, level) of HealthiVert-GAN's `vertebra_data.json` or kvskushal's csv.

    A scan is called as its table calls it: 'sub-verse012'; of a patient with several,
    'sub-verse401_series1' (JSON) or 'sub-verse401_split-verse253' (csv, VerSe's own name);
    `of_case` finds either. InputError, one line, for another file or a grade that is none.
    """
    if path.suffix.lower() == ".json":
        return _healthivert(path)
    return _kvskushal(path)


def _healthivert(path: Path) -> Grades:
    """`{"train": {"sub-verse004_16": 2, ...}, "test": ..., "val": ...}`: scan, VerSe's label."""
    table = read_json(path)
    if not isinstance(table, dict) or not all(isinstance(v, dict) for v in table.values()):
        raise InputError(f"{path}: is no table of grades (splits, then scan_label: grade)")
    grades: Grades = {}
    for entries in table.values():
        for key, grade in entries.items():
            scan, _, label = key.rpartition("_")
            if label not in map(str, NAMES):
                raise InputError(f"{path}: {key!r} names no vertebra (scan_label is needed)")
            grades[scan, NAMES[int(label)]] = _grade(grade, path, key)
    return grades


def _kvskushal(path: Path) -> Grades:
    rows = csv.DictReader(io.StringIO(read_text(path)), restval="")
    needed = {"patient_id", "scan_id", "vertebra", "genant_grade"}
    if not needed <= set(rows.fieldnames or ()):
        raise InputError(f"{path}: lacks the columns {', '.join(sorted(needed))}")
    grades: Grades = {}
    for row in rows:
        patient, scan, level = row["patient_id"], row["scan_id"], row["vertebra"]
        if level not in LABELS:
            raise InputError(f"{path}: {level!r} names no vertebra")
        number = re.sub(r"\D", "", scan)
        own = re.sub(r"\D", "", patient).lstrip("0") == number.lstrip("0")
        key = patient if own else f"{patient}_split-verse{number}"
        grades[key, level] = _grade(row["genant_grade"], path, f"{key} {level}")
    return grades


def _grade(value: Any, path: Path, what: str) -> Grade:
    try:
        return Grade(int(str(value)))
    except ValueError as error:
        raise InputError(f"{path}: {what}: {value!r} is no Genant grade (0 to 3)") from error


def of_case(grades: Grades, case: Case, among: Iterable[Case]) -> dict[str, Grade]:
    """The grades of one scan by level, from head to feet; empty where the table has none.

    HealthiVert-GAN counts a patient's scans from 0 in the order of VerSe's numbers: series0 of
    sub-verse413 is split-verse239, series1 split-verse272. With `among`, all cases there are, this
    is resolved; not where the table counts more scans of a patient than there are.
    """
    named = {scan for scan, _ in grades}
    key = case.id if case.id in named else _series_of(case, among, named)
    found = {level: grade for (scan, level), grade in grades.items() if scan == key}
    return {level: found[level] for level in in_order(found)}


def _series_of(case: Case, among: Iterable[Case], named: set[str]) -> str | None:
    if _SPLIT.fullmatch(case.id) is None:
        return None
    of_patient = {c.id: m[2] for c in among if (m := _SPLIT.fullmatch(c.id))}
    scans = sorted(
        (id for id in of_patient if id.split("_")[0] == case.patient),
        key=lambda id: int(of_patient[id]),
    )
    counted = {int(m[2]) for n in named if (m := _SERIES.fullmatch(n)) and m[1] == case.patient}
    if not counted or case.id not in scans or max(counted) >= len(scans):
        return None
    return f"{case.patient}_series{scans.index(case.id)}"


@dataclass(frozen=True)
class Agreement:
    """How two tables of grades agree: vertebrae both have, and those graded differently."""

    shared: int
    different: dict[tuple[str, str], tuple[Grade, Grade]] = field(default_factory=dict)


def agreement(one: Grades, other: Grades) -> Agreement:
    """The vertebrae that stand in both tables under the same scan's name, and their differences."""
    both = sorted(one.keys() & other.keys())
    different = {key: (one[key], other[key]) for key in both if one[key] != other[key]}
    return Agreement(len(both), different)
