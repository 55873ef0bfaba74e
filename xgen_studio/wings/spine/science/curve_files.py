"""A spine's curve as a file that others read: 3D Slicer's markups, or a table."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.atomic import atomic_write, write_json
from xgen_studio.wings.spine.science.curve import Curve

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/"
    "Resources/Schema/markups-schema-v1.0.3.json#"
)
CONTROL_MM = 5.0  # between control points: the curve that Slicer draws is 0.01 mm off
AXES = ("left", "back", "up")


def write_curve(path: str | os.PathLike[str], curve: Curve) -> None:
    """Save the curve as a Slicer curve (.mrk.json) or as a table (.csv), as the name ends; LPS mm.

    The table has a row each mm: s, x, y, z, the three axes there, and the level whose centre is
    nearest to that row. Slicer's control points stand every 5 mm, those next to a centre named.
    InputError for another ending, or where it cannot be saved.
    """
    name = Path(path).name.lower()
    if name.endswith(".mrk.json"):
        write_json(path, _markups(curve))
    elif name.endswith(".csv"):
        with atomic_write(path) as temporary:
            temporary.write_text(_table(curve), encoding="utf-8")
    else:
        raise InputError(f"{path}: a curve is saved as .mrk.json (3D Slicer) or .csv; name it so")


def _markups(curve: Curve) -> dict[str, Any]:
    regular = np.arange(curve.s[0], curve.s[-1] + 1e-6, CONTROL_MM)
    centres = np.array(sorted(curve.levels.values()))
    if len(centres):
        near = np.abs(regular[:, None] - centres).min(axis=1) < CONTROL_MM / 2
        regular = regular[~near]
    named = {s: level for level, s in curve.levels.items()}
    at = np.sort(np.r_[regular, centres])
    axes = np.stack(curve.axes_at(at), axis=-1)  # columns: left, back, up
    points = [
        {
            "id": str(k + 1),
            "label": named.get(s, ""),
            "position": place.tolist(),
            "orientation": turn.ravel().tolist(),
            "selected": True,
            "locked": True,
            "visibility": True,
            "positionStatus": "defined",
        }
        for k, (s, place, turn) in enumerate(
            zip(at.tolist(), curve.point_at(at), axes, strict=True)
        )
    ]
    markup = {
        "type": "Curve",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "controlPoints": points,
    }
    return {"@schema": SCHEMA, "markups": [markup]}


def _table(curve: Curve) -> str:
    nearest = {int(np.abs(curve.s - s).argmin()): level for level, s in curve.levels.items()}
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["s", "x", "y", "z", *(f"{a}_{c}" for a in AXES for c in "xyz"), "level"])
    values = np.concatenate(
        [curve.s[:, None], curve.points, curve.left, curve.back, curve.up], axis=1
    )
    for k, row in enumerate(values):
        rows.writerow([*(f"{v:.6f}" for v in row), nearest.get(k, "")])
    return out.getvalue()
