"""The 37 landmarks of a hand radiograph, and the tables that hold them.

Left hand, fingers up, little finger left. Numbers are 0-based. Names are ours, from looking at the
images; the scale is the wrist width |p1 - p5| = 50 mm (Payer et al. 2019).
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_text

Points = NDArray[np.float64]  # (37, 2) or (N, 37, 2): x, y

COUNT = 37
COLUMNS = [f"{axis}{n}" for n in range(COUNT) for axis in "xy"]  # of a table, after the id
WRIST = (1, 5)  # ulnar and radial styloid
WRIST_MM = 50.0
OUTSIDE = 0.02  # of a picture's longer side that a landmark may lie outside it

NAMES = (
    "ulna, ulnar corner",
    "ulnar styloid",
    "ulna, radial corner",
    "radius, ulnar corner",
    "radius, radial corner",
    "radial styloid",
    "triquetrum",
    "lunate",
    "scaphoid",
    "hamate",
    "capitate",
    "trapezoid",
    "trapezium",
    "metacarpal 5 base",
    "metacarpal 4 base",
    "metacarpal 3 base",
    "metacarpal 2 base",
    "metacarpal 1 base",
    "thumb MCP",
    "thumb IP",
    "thumb tip",
    "index MCP",
    "index PIP",
    "index DIP",
    "index tip",
    "middle MCP",
    "middle PIP",
    "middle DIP",
    "middle tip",
    "ring MCP",
    "ring PIP",
    "ring DIP",
    "ring tip",
    "little MCP",
    "little PIP",
    "little DIP",
    "little tip",
)

FINGERS = (
    (17, 18, 19, 20),
    (16, 21, 22, 23, 24),
    (15, 25, 26, 27, 28),
    (14, 29, 30, 31, 32),
    (13, 33, 34, 35, 36),
)
GROUPS = (
    tuple(range(6)),
    tuple(range(6, 13)),
    tuple(range(13, 18)),
    (18, 19, 20),
    (21, 22, 23, 24),
    (25, 26, 27, 28),
    (29, 30, 31, 32),
    (33, 34, 35, 36),
)

# In landmarks_all.csv but in no cross-validation fold of the data set's authors
OUTSIDE_FOLDS = frozenset(
    map(
        str,
        (3149, 3292, 3303, 4382, 4391, 4392, 4498, 4499, 5148, 5748, 5917, 7068, 7069, 7070, 7200),
    )
)


def mm_per_pixel(points: Points) -> float:
    """Millimetres a pixel of one hand (37, 2), from its wrist."""
    width = math.dist(points[WRIST[0]], points[WRIST[1]])
    if not width > 0:
        raise InputError("the wrist has no width: landmarks 1 and 5 share a place")
    return WRIST_MM / width


FARTHEST = 1e6  # px from the corner of an image


def read_table(path: Path) -> dict[str, Points]:
    """Landmarks (37, 2) by id of a table `id,x0,y0,...,x36,y36`.

    A header, and columns between id and x0, are allowed. InputError names the line that does not
    hold 37 finite points, or an id that is there twice.
    """
    found: dict[str, Points] = {}
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    first = 1
    if rows and "x0" in rows[0]:
        first = rows[0].index("x0")
        if [name.strip() for name in rows[0][first:]] != COLUMNS:
            raise InputError(
                f"{path}: its columns from x0 on are not x0, y0, x1, y1, ... x36, y36; sort them so"
            )
        rows = rows[1:]
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        values = row[first:]
        if len(values) != 2 * COUNT:
            raise InputError(
                f"{path}: row {number} holds {len(values)} coordinates; {2 * COUNT} are needed,"
                " separated by commas"
            )
        try:
            points = np.array(values, dtype=np.float64).reshape(COUNT, 2)
        except ValueError as error:
            raise InputError(
                f"{path}: row {number} holds a coordinate that is no number"
            ) from error
        if not (np.abs(points) <= FARTHEST).all():
            raise InputError(
                f"{path}: row {number} holds coordinates that are NaN, infinite or beyond any image"
            )
        if row[0] in found:
            raise InputError(f"{path}: id {row[0]} is there twice")
        found[row[0]] = points
    if not found:
        raise InputError(f"{path}: holds no landmarks")
    return found


def check_inside(points: Points, width: int, height: int, what: str) -> None:
    """InputError where landmarks (absent ones NaN) do not lie on their image, but for a fingertip
    that is cut off: they were measured at another scale."""
    slack = OUTSIDE * max(width, height)
    x, y = points[~np.isnan(points).any(-1)].T
    if x.size and (
        min(x.min(), y.min()) < -slack or x.max() > width + slack or y.max() > height + slack
    ):
        raise InputError(
            f"{what}: landmarks reach from ({x.min():.0f}, {y.min():.0f}) to ({x.max():.0f},"
            f" {y.max():.0f}) px, the picture has {width} x {height} px; they differ in scale"
        )
