"""Files of vertebral centres in and out, each flavour tried against the mask.

VerSe's list counts voxels along the axes it names; HealthiVert-GAN's along the file's own axes;
both occur in the file's voxels and in cubes of 1 mm. Payer's tables and 3D Slicer's markups hold
millimetres. A file does not say which it is, so every reading is tried, and the one whose points
lie in their own labels wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, write_json
from xgen_studio.wings.spine.science.centroid_files import Points, read_points
from xgen_studio.wings.spine.science.labels import SpineLabels
from xgen_studio.wings.spine.science.levels import LABELS, NAMES, in_order
from xgen_studio.wings.spine.science.numbering import Subregion

Floats = NDArray[np.float64]

BESIDE_MM = 5.0  # a point farther from its own label than this is worked out from the mask
SAMPLED = 20_000  # voxels of a label that distances are taken from, at most
RING_MM = 15.0  # C1 is a ring: VerSe's point is its middle
CORE = 0.6  # of the largest depth below the surface: what is deeper is the body's core
STEEP = 2.0  # depth counts so much more along the spine, or a crushed body is thinner than its arch
_OPPOSITE = dict(zip("LPSRAI", "RAILPS", strict=True))


@dataclass(frozen=True, eq=False)
class Centroids:
    """Centres of vertebrae.

    points   (3,) LPS mm by level, from head to feet
    reading  how the file's numbers were taken, in words
    notes    what was left out or worked out anew
    """

    points: dict[str, Floats]
    reading: str
    notes: tuple[str, ...] = ()


def read_centroids(
    path: Path, labels: SpineLabels | None = None, ct: Volume | None = None
) -> Centroids:
    """The centres in a VerSe or HealthiVert-GAN JSON, a Slicer .mrk.json or .fcsv, or a table of
    Payer's (its row of the mask's or the CT's name).

    With `labels` the reading is chosen by the mask, and a point that lies more than `BESIDE_MM`
    beside its own label is replaced by the mask's own centre; both are said. Without, voxels are
    counted in the grid of `ct` (as `read_volume` gives it) as the flavour's paper does. InputError,
    one line, where nothing is understood, or voxels are counted and there is no grid.
    """
    name = labels.volume.source if labels else ct.source if ct else None
    found = read_points(path, name)
    levels = {label: NAMES[label] for label in found.xyz if label in NAMES}
    notes = list(found.notes)
    if strange := sorted(set(found.xyz) - set(levels)):
        notes.append(f"left out: labels {', '.join(map(str, strange[:6]))}, which are no vertebrae")
    if not levels:
        raise InputError(f"{path}: holds no centre of a vertebra; check which file it is")
    grid = labels.volume if labels else ct
    axes = labels.stored_axes if labels else ct.axis_codes if ct else "LPS"
    readings = _readings(found, grid, axes)
    if not readings:
        raise InputError(
            f"{path}: counts voxels, and the picture that they are counted in is not known; open"
            " it with its mask or CT"
        )
    if labels is None or not labels.named:
        said, points = _inside_most(readings, grid)
        placed = {levels[i]: points[i] for i in levels}
    else:
        trees = _trees(labels)
        best = min(readings, key=lambda r: _misfit(r[1], trees))
        said, points = best
        placed = _checked(points, levels, labels, trees, notes)
    return Centroids({n: placed[n] for n in in_order(placed)}, said, tuple(notes))


def centres_of(labels: SpineLabels) -> dict[str, Floats]:
    """The middle of each vertebral body, (3,) LPS mm by level (or 'vertebra 3').

    From the subregions where they are known, else of the core: the voxels deeper below the surface
    than `CORE` of the deepest, which lie in the body, because arch and processes are thin. C1 has
    no body: the middle of its ring. On the four shared VerSe masks within
    3.3 mm of the file's own points, C2 within 5.4.
    """
    voxels = labels.volume.voxels
    spacing = np.array(labels.volume.spacing[::-1])
    boxes = ndimage.find_objects(voxels)
    centres = {}
    for label in labels.present:
        box = boxes[label - 1]
        inside = voxels[box] == label
        body = inside
        if labels.subregions is not None:
            body = inside & (labels.subregions[box] == Subregion.BODY)
        if labels.subregions is None or not body.any():
            ring = labels.named and label == LABELS["C1"]
            body = inside if ring else _core(inside, spacing)
        start = np.array([s.start for s in box])
        index = np.argwhere(body).mean(axis=0) + start
        centres[labels.name_of(label)] = labels.volume.index_to_mm(index)
    return centres


def write_centroids(path: Path, centres: Mapping[str, ArrayLike], volume: Volume) -> None:
    """VerSe's flavour: a list that opens with the axes of `volume`, then X, Y, Z in its voxels.

    centres  (3,) LPS mm by level. Written whole or not at all; `read_centroids` gives them back to
    0.001 of a voxel. InputError for a name that is no level.
    """
    if strange := sorted(set(centres) - set(LABELS)):
        raise InputError(f"{path}: {strange[0]!r} is no level; name the vertebrae first")
    entries: list[dict[str, Any]] = [{"direction": list(volume.axis_codes)}]
    for level in in_order(centres):
        z, y, x = volume.mm_to_index(np.asarray(centres[level], dtype=np.float64)).tolist()
        place = {"X": round(x, 3), "Y": round(y, 3), "Z": round(z, 3)}
        entries.append({"label": LABELS[level], **place})
    write_json(path, entries, indent=None)


Reading = tuple[str, dict[int, Floats]]


def _readings(found: Points, grid: Volume | None, stored: str) -> list[Reading]:
    """What the numbers can mean, likeliest first; `grid` and its axes as the file had them."""
    if found.kind == "mm":
        readings: list[Reading] = [("millimetres in the patient", dict(found.xyz))]
        if grid is not None and found.table:
            lps = grid.to_lps()
            origin = np.array(lps.origin)
            readings.insert(
                0,
                (
                    "millimetres from the first voxel in LPS order",
                    {i: origin + lps.direction @ p for i, p in found.xyz.items()},
                ),
            )
        return readings
    if grid is None:
        return []
    kinds = [(found.direction, f"axes {found.direction}")] if found.direction else []
    if stored != found.direction:
        kinds.append((stored, f"the file's own axes {stored}"))
    if not found.direction and stored != "PIR":
        kinds.append(("PIR", "axes PIR"))
    return [
        (
            f"{said}, in {'cubes of 1 mm' if cubes else 'voxels of the file'}",
            {i: _placed(p, codes, grid, cubes) for i, p in found.xyz.items()},
        )
        for cubes in (False, True)
        for codes, said in kinds
    ]


def _placed(point: Floats, codes: str, grid: Volume, cubes: bool) -> Floats:
    """LPS mm of a point whose X, Y, Z count voxels (or mm) along the axes `codes`."""
    lps = grid.to_lps() if grid.axis_codes != "LPS" else grid
    index = np.zeros(3)
    for value, code in zip(point, codes, strict=True):
        axis = "LPS".find(code) if code in "LPS" else "LPS".find(_OPPOSITE[code])
        along = value / lps.spacing[axis] if cubes else value
        count = lps.shape[2 - axis]
        index[axis] = along if code in "LPS" else count - 1 - along
    return lps.index_to_mm(index[::-1])


def _inside_most(readings: list[Reading], grid: Volume | None) -> Reading:
    """Without a mask: the first reading that puts all points into the picture, else the first."""
    if grid is None:
        return readings[0]

    def inside(reading: Reading) -> bool:
        index = grid.mm_to_index(np.array(list(reading[1].values())))
        return bool(np.all((index > -0.5) & (index < np.array(grid.shape) - 0.5)))

    return next((r for r in readings if inside(r)), readings[0])


def _trees(labels: SpineLabels) -> dict[int, cKDTree]:
    """Places of each label's voxels in mm, every so-manieth of them."""
    voxels = labels.volume.voxels
    boxes = ndimage.find_objects(voxels)
    trees = {}
    for label in labels.present:
        box = boxes[label - 1]
        at = np.argwhere(voxels[box] == label)
        at = at[:: max(1, len(at) // SAMPLED)] + [s.start for s in box]
        trees[label] = cKDTree(labels.volume.index_to_mm(at))
    return trees


def _misfit(points: Mapping[int, Floats], trees: Mapping[int, cKDTree]) -> float:
    """Mean distance in mm of the points to their labels, each counted to 100 mm at most."""
    apart = [min(100.0, float(trees[i].query(p)[0])) for i, p in points.items() if i in trees]
    return float(np.mean(apart)) if apart else 100.0


def _checked(
    points: Mapping[int, Floats],
    levels: Mapping[int, str],
    labels: SpineLabels,
    trees: Mapping[int, cKDTree],
    notes: list[str],
) -> dict[str, Floats]:
    """By level, those beside their label worked out anew, those without a label as they are."""
    placed = {}
    moved = []
    for label, level in levels.items():
        placed[level] = points[label]
        if label not in trees:
            notes.append(f"{level} has a centre and no mask")
            continue
        apart = float(trees[label].query(points[label])[0])
        if apart > (RING_MM if level == "C1" else BESIDE_MM):
            moved.append((level, apart))
    absent = [labels.name_of(i) for i in labels.present if NAMES[i] not in placed]
    if moved or absent:
        own = centres_of(labels)
        placed |= {level: own[level] for level, _ in moved} | {n: own[n] for n in absent}
    for level, apart in moved:
        said = f"{level}'s point lies {apart:.0f} mm beside its mask; worked out from the mask"
        notes.append(said)
    if absent:
        notes.append(f"{', '.join(absent)}: no point in the file, worked out from the mask")
    return placed


def _core(inside: NDArray[np.bool_], spacing: Floats) -> NDArray[np.bool_]:
    """The voxels well below the surface, on a grid no finer than 1 mm."""
    steps = np.maximum(1, np.floor(1.0 / spacing)).astype(int)
    coarse = inside[:: steps[0], :: steps[1], :: steps[2]]
    if not coarse.any():
        return inside
    depth = ndimage.distance_transform_edt(
        np.pad(coarse, 1), sampling=spacing * steps * (STEEP, 1.0, 1.0)
    )
    depth = depth[1:-1, 1:-1, 1:-1]
    core = np.zeros_like(inside)
    core[:: steps[0], :: steps[1], :: steps[2]] = depth >= CORE * depth.max()
    return core
