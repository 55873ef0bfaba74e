"""Spines that are bent in known ways, drawn on grids of any kind: no symmetry anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.frame import Frame, frame_of
from xgen_studio.wings.spine.science.levels import LABELS

NAMES = ("L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9")
HEIGHT, DEPTH, WIDTH = 22.0, 28.0, 36.0  # of the lowest body, mm; each above is 4 % smaller
PROCESS = ((4.0, 24.0), (12.0, 34.0), (-4.0, 4.0))  # to the left, back and up: on one side only
MARK = np.array([11.0, 17.0, 6.0])  # left, back, up of a centre, mm


@dataclass(frozen=True)
class Spine:
    """centres and frames by name; arcs: the true arc length of each centre, mm."""

    centres: dict[str, np.ndarray]
    frames: dict[str, Frame]
    arcs: dict[str, float]


def bent(sagittal=18.0, coronal=0.0, turned=0.0, wave=260.0) -> Spine:
    """A spine whose centre lies at (coronal sin, sagittal cos, z) mm with waves of `wave` mm, and
    whose vertebrae turn about it by up to `turned` degrees."""
    z = np.linspace(0, 300, 30001)
    k = 2 * np.pi / wave
    line = np.stack([coronal * np.sin(k * z + 0.4), sagittal * np.cos(0.8 * k * z + 1), z], axis=-1)
    s = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    tangent = np.gradient(line, axis=0)
    centres, frames, arcs, at = {}, {}, {}, 20.0
    for n, name in enumerate(NAMES):
        i = int(np.searchsorted(s, at))
        angle = np.radians(turned) * np.sin(k * z[i])
        back = [np.sin(angle), np.cos(angle), 0]
        centres[name], arcs[name] = line[i] + [7.0, -3.0, 40.0], float(s[i])
        frames[name] = frame_of(centres[name], tangent[i], back)
        at += 32.0 * 0.97**n
    return Spine(centres, frames, arcs)


def drawn(
    spine: Spine, spacing=(1.0, 1.0, 1.0), direction=None, mark="T11"
) -> tuple[Volume, Volume]:
    """A CT and its labels: bodies with a process to the left and a bright ball at MARK of one."""
    turn = np.eye(3) if direction is None else np.asarray(direction)
    places = np.array(list(spine.centres.values())) @ turn  # along the grid's own axes
    low, high = places.min(axis=0) - 40, places.max(axis=0) + 40
    size = np.ceil((high - low) / spacing).astype(int)[::-1]
    grid = Volume(np.zeros(size, np.uint8), spacing, tuple(turn @ low), turn)
    labels = grid.voxels.copy()
    ct = np.full(labels.shape, 30, np.int16)
    ct += (8 * np.sin(np.arange(labels.shape[2]) / 5)).astype(np.int16)
    for n, (name, frame) in enumerate(spine.frames.items()):
        index = grid.mm_to_index(frame.origin)
        reach = np.ceil(40 / np.array(spacing)[::-1])
        box = [
            np.arange(max(0, int(i - r)), min(k, int(i + r) + 1))
            for i, r, k in zip(index, reach, labels.shape, strict=True)
        ]
        local = frame.to_local(grid.index_to_mm(np.stack(np.meshgrid(*box, indexing="ij"), -1)))
        scale = 0.96**n
        x, y, z = np.moveaxis(local / scale, -1, 0)
        body = ((2 * x / WIDTH) ** 2 + (2 * y / DEPTH) ** 2 < 1) & (np.abs(z) < HEIGHT / 2)
        (x0, x1), (y0, y1), (z0, z1) = PROCESS
        process = (x > x0) & (x < x1) & (y > y0) & (y < y1) & (z > z0) & (z < z1)
        there = np.ix_(*box)
        part = labels[there]
        part[body | process] = LABELS[name]
        labels[there] = part
        grey = ct[there]
        grey[body | process] = 250
        if name == mark:
            grey[np.linalg.norm(local - MARK, axis=-1) < 4] = 2500
        ct[there] = grey
    return (
        Volume(ct, grid.spacing, grid.origin, turn, modality="CT"),
        Volume(labels, grid.spacing, grid.origin, turn),
    )


def turn(degrees: float, axis: int) -> np.ndarray:
    """A rotation about one axis of the patient."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [k for k in range(3) if k != axis]
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = c
    matrix[a, b], matrix[b, a] = -s, s
    return matrix
