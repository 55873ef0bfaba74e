"""Landmarks set by people: what is odd about them, what is expected, and files out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging import spelled, write_json
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.gate import Gate
from xgen_studio.wings.hand.science.labelling import ABSENT, Labels, expectation
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES, WRIST, Points, read_table
from xgen_studio.wings.hand.science.measures import LEAST_KNOWN
from xgen_studio.wings.hand.science.peaks import Peaks
from xgen_studio.wings.hand.science.reading import read_coco
from xgen_studio.wings.hand.science.warping import apply
from xgen_studio.wings.hand.science.writing import coco, put_in_table

MOST_OFF_MM = 4.0  # median distance of set landmarks from what the shape model expects of a hand


def doubts(annotation: Annotation, gate: Gate) -> list[str]:
    """What is odd about a set of landmarks, in sentences: a swap of sides, a bone of odd length, a
    place far off. Empty where nothing is, or too little is placed to tell."""
    known = np.array([state is not State.ABSENT for state in annotation.states])
    if known.sum() < COUNT // 2:
        return []
    if known[list(WRIST)].all() and not math.dist(*annotation.points[list(WRIST)]) > 0:
        return [f"{NAMES[WRIST[0]]} and {NAMES[WRIST[1]]} share a place: the wrist has no width"]
    places = np.where(known[:, None], annotation.points, 0.0)
    reversed_ = places * (-1, 1)
    labels = Labels(np.where(known, np.arange(COUNT), ABSENT), 0.0)
    judged, mirrored = (
        gate.decide("", Peaks(points, np.ones(COUNT)), labels) for points in (places, reversed_)
    )
    if mirrored.metrics["residual"] * 2 < judged.metrics["residual"]:
        return ["left and right are swapped: this is a right hand, or the picture is flipped"]
    told = zip(judged.reasons, judged.details, strict=True)
    return [text for code, text in told if code in ("WRIST", "BONE", "SHAPE", "RESIDUAL")]


def expected(points: Points, gate: Gate) -> Points:
    """Where (37, 2) the shape model expects the landmarks of a left hand given those that are there
    (others NaN), in the same px. All NaN while too few are there to tell, or where they are no such
    hand's."""
    known = ~np.isnan(points[:, 0])
    nothing = np.full((COUNT, 2), np.nan)
    if known.sum() < LEAST_KNOWN:
        return nothing
    labels = np.full(COUNT, ABSENT)
    labels[known] = np.arange(known.sum())
    places, onto = expectation(points[known], labels, gate.norms)
    if abs(np.linalg.det(onto[:, :2])) < 1e-12:  # all in one place
        return nothing
    off = np.hypot(*(apply(onto, points[known]) - places[known]).T)
    if np.median(off) > MOST_OFF_MM:
        return nothing
    back: Points = (places - onto[:, 2]) @ np.linalg.inv(onto[:, :2]).T
    return back


def others_in(path: Path, picture: str) -> tuple[int, bool]:
    """How many other hands a landmark file that is there holds, and whether it holds this picture's
    (a table has ids, COCO has file names). InputError where it can take no hand."""
    if not path.exists():
        return 0, False
    if path.suffix.lower() == ".csv":
        known = set(read_table(path))
    else:
        known = {Path(name).stem for name in read_coco(path)}
    own = Path(spelled(picture)).stem
    return len(known - {own}), own in known


def save_annotation(path: Path, picture: str, annotation: Annotation) -> int:
    """Write landmarks of a picture (its file's name) into a table (.csv, complete ones only) or
    COCO keypoints (.json). All else that such a file holds stays; returns how many other hands."""
    picture = spelled(picture)
    if path.name.lower().endswith(".mrk.json"):
        raise InputError(
            f"{path}: 3D Slicer's files are read, not written; save as .csv (table) or .json (COCO)"
        )
    if path.suffix.lower() not in (".csv", ".json"):
        raise InputError(f"{path}: landmarks are saved as .csv (table) or .json (COCO)")
    if path.suffix.lower() == ".csv" and (absent := annotation.next_absent()) is not None:
        raise InputError(
            f"{path}: a table holds all {COUNT} landmarks, {absent} ({NAMES[absent]}) is"
            " absent; place it, or save as .json, which keeps absent ones"
        )
    if path.suffix.lower() == ".csv":
        others, _ = others_in(path, picture)
        put_in_table(path, {Path(picture).stem: annotation.points})
        return others
    known = read_coco(path) if path.exists() else {}
    hands = {n: a for n, a in known.items() if Path(n).stem != Path(picture).stem}
    write_json(path, coco({**hands, picture: annotation}, "landmarks of hand radiographs"))
    return len(hands)
