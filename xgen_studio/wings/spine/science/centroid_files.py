"""The numbers in a file of vertebral centres, before anything is known of what they count."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json, read_text
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.numbering import level_of

Floats = NDArray[np.float64]

# Payer's columns: C1 to L6; of 26 the last is T13 (VerSe 2020), or they end S1, S2 (CSI 2014)
_VERSE_COLUMNS = [*range(1, 26), 28]
_CSI_COLUMNS = [*range(1, 25), LABELS["S1"], 0]


@dataclass(frozen=True, eq=False)
class Points:
    """Three numbers by VerSe label.

    kind       'mm' (LPS), or 'index': voxels, or mm, along axes
    direction  the axis codes that X, Y, Z run along where the file says them, such as 'PIR'
    table      a row of a table, whose millimetres may start at the first voxel
    """

    xyz: dict[int, Floats]
    kind: Literal["mm", "index"]
    direction: str = ""
    table: bool = False
    notes: tuple[str, ...] = ()


def read_points(path: Path, picture: Path | None) -> Points:
    """The points in a JSON, .fcsv or .csv file; a table's row is that of the name of `picture`.

    InputError, one line, for what is none of them or holds what is no number.
    """
    suffix = path.suffix.lower()
    if suffix == ".fcsv":
        return _fcsv(path)
    if suffix == ".csv":
        return _table(path, picture)
    content = read_json(path)
    if isinstance(content, list):
        return _verse(content, path)
    if isinstance(content, dict) and "markups" in content:
        return _slicer(content, path)
    raise InputError(
        f"{path}: is neither VerSe's list of centres nor Slicer's markups; export one of them"
    )


def _verse(content: list[Any], path: Path) -> Points:
    direction = ""
    xyz: dict[int, Floats] = {}
    for entry in content:
        if not isinstance(entry, dict):
            raise InputError(f"{path}: {entry!r} is no entry of a centroid list")
        if "direction" in entry:
            direction = _direction(entry["direction"], path)
            continue
        label = entry.get("label")
        if not isinstance(label, int) or isinstance(label, bool):
            raise InputError(f"{path}: a centre has no whole number as its label")
        if label in xyz:
            raise InputError(f"{path}: label {label} is there twice; remove one")
        values = [entry.get(axis) for axis in "XYZ"]
        xyz[label] = _point(values, path, f"label {label}")
    return Points(xyz, "index", direction)


def _direction(stated: Any, path: Path) -> str:
    """Three letters, one of each pair of opposites."""
    codes = "".join(map(str, stated)).upper() if isinstance(stated, list) else str(stated).upper()
    if len(codes) != 3 or any(len(set(pair) & set(codes)) != 1 for pair in ("LR", "PA", "SI")):
        raise InputError(f"{path}: its direction {stated!r} is no three axes, such as P, I, R")
    return codes


def _slicer(content: dict[str, Any], path: Path) -> Points:
    xyz: dict[int, Floats] = {}
    notes: list[str] = []
    markups = content["markups"] if isinstance(content["markups"], list) else [{}]
    for markup in markups:
        markup = markup if isinstance(markup, dict) else {}
        points = markup.get("controlPoints")
        if not isinstance(points, list) or not all(isinstance(p, dict) for p in points):
            raise InputError(f"{path}: its markups hold no list of points; export them again")
        right = str(markup.get("coordinateSystem", "LPS")).upper() in ("RAS", "0")
        for point in points:
            if point.get("positionStatus", "defined") != "defined":
                continue
            place = _point(point.get("position"), path, str(point.get("label")))
            _named(xyz, str(point.get("label", "")), place, right, notes)
    return Points(xyz, "mm", notes=tuple(notes))


def _fcsv(path: Path) -> Points:
    text = read_text(path)
    system = re.search(r"#\s*CoordinateSystem\s*=\s*(\w+)", text)
    right = system is None or system[1].upper() in ("0", "RAS")
    columns = re.search(r"#\s*columns\s*=\s*(.+)", text)
    names = columns[1].strip().split(",") if columns else ["id", "x", "y", "z"]
    at = names.index("label") if "label" in names else 11
    xyz: dict[int, Floats] = {}
    notes: list[str] = []
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    for row in _rows("\n".join(lines), path):
        if len(row) <= at:
            raise InputError(f"{path}: a line has {len(row)} columns, a label is missing")
        _named(xyz, row[at], _point(row[1:4], path, row[at]), right, notes)
    return Points(xyz, "mm", notes=tuple(notes))


def _named(xyz: dict[int, Floats], name: str, place: Floats, right: bool, notes: list[str]) -> None:
    """A point by the level that its name means; RAS is turned to LPS."""
    level = level_of(name)
    if level is None:
        notes.append(f"left out: the point {name!r}, which names no vertebra")
    else:
        xyz[LABELS[level]] = place * (-1, -1, 1) if right else place


def _table(path: Path, picture: Path | None) -> Points:
    rows = {row[0]: row[1:] for row in _rows(read_text(path), path) if row}
    widths = {len(row) for row in rows.values()}
    if len(widths) != 1 or (width := widths.pop()) not in (75, 78):
        raise InputError(f"{path}: has rows of other lengths than 25 or 26 points; check it")
    id = _row_of(list(rows), picture)
    if id is None:
        raise InputError(
            f"{path}: has no row for {picture.name if picture else 'an unknown picture'}; its rows"
            f" are {', '.join(list(rows)[:3])} ..."
        )
    columns = _csi_or_verse({k: _numbers(row, path, k) for k, row in rows.items()}, width // 3)
    points = _numbers(rows[id], path, id)
    seen = np.isfinite(points).all(axis=1)
    xyz = {columns[k]: points[k] for k in np.flatnonzero(seen) if columns[k]}
    return Points(xyz, "mm", table=True, notes=(f"row {id}",))


def _rows(text: str, path: Path) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise InputError(f"{path}: is no table of comma-separated values ({error})") from error


def _csi_or_verse(rows: dict[str, Floats], count: int) -> list[int]:
    """Labels of the columns. T13 lies above L1, S2 below S1: the last column's height tells."""
    if count == 25:
        return _VERSE_COLUMNS[:25]
    drops = [p[25, 2] - np.nanmin(p[:25, 2]) for p in rows.values() if np.isfinite(p[25, 2])]
    return _CSI_COLUMNS if drops and np.median(drops) < 0 else _VERSE_COLUMNS


def _row_of(ids: list[str], picture: Path | None) -> str | None:
    """The row whose words all occur in a picture's name: verse401_verse253_CT-iso in
    sub-verse401_split-verse253_ct. The one with most words wins."""
    if picture is None:
        return ids[0] if len(ids) == 1 else None
    name = set(re.split(r"[^a-z0-9]+", picture.name.lower()))

    def words(id: str) -> list[str]:
        plain = re.sub(r"_CT-\w+$", "", id, flags=re.IGNORECASE).lower()
        return [w for w in re.split(r"[^a-z0-9]+", plain) if w]

    fits = [id for id in ids if set(words(id)) <= name]
    return max(fits, key=lambda id: len(words(id)), default=None)


def _numbers(row: list[str], path: Path, id: str) -> Floats:
    try:
        return np.array([float(v) for v in row]).reshape(-1, 3)
    except ValueError as error:
        raise InputError(f"{path}: row {id} holds what is no number") from error


def _point(values: Any, path: Path, what: str) -> Floats:
    try:
        x, y, z = (float(v) for v in values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {what} has no three numbers as its place") from error
    if not all(map(math.isfinite, (x, y, z))):
        raise InputError(f"{path}: {what} has no finite place")
    return np.array([x, y, z])
