"""One vertebral body as two height fields: its upper and its lower endplate, below a voxel.

A mask of a body, or of a whole vertebra, becomes a `Body`: a frame along the normal between its
endplates, and how far each endplate lies from the frame's middle plane at A x L places of its
cross-section. Everything is in mm; nothing depends on the voxels' size or direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.frame import Floats, Frame, frame_of

ROWS, COLUMNS = 12, 9  # places from front to back, and from the right to the left
DEPTHS = (np.arange(ROWS) + 0.5) / ROWS  # of the cross-section's depth at each column
WIDTHS = np.linspace(-0.72, 0.72, COLUMNS)  # of half its width: further out the rim rounds off
REACH = 34.0  # mm from the middle that is looked at, to the sides, and up and down
BEHIND = 42.0  # mm to the back
STEP = 0.25  # mm along a column
BLUR = 0.6  # mm, of a mask before its surface is read: half of the steps between voxels
FINEST = 0.6  # mm: a mask that is softened by BLUR needs no finer voxels
PATIENT_BACK = np.array([0.0, 1.0, 0.0])
THIRD = {"anterior": slice(0, 4), "middle": slice(4, 8), "posterior": slice(8, 12)}
CENTRAL = slice(2, 7)  # columns of the thirds: the middle half of the width


class NoBodyError(ValueError):
    """A mask in which no vertebral body can be measured; the message says why."""


@dataclass(frozen=True, eq=False)
class Body:
    """A measured vertebral body.

    frame          its middle and axes
    top, bottom    (A, L) mm above the middle plane of the endplates, front to back, right to left
    front, back    (L,) mm to the back where the cross-section begins and ends at each column
    depth, width   of the cross-section, mm
    arch           the mask held an arch, which was cut off
    """

    frame: Frame
    top: Floats
    bottom: Floats
    front: Floats
    back: Floats
    depth: float
    width: float
    arch: bool

    @property
    def height(self) -> Floats:
        """(A, L) mm of each column."""
        return self.top - self.bottom

    def thirds(self) -> dict[str, float]:
        """Mean height of each third of the depth, in mm, over the middle half of the width."""
        return thirds_of(self.height)

    def places(self) -> tuple[Floats, Floats]:
        """(A, L) mm to the left and to the back of each column."""
        left = np.broadcast_to(WIDTHS * self.width / 2, (ROWS, COLUMNS))
        back = self.front + DEPTHS[:, None] * (self.back - self.front)
        return np.asarray(left), np.asarray(back)


def thirds_of(columns: Floats) -> dict[str, float]:
    """Mean of each third of an (A, L) field over the middle half of its width."""
    return {name: float(columns[rows, CENTRAL].mean()) for name, rows in THIRD.items()}


Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Sampler:
    """How much of a place is mask: a label of a volume, cut out, softened, read anywhere.

    soft     shares 0 to 1, every `every`-th voxel of the volume (z, y, x) from index `first` on
    volume   the grid
    """

    soft: NDArray[np.float32]
    first: Floats
    every: Floats
    volume: Volume

    @classmethod
    def of(cls, labels: Volume, label: int, blur: float = BLUR, box: Box | None = None) -> Sampler:
        """Of one label, which lies in `box`; NoBodyError where the volume does not hold it."""
        where = (slice(None),) * 3 if box is None else _grown(box, labels)
        inside = labels.voxels[where] == label
        if not inside.any():
            raise NoBodyError("the mask does not hold it")
        start = np.array([s.start or 0 for s in where], dtype=float)
        return cls._made(labels, inside.astype(np.float32), start, blur)

    @classmethod
    def from_mask(cls, volume: Volume, inside: NDArray[np.bool_], blur: float = BLUR) -> Sampler:
        """Of voxels of a volume's grid."""
        return cls.from_soft(volume, inside.astype(np.float32), blur)

    @classmethod
    def from_soft(cls, volume: Volume, share: NDArray[np.float32], blur: float = BLUR) -> Sampler:
        """Of shares 0 to 1 of each voxel that are mask: probabilities, or partial volumes."""
        return cls._made(volume, share, np.zeros(3), blur)

    @classmethod
    def _made(
        cls, volume: Volume, share: NDArray[np.float32], start: Floats, blur: float
    ) -> Sampler:
        """Of shares from index `start` of the volume on."""
        spacing = np.array(volume.spacing[::-1])
        [box] = ndimage.find_objects((share > 0.05).astype(np.uint8))
        grown = _grown(box, volume, share.shape)
        # a voxel beyond the scan is empty: a body that is cut by its border ends there
        soft = ndimage.gaussian_filter(share[grown], blur / spacing, mode="constant")
        every = np.maximum(np.floor(FINEST / spacing), 1)
        thinned = soft[tuple(slice(None, None, int(n)) for n in every)]
        first = start + [s.start for s in grown]
        return cls(np.ascontiguousarray(thinned), first, every, volume)

    def at(self, mm: ArrayLike) -> NDArray[np.float32]:
        """Share of mask, 0 to 1, at points (..., 3) LPS mm."""
        points = np.moveaxis(self._index(mm), -1, 0)
        read = ndimage.map_coordinates(self.soft, points, order=1, mode="constant")
        return np.asarray(read, dtype=np.float32)

    def block(self, frame: Frame) -> NDArray[np.bool_]:
        """Mask or not on a frame's own millimetres (`_UP`, `_BACK`, `_LEFT`)."""
        inside = np.zeros((len(_UP), len(_BACK), len(_LEFT)), dtype=bool)
        last = np.array(self.soft.shape) - 1
        corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
        local = frame.to_local(self._mm((corners + 1) / 2 * last + corners))[:, ::-1]
        starts = np.array([_UP[0], _BACK[0], _LEFT[0]])
        low = np.clip(np.floor(local.min(0) - starts), 0, inside.shape).astype(int)
        high = np.clip(np.ceil(local.max(0) - starts) + 1, 0, inside.shape).astype(int)
        if (high <= low).any():
            return inside
        # places of a block stand in rows, so that one matrix takes them all to voxels
        steps = np.concatenate([np.zeros((1, 3)), np.eye(3)]) + starts + low
        index = self._index(frame.to_patient(steps[:, ::-1]))
        part = ndimage.affine_transform(
            self.soft,
            (index[1:] - index[0]).T,
            index[0],
            tuple(high - low),
            order=1,
            mode="constant",
        )
        inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = part > 0.5
        return inside

    def _index(self, mm: ArrayLike) -> Floats:
        return np.asarray((self.volume.mm_to_index(mm) - self.first) / self.every)

    def _mm(self, index: Floats) -> Floats:
        return self.volume.index_to_mm(index * self.every + self.first)

    @cached_property
    def middle(self) -> Floats:
        """LPS mm of the middle of the thickest part, which is the body, not the arch; NoBodyError
        where nothing is left of the mask once it is softened."""
        spacing = np.array(self.volume.spacing[::-1]) * self.every
        deep = ndimage.distance_transform_edt(np.pad(self.soft > 0.5, 1), sampling=spacing) ** 3
        if not deep.any():
            raise NoBodyError("the mask is thinner than its voxels")
        grid = np.stack(np.nonzero(deep), -1)
        weights = deep[deep > 0]
        return self._mm((grid * weights[:, None]).sum(0) / weights.sum() - 1)


