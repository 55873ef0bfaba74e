"""Bone outlines to drop into a drawing: silhouettes of our own parametric knees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.knee.science.files import DATA
from xgen_studio.wings.knee.science.labels import TABLE

FILE = DATA / "shapes.json"


@dataclass(frozen=True)
class Template:
    """One or more closed outlines, each (N, 2) (x, y) in px of a grid, painted in this order."""

    title: str
    parts: tuple[tuple[int, NDArray[np.float64]], ...]  # label id, points


@lru_cache
def templates(grid: tuple[int, int]) -> tuple[Template, ...]:
    """The templates drawn for a grid (rows, columns): each whole knee, then its bones."""
    names = {label.name: label.id for label in TABLE}
    found = []
    for view in json.loads(FILE.read_text(encoding="utf-8")):
        if tuple(view["grid"]) != grid:
            continue
        parts = tuple((names[name], np.array(points)) for name, points in view["parts"])
        found.append(Template(f"Whole knee, {view['view']}", parts))
        found += [
            Template(f"{TABLE[id].name.capitalize()}, {view['view']}", ((id, points),))
            for id, points in parts
        ]
    return tuple(found)
