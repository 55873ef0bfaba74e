"""Vertebral bodies proposed in a CT: a network says what each voxel is, and how high in its body;
bodies are told apart where the height jumps, put in order, and named from an anchor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.segmentation import watershed

from xgen_studio.document.blocks import largest_part
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.networks import UNet3D
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.measuring import CUT_SAID
from xgen_studio.wings.spine.science.proposal_data import CLASSES, SPACING, as_input
from xgen_studio.wings.spine.science.sacrum import sacral_below, sacrum_in

TILE = 96  # voxels of the network's grid along the body at a time
OVERLAP = 24  # voxels two tiles share; the middle of each is kept
CORE = 0.42  # of the height: what lies closer to the middle is certainly one vertebra's
LEAST_ML = 0.35  # of a core: a crushed body of the upper thorax still has it
FAR = 32.0  # mm beside the line of the others: a rib's head, a calcified nodule
WIDE, HIGH_MOST = 36.0, 30.0  # mm from its middle, sideways and up, that no body reaches
NEXT = (5.0, 27.0)  # mm from a body's middle back to its canal
REACH = 40.0  # mm from the canal to the front of the largest body
FEW = 200  # voxels of canal that are none
CRUMB = 0.22  # of the median volume of those around
APART = 9.0  # mm that two bodies' middles stand apart at least
BODY, DISC, CANAL, SACRUM = (CLASSES.index(n) for n in ("body", "disc", "canal", "sacrum"))
Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network sees, on its own grid: `body`, `disc`, `canal`, `sacrum` shares in [0, 1]
    and `height` in [-1, 1], each (D, H, W)."""

    grid: Volume
    body: NDArray[np.float32]
    disc: NDArray[np.float32]
    canal: NDArray[np.float32]
    sacrum: NDArray[np.float32]
    height: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Proposed:
    """Bodies from head to feet, not named yet.

    bodies    uint8 (D, H, W) on the network's grid: 1 the highest
    share     float32 (D, H, W): how sure the network is that a voxel is body
    centres   (n, 3) LPS mm
    doubts    by number from 1: what is not sure of it, in words
    sacrum    LPS mm of the sacrum's upper part, where it is seen
    """

    grid: Volume
    bodies: NDArray[np.uint8]
    share: NDArray[np.float32]
    centres: Floats
    doubts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    sacrum: Floats | None = None


def see(network: UNet3D, ct: Volume, report: Report = lambda _a, _b: None) -> Seen:
    """Run the network over a CT, whatever its grid."""
    fine = ct.to_lps().resampled((SPACING,) * 3)
    image = torch.from_numpy(as_input(fine.voxels))[None, None]
    device = next(network.parameters()).device
    depth = image.shape[2]
    starts = list(range(0, max(depth - OVERLAP, 1), TILE - OVERLAP))
    out = np.zeros((len(CLASSES) + 1, *fine.shape), np.float16)
    for number, start in enumerate(starts):
        tile = image[:, :, start : start + TILE].to(device)
        with torch.inference_mode():
            raw = network(tile)[0].float()
        shares = torch.cat([raw[: len(CLASSES)].softmax(0), raw[len(CLASSES) :].tanh()])
        lost = OVERLAP // 2 if start else 0
        out[:, start + lost : start + TILE] = shares[:, lost:].cpu().numpy()
        report(number + 1, len(starts))

    def of(index: int) -> NDArray[np.float32]:
        return out[index].astype(np.float32)

    return Seen(fine, of(BODY), of(DISC), of(CANAL), of(SACRUM), of(len(CLASSES)))


def bodies_of(seen: Seen) -> Proposed:
    """The bodies that are seen, in order, and what is doubtful of each. InputError where there is
    none."""
    inside = (seen.body > 0.5) & _near_the_canal(seen.canal)
    middles = inside & (np.abs(seen.height) < CORE) & _rising(seen.height)
    cores, count = ndimage.label(ndimage.binary_opening(middles))
    sizes = np.bincount(cores.ravel(), minlength=count + 1) * SPACING**3 / 1000
    kept = [number for number in range(1, count + 1) if sizes[number] >= LEAST_ML]
    kept = _along_the_spine(cores, _before_the_canal(cores, kept, seen.canal), seen.grid)
    bodies = _grown(seen, cores, kept, inside)
    while crumbs := _crumbs(bodies, len(kept)):
        kept = [core for number, core in enumerate(kept, 1) if number not in crumbs]
        bodies = _grown(seen, cores, kept, inside)
    sacral = sacral_below(bodies, len(kept), seen.grid)
    if sacral:
        kept = kept[:-sacral]
        first = ndimage.center_of_mass(bodies == len(kept) + 1)
        bodies[bodies > len(kept)] = 0
    if not kept:
        name = seen.grid.source or "this CT"
        raise InputError(
            f"{name}: no vertebral body is seen in it; is it a CT of the spine, in HU? Draw a mask,"
            " or give one with --mask"
        )
    index = np.array(ndimage.center_of_mass(bodies > 0, bodies, range(1, len(kept) + 1)))
    centres = seen.grid.index_to_mm(index)
    sacrum = (
        seen.grid.index_to_mm(first) if sacral else sacrum_in(seen.sacrum, seen.grid, centres[-1])
    )
    proposed = Proposed(seen.grid, bodies, seen.body, centres, sacrum=sacrum)
    return Proposed(**{**proposed.__dict__, "doubts": _doubts(proposed)})