def _grown(box: Box, volume: Volume, shape: tuple[int, ...] | None = None) -> Box:
    """A box with room for what softening spreads, within a shape (the volume's)."""
    room = np.ceil(6 / np.array(volume.spacing[::-1])).astype(int)
    sides = zip(box, room, shape or volume.shape, strict=True)
    z, y, x = (slice(max(s.start - n, 0), min(s.stop + n, size)) for s, n, size in sides)
    return (z, y, x)


def measure(sampler: Sampler, up: ArrayLike, back: ArrayLike = PATIENT_BACK) -> Body:
    """The body in a mask. `up` and `back` say roughly how it stands in the patient (LPS).

    The frame is turned until its columns stand square to the mean of both endplates. NoBodyError
    where no body can be seen.
    """
    frame = frame_of(sampler.middle, up, back)
    arch = False
    for turn in range(4):
        block = _block(sampler, frame)
        behind, arch_now = _wall(block)
        arch = arch or arch_now
        frame, moved = _turned(block, behind, frame, arch)
        if moved < 0.3 and turn > 0:
            break
    block = _block(sampler, frame)
    behind, _ = _wall(block)
    return _fields(sampler, block, behind, frame, arch)


# -- the block around a body: (w, p, l) on a 1 mm grid ---------------------------------------------

