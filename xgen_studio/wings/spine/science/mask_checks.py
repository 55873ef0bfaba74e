"""What a mask alone tells of its own mistakes: strays, order, gaps, merged vertebrae, borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.doubts import Doubt
from xgen_studio.wings.spine.science.labels import SpineLabels
from xgen_studio.wings.spine.science.levels import ORDER, RARE, place

Floats = NDArray[np.float64]
Box = tuple[slice, slice, slice]

SPECK_ML = 0.05  # smaller pieces are noise wherever they lie
SMALL_ML, SMALL_SHARE = 2.0, 0.1  # larger ones, of their label, are never removed
FAR_MM = 5.0  # an arch that a thin pedicle leaves detached lies nearer to its body
SECOND_SHARE = 0.4  # of the largest piece: another one that may be a vertebra
TWICE, TOO_HIGH = 2.0, 1.6  # times the neighbours' volume, or volume and height: two vertebrae
TOO_LARGE, TOO_SMALL = 1.8, 0.55  # times the neighbours: implausible
WIDE_GAP, CLOSE_GAP = 1.6, 1.4  # usual steps: a vertebra is missing between; none is
CUT_SHARE = 0.1  # of the largest cross-section that the border of the scan shows of a cut vertebra
_FACES = (("feet", "head"), ("front", "back"), ("right", "left"))


@dataclass(frozen=True, eq=False)
class Measured:
    """One label: its name, box, volume in ml, centre (3,) LPS mm, height along the scan in mm, and
    the face of the scan that cuts it, or ''."""

    label: int
    name: str
    box: Box
    ml: float
    centre: Floats
    height: float
    cut: str

    @property
    def compared(self) -> bool:
        """Whether its size can be compared with its neighbours': C1, C2 and S1 are of their own
        kind, and a cut one is smaller than it is."""
        return not self.cut and self.name not in ("C1", "C2", "S1")


def without_strays(labels: SpineLabels) -> tuple[SpineLabels, list[Doubt]]:
    """The labels without small pieces that lie away from their vertebra or nearer to another one,
    which has those that touch it; what was changed, and what larger is in pieces."""
    voxels = labels.volume.voxels.copy()
    ml = float(np.prod(labels.volume.spacing)) / 1000
    touching = 1.01 * float(np.linalg.norm(labels.volume.spacing))
    trees = _Trees(labels.volume)
    doubts = []
    for label, box in _boxes(voxels):
        parts, count = ndimage.label(voxels[box] == label, np.ones((3, 3, 3)))
        if count == 1:
            continue
        sizes: Floats = np.bincount(parts.ravel())[1:].astype(np.float64) * ml
        main = int(sizes.argmax()) + 1
        start = np.array([s.start for s in box])
        own = cKDTree(_sampled(labels.volume, np.argwhere(parts == main) + start))
        removed: list[float] = []
        given: dict[int, float] = {}
        apart = []
        farthest = 0.0
        for part in set(range(1, count + 1)) - {main}:
            size = sizes[part - 1]
            points = _sampled(labels.volume, np.argwhere(parts == part) + start)
            gap = float(own.query(points)[0].min())
            other, near = trees.nearest(points, label)
            small = size < min(SMALL_ML, SMALL_SHARE * sizes[main - 1])
            if near < gap and near <= touching and small:
                voxels[box][parts == part] = other  # a hole would be left in it
                given[other] = given.get(other, 0.0) + size
            elif size < SPECK_ML or (small and (gap > FAR_MM or near < gap)):
                voxels[box][parts == part] = 0
                removed.append(size)
                farthest = max(farthest, gap)
            elif size >= SMALL_SHARE * sizes[main - 1]:
                apart.append((part, size, gap))
        name = labels.name_of(label)
        if removed:
            many = "a piece" if len(removed) == 1 else f"{len(removed)} pieces"
            said = (
                f"{name}: {many} up to {farthest:.0f} mm beside it, {sum(removed):.2f} ml, removed"
            )
            doubts.append(Doubt(name, "stray", said))
        for other, ml_given in given.items():
            said = f"{name}: {ml_given:.2f} ml within {labels.name_of(other)} are given to it"
            doubts.append(Doubt(name, "stray", said))
        doubts += _in_pieces(labels, name, parts, main, sizes, apart, start)
    if not doubts:
        return labels, []
    regions = labels.subregions
    return (
        replace(
            labels,
            volume=replace(labels.volume, voxels=voxels),
            subregions=None if regions is None else np.where(voxels > 0, regions, 0),
        ),
        doubts,
    )


def _in_pieces(
    labels: SpineLabels,
    name: str,
    parts: NDArray[np.int32],
    main: int,
    sizes: Floats,
    apart: Sequence[tuple[int, float, float]],
    start: NDArray[np.intp],
) -> list[Doubt]:
    """Large pieces: one above the other are two vertebrae, else the label is torn."""
    doubts = []
    middle = _middle(labels.volume, parts == main, start)
    spine_step = _usual_step(labels)
    for part, size, gap in apart:
        off = _middle(labels.volume, parts == part, start) - middle
        along, across = abs(off[2]), float(np.hypot(off[0], off[1]))
        if size >= SECOND_SHARE * sizes[main - 1] and along > max(across, 0.7 * spine_step):
            between = _between(labels, middle, middle + off, name)
            if between:
                said = f"{name} marks two places of the spine, with {between[0]} between them"
                doubts.append(Doubt(name, "duplicate", said))
            else:
                said = f"{name} marks two vertebrae, {along:.0f} mm one above the other"
                doubts.append(Doubt(name, "merged", said))
        else:
            said = f"{name} is in pieces: {size:.1f} ml lie {gap:.0f} mm apart from the rest"
            doubts.append(Doubt(name, "stray", said))
    return doubts


def measured(labels: SpineLabels) -> list[Measured]:
    """Every label, from head to feet by name."""
    voxels, spacing = labels.volume.voxels, labels.volume.spacing
    boxes = dict(_boxes(voxels))
    found = []
    for label in labels.present:
        box = boxes[label]
        inside = voxels[box] == label
        start = np.array([s.start for s in box])
        found.append(
            Measured(
                label,
                labels.name_of(label),
                box,
                float(inside.sum() * np.prod(spacing)) / 1000,
                _middle(labels.volume, inside, start),
                inside.shape[0] * spacing[2],
                _cut(inside, box, labels.volume.shape),
            )
        )
    return found


def _cut(inside: NDArray[np.bool_], box: Box, shape: Sequence[int]) -> str:
    """The face of the scan that shows a cross-section of the vertebra, or ''."""
    for axis, (low, high) in enumerate(_FACES):
        areas = inside.sum(axis=tuple(k for k in range(3) if k != axis))
        for face, at, touches in (
            (low, 0, box[axis].start == 0),
            (high, -1, box[axis].stop == shape[axis]),
        ):
            if touches and areas[at] >= CUT_SHARE * areas.max():
                return face
    return ""


def cut_doubts(vertebrae: Sequence[Measured]) -> list[Doubt]:
    """Those that the border of the scan cuts: their heights cannot be measured."""
    return [
        Doubt(v.name, "partial", f"{v.name} is cut by the border of the scan towards the {v.cut}")
        for v in vertebrae
        if v.cut
    ]


def order_doubts(vertebrae: Sequence[Measured]) -> list[Doubt]:
    """Names must go down from head to feet. `vertebrae` in the order of their names."""
    heights = np.array([v.centre[2] for v in vertebrae])
    if len(heights) < 2:
        return []
    steps = np.diff(heights)
    if len(steps) > 1 and np.mean(steps > 0) > 0.75:
        said = (
            f"{vertebrae[0].name} lies below {vertebrae[-1].name}: the scan is upside down, or"
            " its numbers run the other way"
        )
        return [Doubt("", "upside down", said)]
    doubts = []
    k = 0
    while k < len(steps):
        if steps[k] <= 0:
            k += 1
            continue
        upper, lower = vertebrae[k].name, vertebrae[k + 1].name
        swapped = np.all(np.diff(np.delete(heights, [k, k + 1])) < 0) and _fits_swapped(heights, k)
        said = f"{lower} lies above {upper}" + (": the two are swapped" if swapped else "")
        doubts += [Doubt(name, "order", said) for name in ((upper, lower) if swapped else (lower,))]
        k += 2 if swapped else 1
    return doubts


def _fits_swapped(heights: Floats, k: int) -> bool:
    """Whether exchanging two neighbours mends the order around them."""
    mended = heights.copy()
    mended[[k, k + 1]] = heights[[k + 1, k]]
    return bool(np.all(np.diff(mended[max(0, k - 1) : k + 3]) < 0))


def gap_doubts(vertebrae: Sequence[Measured]) -> list[Doubt]:
    """Levels that have no mask between two that have one. `vertebrae` named, in their order."""
    pairs = list(pairwise(vertebrae))
    far = [float(np.linalg.norm(b.centre - a.centre)) for a, b in pairs]
    counts = [_steps_between(a.name, b.name) for a, b in pairs]
    usual = [d for d, n in zip(far, counts, strict=True) if n == 1]
    step = float(np.median(usual)) if usual else 0.0
    doubts = []
    for (a, b), d, n in zip(pairs, far, counts, strict=True):
        if n == 1:
            if len(usual) >= 3 and d > WIDE_GAP * step:
                said = f"{a.name} and {b.name} stand {d:.0f} mm apart: one between may be missing"
                doubts.append(Doubt(b.name, "missing", said))
            continue
        absent = ", ".join(_names_between(a.name, b.name))
        if usual and d < CLOSE_GAP * step:
            said = f"{b.name} follows {a.name} at one step: {absent} is skipped in the numbering"
            doubts.append(Doubt(b.name, "order", said))
        else:
            doubts.append(
                Doubt("", "missing", f"{absent} has no mask, between {a.name} and {b.name}")
            )
    return doubts


def size_doubts(vertebrae: Sequence[Measured]) -> list[Doubt]:
    """Volumes and heights beside the neighbours': two in one, or one too large or too small."""
    doubts = []
    for k, v in enumerate(vertebrae):
        others = [o for o in vertebrae[max(0, k - 2) : k + 3] if o is not v and o.compared]
        if not others or v.name in ("C1", "C2", "S1"):
            continue
        size = v.ml / float(np.median([o.ml for o in others]))
        height = v.height / float(np.median([o.height for o in others]))
        if size >= TWICE or (size > TOO_HIGH and height > TOO_HIGH):
            said = (
                f"{v.name} has {size:.1f} times the volume and {height:.1f} times the height of its"
                " neighbours: two vertebrae in one?"
            )
            doubts.append(Doubt(v.name, "merged", said))
        elif not v.cut and not TOO_SMALL < size < TOO_LARGE:
            said = f"{v.name} has {v.ml:.0f} ml, {size:.1f} times its neighbours"
            doubts.append(Doubt(v.name, "volume", said))
    return doubts


