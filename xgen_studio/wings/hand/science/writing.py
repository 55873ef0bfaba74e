"""Landmark files out: the atlas's table, and COCO keypoints. Saves are whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.imaging import atomic_write, make_folder
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import COLUMNS, NAMES, Points
from xgen_studio.wings.hand.science.norms import BONES

HEADER = ["id", *COLUMNS]
HUNDREDTHS, EXACT = ".2f", ".17g"  # how numbers are written
IMAGE_KEYS = ("id", "file_name", "width", "height")
ANNOTATION_KEYS = (
    "id",
    "image_id",
    "category_id",
    "iscrowd",
    "keypoints",
    "num_keypoints",
    "bbox",
    "area",
)
# pairs of keypoints, counted from 1 as COCO does
SKELETON = [[a + 1, b + 1] for a, b in BONES]


def write_table(path: Path, hands: Mapping[str, Points], form: str = HUNDREDTHS) -> None:
    """A table `id,x0,y0,...,x36,y36` of points (37, 2): HUNDREDTHS of a pixel, or EXACT."""
    _write_rows(path, [HEADER, *([id, *_numbers(points, form)] for id, points in hands.items())])


def put_in_table(path: Path, hands: Mapping[str, Points]) -> None:
    """Hands into a table that may be there: their rows are replaced or added, everything else,
    further columns too, stays as it is."""
    rows = [HEADER]
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    first = rows[0].index(COLUMNS[0]) if COLUMNS[0] in rows[0] else 1
    for id, points in hands.items():
        values = _numbers(points)
        own = next((row for row in rows if row and row[0] == id), None)
        if own is None:
            rows.append([id, *[""] * (first - 1), *values])
        else:
            own[first:] = values
    _write_rows(path, rows)


def _numbers(points: Points, form: str = HUNDREDTHS) -> list[str]:
    return [format(value, form) for value in points.ravel()]


def _write_rows(path: Path, rows: list[list[str]]) -> None:
    make_folder(path.parent)
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def coco(hands: Mapping[str, Annotation], description: str) -> dict[str, Any]:
    """COCO keypoints of hands by file name; each annotation says the size of its picture."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, hand) in enumerate(hands.items(), 1):
        width, height = hand.size or (0, 0)
        known = ~np.isnan(hand.points[:, 0])
        placed = hand.points[known] if known.any() else np.zeros((1, 2))
        low, high = placed.min(0), placed.max(0)
        keypoints: list[float] = []
        for (x, y), state in zip(hand.points, hand.states, strict=True):
            there = state is not State.ABSENT
            keypoints += [round(float(x), 2), round(float(y), 2), state.value] if there else [0] * 3
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "keypoints": keypoints,
                "num_keypoints": int(known.sum()),
                "bbox": [round(float(v), 2) for v in (*low, *(high - low))],
                "area": round(float(np.prod(high - low)), 2),
            }
        )
    category = {"id": 1, "name": "hand", "keypoints": list(NAMES), "skeleton": SKELETON}
    return {
        "info": {"description": description},
        "images": images,
        "annotations": annotations,
        "categories": [category],
    }