_UP = np.arange(-REACH, REACH + 1)
_BACK = np.arange(-REACH, BEHIND + 1)
_LEFT = np.arange(-REACH, REACH + 1)


def _block(sampler: Sampler, frame: Frame) -> NDArray[np.bool_]:
    """Mask or not, on the frame's own millimetres (up, back, left)."""
    inside = sampler.block(frame)
    numbered, count = ndimage.label(inside)
    if count == 0:
        raise NoBodyError("no mask lies around its middle")
    if count > 1:  # crumbs around it are no part of it
        sizes = np.bincount(numbered.ravel())
        sizes[0] = 0
        inside = numbered == sizes.argmax()
    return np.asarray(inside)


def _wall(block: NDArray[np.bool_]) -> tuple[Floats, bool]:
    """Where the back wall of the body stands, (W,) mm to the back at each height, and whether
    there is an arch behind it.

    The canal is seen where a strip of 8 mm about the middle turns from mask to nothing; pedicles
    stand beside it, so that the wall is drawn on to both sides and they are cut off.
    """
    strip = block[:, :, np.abs(_LEFT) <= 4].mean(2) > 0.5
    from_middle = _BACK >= 0
    filled = strip[:, from_middle]
    wall = np.full(len(_UP), np.nan)
    for row in np.flatnonzero(strip[:, np.abs(_BACK) <= 4].any(1)):
        holes = np.flatnonzero(~filled[row])
        holes = holes[holes > 2]
        wall[row] = holes[0] - 0.5 if len(holes) else np.nan
    seen = np.isfinite(wall)
    if not seen.any():
        raise NoBodyError("its back wall cannot be told from its arch")
    # heights where the canal is not seen (the arch's ring is closed there by a wrong mask) follow
    rows = np.flatnonzero(seen)
    middle = np.median(wall[rows])
    near = np.abs(wall[rows] - middle) < 6
    line = np.polyfit(_UP[rows][near], wall[rows][near], 1) if near.sum() > 6 else [0.0, middle]
    fitted = np.polyval(line, _UP)
    wall = np.nan_to_num(wall, nan=1e3)
    smooth = np.where(np.abs(wall - fitted) < 4, wall, fitted)
    behind = _BACK[None, :] > smooth[:, None] + 4
    arch = bool((block & behind[:, :, None]).sum() > 800)  # mm3; a body alone has next to none
    return np.asarray(smooth), arch


def _front_of(block: NDArray[np.bool_], wall: Floats, margin: float = 1.0) -> NDArray[np.bool_]:
    """The block without what lies behind the wall."""
    kept = block & (_BACK[None, :] <= wall[:, None] + margin)[:, :, None]
    return np.asarray(kept)


