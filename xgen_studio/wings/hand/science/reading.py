"""Landmark files in: the atlas's table, COCO keypoints, 3D Slicer markups, labelme, napari."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json, read_text
from xgen_studio.imaging import Image, read_image
from xgen_studio.imaging.geometry import mm_to_index
from xgen_studio.imaging.names import base_name
from xgen_studio.wings.hand.science.annotation import Annotation, State, named
from xgen_studio.wings.hand.science.landmarks import COUNT, Points, check_inside, read_table
from xgen_studio.wings.hand.science.writing import ANNOTATION_KEYS, IMAGE_KEYS, coco

SUFFIXES = (".csv", ".json")
PICTURES = (".dcm", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".nii.gz", ".mha", "")


def read_annotations(path: Path, picture: Image | None = None) -> dict[str, Annotation]:
    """Annotations by id (of a file for one picture: the picture's name).

    The kind is recognised from the content. Millimetres become pixels of `picture`, or of the one
    of the same name beside the file. InputError, one line, for what is not understood, a
    wrong number of points, an id that is there twice, a coordinate that is no number.
    """
    if path.suffix.lower() == ".json":
        table = _json(path)
        if "markups" in table:
            return _checked(_slicer(table, path, picture or _beside(path)), path)
        for has, read in JSON_KINDS.items():
            if has in table:
                return _checked(read(table, path), path)
        raise InputError(
            f"{path}: is neither COCO keypoints (annotations), Slicer markups (markups) nor labelme"
            " (shapes)"
        )
    if "axis-0" in _first_line(path):
        return _checked({path.stem: _napari(path)}, path)
    return {id: _of_row(points) for id, points in read_table(path).items()}


def read_landmarks(path: Path) -> dict[str, Points]:
    """Points (37, 2) by id, of a file that places every landmark; InputError names one it leaves
    out."""
    found = read_annotations(path)
    for id, annotation in found.items():
        if (absent := annotation.next_absent()) is not None:
            raise InputError(f"{path}: {id} has no landmark {absent}; all {COUNT} are needed here")
    return {id: annotation.points for id, annotation in found.items()}


def _of_row(points: Points) -> Annotation:
    """A row of a table, where -1, -1 says in many programs that a landmark was not seen."""
    made = Annotation.of(points)
    for landmark in np.flatnonzero((points == -1).all(1)):
        made = made.without(int(landmark))
    return made


def _beside(path: Path) -> Image | None:
    """The picture of a markup file's name in its folder, where there is one."""
    stem = _stem(path)
    for suffix in PICTURES:
        if (file := path.with_name(stem + suffix)).is_file():
            return read_image(file)
    return None


def _stem(path: Path) -> str:
    return path.name.removesuffix(".json").removesuffix(".mrk")


def _name(file_name: object) -> str:
    """The picture's name in a path that may have been written on Windows."""
    return Path(base_name(str(file_name))).stem


def _checked(found: dict[str, Annotation], path: Path) -> dict[str, Annotation]:
    if not found:
        raise InputError(f"{path}: holds no landmarks")
    for id, annotation in found.items():
        if annotation.size is not None:
            check_inside(annotation.points, *annotation.size, f"{path}: {id}")
    return found


def _json(path: Path) -> dict[str, Any]:
    table = read_json(path)
    if not isinstance(table, dict):
        raise InputError(f"{path}: needs a JSON object")
    return table


def _first_line(path: Path) -> str:
    return read_text(path).partition("\n")[0]


def _shape(read: Callable[..., dict[str, Annotation]]) -> Any:
    """A reader whose stumbling over an unexpected shape becomes one line."""

    def careful(table: dict[str, Any], path: Path, *more: Image | None) -> dict[str, Annotation]:
        try:
            return read(table, path, *more)
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
    """COCO keypoints: 37 triples x, y, v in their category's order. Annotations of other kinds
    (boxes, outlines) and of categories with other keypoints are passed over."""
    images = {image["id"]: image for image in table.get("images", [])}
    names = {c["id"]: c.get("keypoints") for c in table.get("categories", [])}
    found: dict[str, Annotation] = {}
    for entry in table["annotations"]:
        others = names.get(entry.get("category_id"))
        if "keypoints" not in entry or (others is not None and len(others) != COUNT):
            continue
        image = images.get(entry["image_id"], {})
        id = _name(image.get("file_name", entry["image_id"]))
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
def _slicer(table: dict[str, Any], path: Path, picture: Image | None) -> dict[str, Annotation]:
    """3D Slicer fiducials, in mm of LPS or RAS. Slicer lays a picture without a place at (0, 0, 0)
    along the axes, and one without a spacing takes 1 mm a pixel; so do we, and so is read a file
    whose picture is not there."""
    if not table["markups"]:
        raise InputError(f"{path}: holds no markup; save the points of the radiograph")
    markup = table["markups"][0]
    ras = str(markup.get("coordinateSystem", "LPS")).upper() in ("RAS", "0")
    in_pixels = str(markup.get("coordinateUnits", "mm")).lower() in ("px", "pixel", "pixels")
    rows = []
    for point in markup["controlPoints"]:
        status = point.get("positionStatus", "defined")
        state = State.PLACED if status == "defined" else State.ABSENT
        position = np.array(point.get("position") or [math.nan] * 3, dtype=float)
        x, y = _pixel(position * (-1, -1, 1) if ras else position, None if in_pixels else picture)
        rows.append((str(point.get("label", "")), x, y, state))
    stem = _stem(path)
    labels = [_tail(label) for label, *_ in rows]
    return {stem: named([(t, *row[1:]) for t, row in zip(labels, rows, strict=True)], str(path))}


def _pixel(position: Points, picture: Image | None) -> tuple[float, float]:
    """Column and row of a point (3,) in mm LPS."""
    if picture is not None:
        spacing = picture.spacing or (1.0, 1.0)
        placed = picture.origin is not None and picture.direction is not None
        origin = picture.origin if placed and picture.origin else (0.0, 0.0, 0.0)
        direction = picture.direction if placed and picture.direction is not None else np.eye(3)
        index = mm_to_index(position, (*spacing, 1.0), origin, direction)
        return float(index[2]), float(index[1])
    return float(position[0]), float(position[1])


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
    id = _name(table.get("imagePath") or path.stem)
    return {id: named(rows, str(path), size)}


def _napari(path: Path) -> Annotation:
    """napari's points layer: index, axis-0 (row), axis-1 (column), in template order; a column
    "label" with names or numbers may follow."""
    try:
        table = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
        if any("axis-2" in row for row in table):
            raise InputError(f"{path}: has points in three dimensions; export those of a 2-D layer")
        rows = [
            (str(row.get("label") or ""), float(row["axis-1"]), float(row["axis-0"]), State.PLACED)
            for row in table
        ]
    except (csv.Error, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as napari points ({error})") from error
    return named(rows, str(path))


JSON_KINDS = {"annotations": _coco, "shapes": _labelme}


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
        _name(image["file_name"]): str(image["file_name"])
        for image in table.get("images", [])
        if "file_name" in image
    }
    return {names.get(id, id): annotation for id, annotation in found.items()}
