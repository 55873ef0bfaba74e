"""Prepare the knee's training arrays from folders of real radiographs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask
from skimage.transform import resize

from xgen_studio.diffusion import Denoiser
from xgen_studio.errors import InputError
from xgen_studio.imaging import attenuation_up, read_image
from xgen_studio.wings.knee.science.condition import PLANES
from xgen_studio.wings.knee.science.masks import check_radiograph, propose_planes, trouble
from xgen_studio.wings.knee.science.radiograph import leg_outline, normalised

SAME_KNEE = 0.99  # correlation of thumbnails above which two pictures count as one knee

Progress = Callable[[int, int], None]


def read_radiographs(folder: Path) -> tuple[list[str], list[NDArray[np.float32]], list[int]]:
    """Names, pictures (H, W) uint8 and KL grades of `knee/xray` below a data folder."""
    index = folder / "knee" / "xray_index.csv"
    try:
        with open(index, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(
            f"{index}: no list of radiographs ({error.strerror});"
            " name the folder that holds knee/xray_index.csv with --data"
        ) from error
    if not rows or not {"file", "kl_grade"} <= rows[0].keys():
        raise InputError(f"{index}: needs the columns file,kl_grade and at least one row")
    names = [row["file"] for row in rows]
    grades = []
    for line, row in enumerate(rows, start=2):
        if row["kl_grade"] not in ("-1", "0", "1", "2", "3", "4"):
            raise InputError(f"{index}, line {line}: KL grade '{row['kl_grade']}' is not 0 to 4")
        grades.append(int(row["kl_grade"]))
    pictures: list[NDArray[np.float32]] = []
    for name in names:
        pixels = attenuation_up(read_image(folder / "knee" / "xray" / name))
        check_radiograph(pixels, name)
        if pictures and pixels.shape != pictures[0].shape:
            raise InputError(f"{name}: is not of the same size as {names[0]}; resample it first")
        pictures.append(pixels)
    return names, pictures, grades


def same_knee_groups(pictures: list[NDArray[np.float32]]) -> NDArray[np.int64]:
    """A group number a picture: copies and mirror images of one radiograph share it.

    The public set holds some 170 mirrored and 60 plain copies, some under another KL grade; a
    split that parts them would test on what was trained on.
    """
    small = np.stack([resize(p.astype(np.float32), (32, 60), anti_aliasing=True) for p in pictures])

    def unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = x.reshape(len(x), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    plain, mirrored = unit(small), unit(small[:, :, ::-1])
    alike = np.maximum(plain @ plain.T, plain @ mirrored.T) > SAME_KNEE
    groups = np.arange(len(pictures))
    for i, j in zip(*np.nonzero(np.triu(alike, 1)), strict=True):
        groups[groups == groups[j]] = groups[i]
    return groups


def held_out_groups(groups: NDArray[np.int64], share: float, seed: int = 0) -> NDArray[np.bool_]:
    """True for pictures of the held-out groups: about `share` of all pictures."""
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    held = np.zeros(len(groups), dtype=bool)
    for group in order:
        if held.mean() >= share:
            break
        held |= groups == group
    return held


def prepare_xray(
    folder: Path, proposer: Denoiser, progress: Progress = lambda done, total: None
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays for `knee-xray`, and the radiographs left out with the reason for each.

    KL grades that copies of one knee disagree about are set to -1 (unknown).
    """
    names, pictures, grades = read_radiographs(folder)
    groups = same_knee_groups(pictures)
    held = held_out_groups(groups, share=0.1)
    grade = np.asarray(grades, dtype=np.int8)
    for group in np.unique(groups):
        if len(np.unique(grade[groups == group])) > 1:
            grade[groups == group] = -1
    images, planes, keep, dropped = [], [], [], {}
    for i, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        bits = propose_planes(picture, proposer)
        why = trouble(bits)
        if why:
            dropped[name] = f"{why} ({'held out' if held[i] else 'training'})"
        else:
            keep.append(i)
            images.append(np.round(normalised(picture) * 255).astype(np.uint8))
            planes.append(bits)
        progress(i + 1, len(names))
    arrays = {
        "images": np.stack(images),
        "planes": np.stack(planes),
        "grade": grade[keep],
        "held_out": held[keep],
        "group": groups[keep],
        "name": np.asarray(names)[keep],
    }
    return arrays, dropped


def prepare_outlines(folder: Path, outlines: Path) -> dict[str, np.ndarray]:
    """Arrays for `knee-xray-masks` from hand-drawn outlines (polygons in pixels, JSON).

    Every eighth knee is held out. An outlined picture keeps the leg contour of `leg_outline`.
    """
    drawn = json.loads(outlines.read_text(encoding="utf-8"))["knees"]
    images, planes = [], []
    for knee in drawn:
        picture = read_image(folder / "knee" / "xray" / knee["file"]).pixels
        leg = leg_outline(picture)
        bits = np.zeros(picture.shape, np.uint8)
        for k, bone in enumerate(PLANES[1:], start=1):
            for polygon in knee.get(bone, []):
                inside = polygon2mask(picture.shape, np.asarray(polygon)[:, ::-1])
                bits |= (inside << k).astype(np.uint8)
        bits |= (leg | (bits > 0)).astype(np.uint8)
        images.append(np.round(normalised(picture, leg) * 255).astype(np.uint8))
        planes.append(bits)
    n = len(images)
    return {
        "images": np.stack(images),
        "planes": np.stack(planes),
        "grade": np.full(n, -1, np.int8),
        "held_out": np.arange(n) % 8 == 7,
        "name": np.asarray([knee["file"] for knee in drawn]),
    }