def _turned(
    block: NDArray[np.bool_], wall: Floats, frame: Frame, arch: bool
) -> tuple[Frame, float]:
    """The frame along the normals of both endplates, in the middle of the body, and by how much it
    moved (mm and degrees together)."""
    body = _front_of(block, wall) if arch else block
    core = _cross_section(body)
    if core.sum() < 80:  # mm2: the smallest bodies, of the upper thorax, have about 300
        raise NoBodyError("its cross-section is too small to be a vertebral body")
    inner = ndimage.binary_erosion(core, iterations=3) if core.sum() > 300 else core
    p, n = np.nonzero(inner)
    columns = body[:, p, n]
    top = len(_UP) - 1 - columns[::-1].argmax(0) + _UP[0] + 0.5
    bottom = columns.argmax(0) + _UP[0] - 0.5
    places = np.stack([_LEFT[n], _BACK[p], np.ones(len(p))], 1)
    slopes = [_plane(places, ends) for ends in (top, bottom)]
    normals = [np.array([-a, -b, 1.0]) / np.sqrt(a * a + b * b + 1) for a, b, _ in slopes]
    up_local = normals[0] + normals[1]
    p_all, n_all = np.nonzero(core)
    middle = np.array([_LEFT[n_all].mean(), _BACK[p_all].mean(), 0.0])
    middle[2] = np.mean([a * middle[0] + b * middle[1] + c for a, b, c in slopes])
    up = up_local / np.linalg.norm(up_local) @ frame.axes
    back = _to_arch(block, wall, middle) @ frame.axes if arch else frame.back
    moved = float(np.linalg.norm(middle) + np.degrees(np.arccos(np.clip(up @ frame.up, -1, 1))))
    return frame_of(frame.to_patient(middle), up, back), moved


def _to_arch(block: NDArray[np.bool_], wall: Floats, middle: Floats) -> Floats:
    """The direction (left, back, up) to the middle of the arch: how the vertebra is rotated. The
    arch's two halves are weighed alike, so that a missing process does not turn it."""
    behind = block & (_BACK[None, :] > wall[:, None] + 6)[:, :, None]
    _, p, n = np.nonzero(behind)
    if len(p) < 400:
        return np.array([0.0, 1.0, 0.0])
    near = np.abs(_LEFT[n] - middle[0]) < 20
    side, far = _LEFT[n][near] - middle[0], _BACK[p][near] - middle[1]
    angle = np.clip(np.median(np.arctan2(side, far)), -0.4, 0.4)
    return np.array([np.sin(angle), np.cos(angle), 0.0])