def _steps_between(upper: str, lower: str) -> int:
    return max(1, int(np.ceil(place(lower)) - np.ceil(place(upper))))


def _names_between(upper: str, lower: str) -> list[str]:
    return [n for n in ORDER[ORDER.index(upper) + 1 : ORDER.index(lower)] if n not in RARE]


def _usual_step(labels: SpineLabels) -> float:
    """Median distance along the scan between neighbours, at least a cervical one."""
    heights = [s.start + (s.stop - s.start) / 2 for _, (s, _, _) in _boxes(labels.volume.voxels)]
    steps = np.abs(np.diff(sorted(heights))) * labels.volume.spacing[2]
    return max(12.0, float(np.median(steps))) if len(steps) else 20.0


def _between(labels: SpineLabels, one: Floats, other: Floats, name: str) -> list[str]:
    """Other vertebrae whose middle lies between two heights."""
    low, high = sorted((one[2], other[2]))
    return [v.name for v in measured(labels) if v.name != name and low < v.centre[2] < high]


def _boxes(voxels: NDArray[np.uint8]) -> list[tuple[int, Box]]:
    return [(k, b) for k, b in enumerate(ndimage.find_objects(voxels), 1) if b is not None]


def _middle(volume: Volume, inside: NDArray[np.bool_], start: NDArray[np.intp]) -> Floats:
    return volume.index_to_mm(np.argwhere(inside).mean(axis=0) + start)


def _sampled(volume: Volume, index: NDArray[np.intp], most: int = 20_000) -> Floats:
    return volume.index_to_mm(index[:: max(1, len(index) // most)])


class _Trees:
    """Where the other vertebrae are; built for those that are asked for."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._boxes = dict(_boxes(volume.voxels))
        self._trees: dict[int, cKDTree] = {}

    def nearest(self, points: Floats, label: int) -> tuple[int, float]:
        """The vertebra nearest to the points, `label` left out, and its distance in mm."""
        best = (0, float("inf"))
        for other, box in self._boxes.items():
            if other == label:
                continue
            if other not in self._trees:
                at = np.argwhere(self._volume.voxels[box] == other) + [s.start for s in box]
                self._trees[other] = cKDTree(_sampled(self._volume, at))
            apart = float(self._trees[other].query(points)[0].min())
            best = min(best, (other, apart), key=lambda found: found[1])
        return best