def _grown(
    seen: Seen, cores: NDArray[np.int32], kept: Sequence[int], inside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Bodies 1, 2, ... around cores: watersheds of the height, whose basin is a body's middle."""
    markers = np.zeros(cores.shape, np.int32)
    for number, core in enumerate(kept, 1):
        markers[cores == core] = number
    if not kept:
        return markers.astype(np.uint8)
    bodies = watershed(np.abs(seen.height), markers, mask=inside).astype(np.uint8)
    return _largest_parts(_near_their_cores(bodies, markers, len(kept)), len(kept))


def _crumbs(bodies: NDArray[np.uint8], count: int) -> set[int]:
    """Bodies far smaller than those beside them: pieces of an arch, a rib, the sacrum. The worst
    collapse leaves a third of a body."""
    volume = np.bincount(bodies.ravel(), minlength=count + 1)[1:]
    found = set()
    for index in range(count if count > 2 else 0):
        around = volume[max(index - 3, 0) : index + 4]
        if volume[index] < CRUMB * np.median(around):
            found.add(index + 1)
    return found


def _rising(height: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the height grows towards the head, as it does in a body; between two that touch it
    falls, through the middle heights, from the upper end of one to the lower end of the other."""
    step = np.zeros_like(height)
    step[1:-1] = height[2:] - height[:-2]
    step[0], step[-1] = step[1], step[-2]
    return step > 0


def _near_the_canal(canal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where bodies can be; bowel with contrast that was taken for bone, and touches one, cannot.
    Everywhere where no canal is seen."""
    seen = canal > 0.5
    if seen.sum() < FEW:
        return np.ones(canal.shape, bool)
    return np.asarray(ndimage.distance_transform_edt(~seen, sampling=SPACING) < REACH)


def _before_the_canal(
    cores: NDArray[np.int32], kept: Sequence[int], canal: NDArray[np.float32]
) -> list[int]:
    """Cores with the spinal canal behind them: bodies; hearts and spinous processes have not. All
    where no canal is seen."""
    seen = np.argwhere(canal > 0.5) * SPACING
    if len(seen) < FEW or not kept:
        return list(kept)
    centres = np.array(ndimage.center_of_mass(cores > 0, cores, kept)).reshape(-1, 3) * SPACING
    far, nearest = cKDTree(seen).query(centres)
    behind = seen[nearest, 1] - centres[:, 1]
    fits = (far > NEXT[0]) & (far < NEXT[1]) & (behind > 0.3 * far)
    return [number for number, good in zip(kept, fits, strict=True) if good]


def _along_the_spine(cores: NDArray[np.int32], kept: Sequence[int], grid: Volume) -> list[int]:
    """Cores from head to feet, without those far beside the others' line."""
    if not kept:
        return []
    centres = grid.index_to_mm(np.array(ndimage.center_of_mass(cores > 0, cores, kept)))
    sizes = np.bincount(cores.ravel())[list(kept)]
    single: list[int] = []  # the largest core of each place
    for index in np.argsort(-sizes):
        if all(np.linalg.norm(centres[index] - centres[other]) > APART for other in single):
            single.append(int(index))
    kept, centres, sizes = [kept[i] for i in single], centres[single], sizes[single]
    order = np.argsort(-centres[:, 2])
    kept, centres, sizes = [kept[i] for i in order], centres[order], sizes[order]
    while len(kept) > 3:
        degree = min(3, len(kept) - 2)
        z = (centres[:, 2] - centres[:, 2].mean()) / 100
        off = np.zeros(len(kept))
        for axis in (0, 1):
            for leave in range(len(kept)):
                others = np.arange(len(kept)) != leave
                fit = np.polyfit(z[others], centres[others, axis], degree, w=sizes[others] ** 0.5)
                off[leave] = np.hypot(off[leave], np.polyval(fit, z[leave]) - centres[leave, axis])
        # at the ends a polynomial runs away: there its neighbour says more
        off[[0, -1]] = np.minimum(off[[0, -1]], _sideways(centres))
        worst = int(off.argmax())
        if off[worst] < FAR:
            break
        del kept[worst]
        centres, sizes = np.delete(centres, worst, 0), np.delete(sizes, worst)
    return list(kept)


def _sideways(centres: Floats) -> Floats:
    """How far the first and the last centre lie beside the line of the next two, mm."""
    found = []
    for end, near, far in ((0, 1, 2), (-1, -2, -3)):
        along = centres[near] - centres[far]
        along = along / max(float(np.linalg.norm(along)), 1e-6)
        step = centres[end] - centres[near]
        found.append(np.linalg.norm(step - (step @ along) * along))
    return np.array(found)


def _near_their_cores(
    bodies: NDArray[np.uint8], markers: NDArray[np.int32], count: int
) -> NDArray[np.uint8]:
    """Bodies without what is farther from their middle than any body reaches: an organ that the
    network took for bone is not drawn in with them."""
    middles = np.array(ndimage.center_of_mass(markers > 0, markers, range(1, count + 1)))
    index = np.argwhere(bodies)
    off = (index - middles[bodies[tuple(index.T)] - 1]) * SPACING
    far = (np.hypot(off[:, 1], off[:, 2]) > WIDE) | (np.abs(off[:, 0]) > HIGH_MOST)
    out = bodies.copy()
    out[tuple(index[far].T)] = 0
    return out


def _largest_parts(bodies: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Each body without its crumbs, and without holes."""
    out = np.zeros_like(bodies)
    for number, box in enumerate(ndimage.find_objects(bodies, count), 1):
        if box is None:
            continue
        own = bodies[box] == number
        opened = ndimage.binary_opening(own)  # thin bridges to what lies beside it
        largest = largest_part(opened if opened.any() else own)
        whole = ndimage.binary_dilation(largest, iterations=2) & own
        filled = ndimage.binary_fill_holes(whole)
        out[box][filled & (out[box] == 0)] = number
    return out


def _doubts(proposed: Proposed) -> dict[int, tuple[str, ...]]:
    """What is not sure of each body."""
    found: dict[int, list[str]] = {}
    count = len(proposed.centres)
    volume = np.bincount(proposed.bodies.ravel(), minlength=count + 1)[1:] * SPACING**3 / 1000
    steps = np.linalg.norm(np.diff(proposed.centres, axis=0), axis=1)
    border = _touching(proposed.bodies)
    for number in range(1, count + 1):
        said = found.setdefault(number, [])
        sure = proposed.share[proposed.bodies == number]
        if sure.mean() < 0.8:
            said.append(f"the network is unsure of its outline (mean share {sure.mean():.2f})")
        beside = [volume[i - 1] for i in (number - 1, number + 1) if 1 <= i <= count]
        if beside and volume[number - 1] < 0.45 * np.mean(beside):
            said.append(
                f"its volume, {volume[number - 1]:.1f} ml, is less than half of its neighbours'"
            )
        if beside and volume[number - 1] > 1.8 * np.mean(beside):
            said.append(
                f"its volume, {volume[number - 1]:.1f} ml, is almost twice its neighbours': two"
                " vertebrae in one?"
            )
        if number in border:
            said.append(CUT_SAID)
        if number < count and count > 3:
            usual = np.median(steps)
            if steps[number - 1] > 1.6 * usual:
                said.append("the next body is far below: one may be missing between them")
    return {number: tuple(said) for number, said in found.items() if said}


def _touching(bodies: NDArray[np.uint8]) -> set[int]:
    """Bodies with more than a few voxels on the border of the grid."""
    faces = [np.take(bodies, end, axis) for axis in range(3) for end in (0, -1)]
    counts = np.sum([np.bincount(face.ravel(), minlength=256) for face in faces], axis=0)
    return {number for number in range(1, 256) if counts[number] > 12}


def on_grid(proposed: Proposed, names: Sequence[str], ct: Volume) -> NDArray[np.uint8]:
    """VerSe labels on a CT's own grid; where shares of two bodies meet, the greater one wins."""
    out = np.zeros(ct.shape, np.uint8)
    best = np.full(ct.shape, 0.5, np.float32)
    boxes = ndimage.find_objects(proposed.bodies, len(names))
    for number, (name, box) in enumerate(zip(names, boxes, strict=True), 1):
        if box is None or name not in LABELS:
            continue
        share = share_of(proposed, number)
        corners = np.array([[s.start - 3, s.stop + 2] for s in box], dtype=float)
        grid = np.array(np.meshgrid(*corners, indexing="ij")).reshape(3, -1).T
        index = ct.mm_to_index(proposed.grid.index_to_mm(grid))
        lows = np.clip(np.floor(index.min(0)).astype(int), 0, ct.shape)
        highs = np.clip(np.ceil(index.max(0)).astype(int) + 1, 0, ct.shape)
        where = tuple(slice(int(a), int(b)) for a, b in zip(lows, highs, strict=True))
        voxels = np.stack(
            np.meshgrid(*(np.arange(s.start, s.stop) for s in where), indexing="ij"), -1
        )
        points = proposed.grid.mm_to_index(ct.index_to_mm(voxels))
        read = ndimage.map_coordinates(share, np.moveaxis(points, -1, 0), order=1, mode="constant")
        wins = read > best[where]
        out[where][wins] = LABELS[name]
        best[where][wins] = read[wins]
    return out


def share_of(proposed: Proposed, number: int) -> NDArray[np.float32]:
    """How sure each voxel is this body: the network's share, where no other body is nearer."""
    own = proposed.bodies == number
    near = ndimage.binary_dilation(own, iterations=2) & ((proposed.bodies == 0) | own)
    return np.where(near, proposed.share, 0).astype(np.float32)