def _cross_section(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(P, L): where the middle of the body's height is filled."""
    heights = np.flatnonzero(body.any((1, 2)))
    areas = body.sum((1, 2))
    full = heights[areas[heights] > 0.5 * areas.max()]
    low, high = full[0], full[-1]
    quarter = max((high - low) // 4, 1)
    middle = body[low + quarter : high - quarter + 1]
    filled = middle.mean(0) > 0.5 if len(middle) else body[(low + high) // 2]
    numbered, count = ndimage.label(ndimage.binary_fill_holes(filled))
    if count > 1:
        sizes = np.bincount(numbered.ravel())
        sizes[0] = 0
        filled = numbered == sizes.argmax()
    return np.asarray(ndimage.binary_opening(filled, iterations=2) | (filled & (count == 0)))


def _plane(places: Floats, ends: Floats) -> Floats:
    """a, b, c of ends = a left + b back + c, whatever a notch or a spur says."""
    keep = np.ones(len(ends), dtype=bool)
    fit: Floats = np.zeros(3)
    for _ in range(4):
        fit = np.asarray(np.linalg.lstsq(places[keep], ends[keep], rcond=None)[0])
        off = np.abs(places @ fit - ends)
        keep = off <= max(2.5 * np.median(off), 1.0)
    return np.asarray(fit)


def _fields(
    sampler: Sampler, block: NDArray[np.bool_], wall: Floats, frame: Frame, arch: bool
) -> Body:
    """The endplates over the cross-section, each column read along the frame's `up`."""
    body = _front_of(block, wall) if arch else block
    core = _cross_section(body)
    n_any = np.flatnonzero(core.any(0))
    left_edge, right_edge = _LEFT[n_any[-1]] + 0.5, _LEFT[n_any[0]] - 0.5
    width = float(left_edge - right_edge)
    middle = (left_edge + right_edge) / 2
    at = middle + WIDTHS * width / 2
    edges = np.array([_extent(core, x) for x in at])
    front, back = _steady(edges[:, 0]), _steady(edges[:, 1])
    frame = Frame(frame.to_patient([middle, 0.0, 0.0]), frame.axes)
    left = np.broadcast_to(WIDTHS * width / 2, (ROWS, COLUMNS))
    deep = front + DEPTHS[:, None] * (back - front)
    along = np.arange(-REACH, REACH + STEP / 2, STEP)
    points = np.stack(np.broadcast_arrays(left[..., None], deep[..., None], along), -1)
    share = sampler.at(frame.to_patient(points))
    top, bottom = _ends(share, along)
    top, bottom = _mended(top), _mended(bottom)
    shift = float((top + bottom).mean() / 2)
    frame = Frame(frame.to_patient([0.0, 0.0, shift]), frame.axes)
    depth = float(np.mean((back - front)[CENTRAL]))
    return Body(frame, top - shift, bottom - shift, front, back, depth, width, arch)


def _extent(core: NDArray[np.bool_], left: float) -> tuple[float, float]:
    """Where the cross-section begins and ends, mm to the back, at a place to the left."""
    column = core[:, int(np.clip(round(left - _LEFT[0]), 0, len(_LEFT) - 1))]
    rows = np.flatnonzero(column)
    if not len(rows):
        return (np.nan, np.nan)
    return (_BACK[rows[0]] - 0.5, _BACK[rows[-1]] + 0.5)


def _steady(values: Floats) -> Floats:
    """A run of numbers whose gaps are bridged and whose outliers are gone."""
    known = np.isfinite(values)
    if not known.any():
        raise NoBodyError("its cross-section is torn")
    bridged = np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])
    return np.asarray(ndimage.median_filter(bridged, 3, mode="nearest"))


def _ends(share: NDArray[np.float32], along: Floats) -> tuple[Floats, Floats]:
    """(A, L) mm: where the columns (A, L, W) leave the mask, upwards and downwards, between two
    samples. NaN where there is no mask on the way."""
    inside = share > 0.5
    # a column that a notch empties at the very middle begins where it is filled next to it
    order = np.argsort(np.abs(along))
    start = order[inside[..., order].argmax(-1)]
    empty = ~inside.any(-1)
    ends = []
    for step in (1, -1):
        run = inside if step == 1 else inside[..., ::-1]
        values = share if step == 1 else share[..., ::-1]
        first = start if step == 1 else share.shape[-1] - 1 - start
        beyond = np.arange(share.shape[-1]) >= first[..., None]
        exits = (~run & beyond).argmax(-1)
        exits = np.where((~run & beyond).any(-1), exits, share.shape[-1] - 1)
        a, i = np.ogrid[: share.shape[0], : share.shape[1]]
        before, after = values[a, i, exits - 1], values[a, i, exits]
        part = np.clip((before - 0.5) / np.maximum(before - after, 1e-6), 0, 1)
        position = along[0] + (exits - 1 + part) * STEP
        ends.append(np.where(empty, np.nan, position * step))
    return ends[0], ends[1]


def _mended(field: Floats) -> Floats:
    """An endplate without holes and single spikes: what the mask lacks is taken from beside it."""
    known = np.isfinite(field)
    if known.mean() < 0.6:
        raise NoBodyError("its endplates are torn: too little of it is masked")
    if not known.all():
        nearest = ndimage.distance_transform_edt(
            ~known, return_distances=False, return_indices=True
        )
        field = field[tuple(nearest)]
    calm = ndimage.median_filter(field, 3, mode="nearest")
    return np.asarray(np.where(np.abs(field - calm) > 2.0, calm, field))
