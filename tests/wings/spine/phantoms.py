"""Vertebral bodies whose heights are known, drawn on any grid; and spines of formulas on voxels."""

from __future__ import annotations

from functools import cache

import numpy as np

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.frame import Frame, frame_of
from xgen_studio.wings.spine.science.parametric import Fracture, Patient, patient
from xgen_studio.wings.spine.science.raster import Map, rasterise
from xgen_studio.wings.spine.science.scanner import plain_scan, scanned

DEPTH, WIDTH = 30.0, 42.0
MIDDLE = np.array([7.3, -41.6, 310.4])


def turned(tilt=0.0, lean=0.0, spin=0.0, middle=MIDDLE) -> Frame:
    """A vertebra that leans back by `tilt`, to its left by `lean`, and is rotated by `spin`
    degrees."""
    t, n, s = np.radians([tilt, lean, spin])
    return frame_of(middle, [np.sin(n), np.sin(t), np.cos(t)], [np.sin(s), np.cos(s), 0.0])


def grid(spacing=(1.0, 1.0, 1.0), direction=None, middle=MIDDLE, half=(46.0, 62.0, 40.0)) -> Volume:
    """An empty grid about a middle: `half` mm along its own x, y, z axes."""
    direction = np.eye(3) if direction is None else np.asarray(direction)
    counts = np.ceil(2 * np.array(half) / spacing).astype(int)
    first = middle - direction @ (np.array(half) * [1, 0.75, 1] + 0.3)
    return Volume(np.zeros(counts[::-1], np.uint8), spacing, tuple(first), direction)


def drawn(volume, frame, height, label=20, arch=True, depth=DEPTH, width=WIDTH, round_=True):
    """Draw a body into a grid, `height` mm high at places (left, back) of the half width and depth
    (a number, or a function of both), with an arch behind, the left process larger."""
    index = np.stack(np.indices(volume.shape), -1)
    left, back, up = np.moveaxis(frame.to_local(volume.index_to_mm(index)), -1, 0)
    x, y = 2 * left / width, 2 * back / depth
    high = height(np.clip(x, -1, 1), np.clip(y, -1, 1)) if callable(height) else height
    within = (
        np.abs(x) ** 2.6 + np.abs(y) ** 2.6 <= 1 if round_ else (np.abs(x) <= 1) & (np.abs(y) <= 1)
    )
    inside = within & (np.abs(up) <= high / 2)
    if arch:
        wall = depth / 2
        ring = (np.abs(np.abs(left) - 13) < 4) & (back > wall - 4) & (back < wall + 16)
        lamina = (np.abs(left) < 17) & (np.abs(back - wall - 18) < 3.5)
        process = (np.abs(left) < 3) & (back > wall + 18) & (back < wall + 38)
        side = (np.abs(back - wall - 9) < 4) & (left > 12) & (left < 30)
        side |= (np.abs(back - wall - 9) < 4) & (left < -12) & (left > -26)
        inside |= (ring | lamina | process) & (np.abs(up - 1) < 6) | side & (np.abs(up - 2) < 4)
    volume.voxels[inside] = label
    return volume


def body(height=24.0, spacing=(1.0, 1.0, 1.0), direction=None, frame=None, **how):
    """A volume with one body, and its frame."""
    frame = turned() if frame is None else frame
    return drawn(grid(spacing, direction), frame, height, **how), frame


FRACTURES = {"L1": Fracture("wedge", 0.5, upper=0.9), "L3": Fracture("biconcave", 0.3)}


@cache
def spine(
    seed: int = 4, lowest: str = "L4", highest: str = "T11", broken: bool = True
) -> tuple[Patient, Map]:
    """A patient, and the map of its spine at 1.25 mm."""
    rng = np.random.default_rng(seed)
    fractures = FRACTURES if broken else None
    truth = patient(rng, lowest, highest, fractures)
    return truth, rasterise(truth, (1.25, 1.25, 1.25), rng)


@cache
def scan(seed: int = 4, **how) -> Volume:
    """The CT of `spine`, int16 HU."""
    _, made = spine(seed, **how)
    image = scanned(
        made.tissue, made.volume.spacing, plain_scan(140.0), np.random.default_rng(seed)
    )
    return Volume(image.astype(np.int16), made.volume.spacing, made.volume.origin, modality="CT")


def mask(seed: int = 4, whole: bool = True, **how) -> Volume:
    """The labels of `spine`: VerSe numbers, arches included where `whole`."""
    _, made = spine(seed, **how)
    voxels = made.whole if whole else made.labels
    return Volume(voxels.copy(), made.volume.spacing, made.volume.origin)
