"""Landmark files in: the atlas's table, COCO keypoints, 3D Slicer markups, labelme, napari."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.wings.hand.science.annotation import Annotation, State, named
from xgen_studio.wings.hand.science.landmarks import COUNT, Points, check_inside, read_table
from xgen_studio.wings.hand.science.writing import ANNOTATION_KEYS, IMAGE_KEYS, coco

SUFFIXES = (".csv", ".json")


def read_annotations(path: Path) -> dict[str, Annotation]:
    """Annotations by id (of a file for one picture: the picture's name).

    The kind is recognised from the content. InputError, one line, for what is not understood, a
    wrong number of points, an id that is there twice, a coordinate that is no number.
    """
    if path.suffix.lower() == ".json":
        table = _json(path)
        for has, read in JSON_KINDS.items():
            if has in table:
                return _checked(read(table, path), path)
        raise InputError(
            f"{path}: is neither COCO keypoints (annotations), Slicer markups (markups) nor labelme"
            " (shapes)"
        )
    if "axis-0" in _first_line(path):
        return _checked({path.stem: _napari(path)}, path)
    return {id: Annotation.of(points) for id, points in read_table(path).items()}


def read_landmarks(path: Path) -> dict[str, Points]:
    """Points (37, 2) by id, of a file that places every landmark; InputError names one it leaves
    out."""
    found = read_annotations(path)
    for id, annotation in found.items():
        if (absent := annotation.next_absent()) is not None:
            raise InputError(f"{path}: {id} has no landmark {absent}; all {COUNT} are needed here")
    return {id: annotation.points for id, annotation in found.items()}


def _checked(found: dict[str, Annotation], path: Path) -> dict[str, Annotation]:
    if not found:
        raise InputError(f"{path}: holds no landmarks")
    for id, annotation in found.items():
        if annotation.size is not None:
            check_inside(annotation.points, *annotation.size, f"{path}: {id}")
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(table, dict):
        raise InputError(f"{path}: needs a JSON object")
    return table


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error


def _shape(read: Callable[[dict[str, Any], Path], dict[str, Annotation]]) -> Any:
    """A reader whose stumbling over an unexpected shape becomes one line."""

    def careful(table: dict[str, Any], path: Path) -> dict[str, Annotation]:
        try:
            return read(table, path)
        except (
            KeyError,
            TypeError,
            ValueError,
            IndexError,
            AttributeError,
            OverflowError,
        ) as error:
            raise InputError(f"{path}: its landmarks are not as expected ({error!r})") from error

    return careful


@_shape
def _coco(table: dict[str, Any], path: Path) -> dict[str, Annotation]:
    """COCO keypoints: 37 triples x, y, v of the first category's order."""
    images = {image["id"]: image for image in table.get("images", [])}
    names = {c["id"]: c.get("keypoints") for c in table.get("categories", [])}
    found: dict[str, Annotation] = {}
    for entry in table["annotations"]:
        image = images.get(entry["image_id"], {})
        id = Path(str(image.get("file_name", entry["image_id"]))).stem
        triples = np.asarray(entry["keypoints"], dtype=float).reshape(-1, 3)
        labels = names.get(entry.get("category_id")) or [str(n) for n in range(len(triples))]
        if len(labels) != len(triples):
            raise InputError(f"{path}: {id} has {len(triples)} keypoints, {len(labels)} are named")
        if id in found:
            raise InputError(f"{path}: {id} has two hands; one is needed")
        wide, high = image.get("width"), image.get("height")
        size = (int(wide), int(high)) if wide and high else None
        rows = [
            (str(label), x, y, State(int(v)))
            for label, (x, y, v) in zip(labels, triples, strict=True)
        ]
        if len(rows) != COUNT:
            raise InputError(f"{path}: {id} has {len(rows)} keypoints; {COUNT} are needed")
        found[id] = named(rows, f"{path}: {id}", size)
    return found


@_shape
def _slicer(table: dict[str, Any], path: Path) -> dict[str, Annotation]:
    """3D Slicer fiducials. In LPS a picture without spacing has x and y as its columns and rows; in
    RAS both are negative. Millimetres of a picture with spacing stay millimetres."""
    markup = table["markups"][0]
    sign = -1.0 if str(markup.get("coordinateSystem", "LPS")).upper() in ("RAS", "0") else 1.0
    rows = []
    for point in markup["controlPoints"]:
        status = point.get("positionStatus", "defined")
        state = State.PLACED if status == "defined" else State.ABSENT
        x, y = (point.get("position") or (math.nan, math.nan, 0.0))[:2]
        rows.append((str(point.get("label", "")), sign * float(x), sign * float(y), state))
    stem = path.name.removesuffix(".json").removesuffix(".mrk")
    labels = [_tail(label) for label, *_ in rows]
    return {stem: named([(t, *row[1:]) for t, row in zip(labels, rows, strict=True)], str(path))}


def _tail(label: str) -> str:
    """Slicer calls points F-1, F-2, ... from 1: such numbers are no landmark numbers."""
    return "" if label.startswith(("F-", "F_", "F ")) or "_P" in label else label


@_shape
def _labelme(table: dict[str, Any], path: Path) -> dict[str, Annotation]:
    """labelme shapes of type "point", which count px from a picture's edge, not from the centre of
    its first pixel; the flag "occluded" is heard."""
    rows = []
    for shape in table["shapes"]:
        if shape.get("shape_type") != "point":
            continue
        x, y = shape["points"][0]
        occluded = bool((shape.get("flags") or {}).get("occluded"))
        rows.append(
            (
                str(shape["label"]),
                float(x) - 0.5,
                float(y) - 0.5,
                State.OCCLUDED if occluded else State.PLACED,
            )
        )
    size = None
    if table.get("imageWidth") and table.get("imageHeight"):
        size = (int(table["imageWidth"]), int(table["imageHeight"]))
    id = Path(str(table.get("imagePath") or path.stem)).stem
    return {id: named(rows, str(path), size)}


def _napari(path: Path) -> Annotation:
    """napari's points layer: index, axis-0 (row), axis-1 (column), in template order; a column
    "label" with names or numbers may follow."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        if any("axis-2" in row for row in table):
            raise InputError(f"{path}: has points in three dimensions; export those of a 2-D layer")
        rows = [
            (str(row.get("label") or ""), float(row["axis-1"]), float(row["axis-0"]), State.PLACED)
            for row in table
        ]
    except (OSError, UnicodeDecodeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as napari points ({error})") from error
    return named(rows, str(path))


JSON_KINDS = {"annotations": _coco, "markups": _slicer, "shapes": _labelme}


def read_coco(path: Path) -> dict[str, Annotation]:
    """Annotations by the pictures' file names of a COCO file that holds no more than we write: what
    another program adds would be lost when the file is written again."""
    table = _json(path)
    if not isinstance(table.get("annotations"), list):
        raise InputError(f"{path}: is no COCO file; choose another name")
    found = _coco(table, path)
    written = coco({}, "")
    extra = set(table) - set(written)
    for part, keys in (
        ("images", IMAGE_KEYS),
        ("annotations", ANNOTATION_KEYS),
        ("categories", written["categories"][0]),
    ):
        for entry in table.get(part, []):
            extra |= set(entry) - set(keys)
    extra |= set(table.get("info", {})) - set(written["info"])
    if extra:
        more = ", ".join(sorted(extra)[:4])
        raise InputError(f"{path}: holds more than landmarks ({more}); choose another name")
    names = {
        Path(str(image["file_name"])).stem: str(image["file_name"])
        for image in table.get("images", [])
        if "file_name" in image
    }
    return {names.get(id, id): annotation for id, annotation in found.items()}
