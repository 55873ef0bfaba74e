"""A CT or its labels straightened along the spine, and brought back onto the patient's own grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from xgen_studio.errors import InputError
from xgen_studio.imaging.geometry import triple
from xgen_studio.imaging.image import Volume
from xgen_studio.imaging.limits import check_size
from xgen_studio.wings.spine.science.curve import FOLD, STEP_MM, Curve

Floats = NDArray[np.float64]
Box = tuple[slice, slice, slice]  # z, y, x
Sampler = Callable[[NDArray[Any]], NDArray[Any]]

HALF_WIDTH_MM = 64.0
LATTICE_MM = 3.0  # where the way is worked out; between, it is linear, which is 0.1 mm off at most
EDGE_MM = 3 * LATTICE_MM  # about the tube, so that its own edge lies between knots
PLANES = 16  # at once, so that memory stays low
SAMPLED = (5, 5, 7)  # every so many planes, rows, columns a voxel is tried: all over the lattice


def straighten(
    volume: Volume,
    curve: Curve,
    spacing: float = 1.0,
    half_width: float = HALF_WIDTH_MM,
    nearest: bool = False,
    outside: float | None = None,
) -> Volume:
    """`volume` along the spine: a Volume whose mm are the curve's straight coordinates.

    Cubes of `spacing` mm, as far as the curve has samples, +-`half_width` mm to its left and back;
    identity direction. Grey is linear; axes of `volume` finer than half the spacing are averaged
    in blocks first, so that noise does not alias; coarse slices are interpolated. `nearest`: of
    labels, the one that has the largest share of the eight voxels around, weighted as in linear
    interpolation (label by label, that is its mask interpolated): smoother than the nearest voxel
    across 4 mm slices. `outside` (default 0 for labels, else the darkest value) stands where there
    is no patient and where the inside of a bend is folded, which meta["notes"] tells. InputError
    where no part of the volume is near the curve.
    """
    if outside is None:
        outside = 0 if nearest else float(volume.voxels.min())
    half = round(half_width / spacing)
    across: Floats = spacing * np.arange(-half, half + 1, dtype=np.float64)
    along: Floats = np.arange(curve.s[0], curve.s[-1] + 1e-6, spacing, dtype=np.float64)
    shape = (len(along), len(across), len(across))
    check_size(shape[::-1], "straightened spine")
    ends = [(-half_width, -half_width, along[0]), (half_width, half_width, along[-1])]
    box = _box(volume, curve, *ends)
    if box is None:
        raise InputError(
            f"{volume.source or 'volume'}: no part of it lies along this spine; the centres are"
            " another scan's, or in other coordinates"
        )
    part = volume if nearest else _averaged(volume, box, spacing)
    matrix, offset = _affine(part)
    sample = (_voted if nearest else _linear)(part.voxels)
    result = np.empty(shape, dtype=volume.voxels.dtype)
    left, back, _ = curve.axes_at(along)
    middle = curve.point_at(along) @ matrix.T + offset
    left, back = left @ matrix.T, back @ matrix.T
    for low in range(0, len(along), PLANES):
        k = slice(low, low + PLANES)
        at = (
            middle[k].T[:, :, None, None]
            + back[k].T[:, :, None, None] * across[:, None]
            + left[k].T[:, :, None, None] * across
        )
        values = _cast(sample(at), result.dtype)
        values[~_within(part.shape, at)] = outside
        result[k] = values
    notes = list(volume.notes)
    if curve.radius < np.sqrt(2) * half_width:
        folded = _put_out_folds(result, curve, along, across, outside)
        if folded:
            notes.append(
                f"the spine bends with a radius of {curve.radius:.0f} mm: {folded:.1%} of the"
                " straightened volume, inside of the bend, is left empty"
            )
    return Volume(
        result,
        spacing=(spacing, spacing, spacing),
        origin=(float(across[0]), float(across[0]), float(along[0])),
        modality=volume.modality,
        source=volume.source,
        meta={**volume.meta, "notes": notes} if notes else dict(volume.meta),
        synthetic=volume.synthetic,
    )


def unstraighten(
    straight: Volume,
    curve: Curve,
    onto: Volume,
    nearest: bool = False,
    outside: float | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """What lies in the straightened volume, on the grid of `onto`.

    Returns the voxels, shape of `onto` and type of `straight`, and which of them are covered; the
    others are `outside` (default as in `straighten`). Each voxel takes the value at its centre, by
    `nearest` as in `straighten`; nothing is averaged over thick slices.
    """
    if outside is None:
        outside = 0 if nearest else float(straight.voxels.min())
    result = np.full(onto.shape, outside, dtype=straight.voxels.dtype)
    covered = np.zeros(onto.shape, dtype=bool)
    far = np.array(straight.shape) - 1.0
    ends = straight.index_to_mm([np.zeros(3), far])
    box = _box(onto, curve, ends[0], ends[1])
    if box is None:
        return result, covered
    reach = float(np.linalg.norm(np.abs(ends)[:, :2].max(axis=0))) + EDGE_MM
    sample = (_voted if nearest else _linear)(straight.voxels)
    for planes, at, known in _ways(onto, box, curve, reach, straight.mm_to_index):
        there = (planes, *box[1:])
        inside = known & _within(straight.shape, at)
        covered[there] = inside
        result[there][inside] = _cast(sample(at[:, inside]), result.dtype)
    return result, covered


def round_trip_mm(
    curve: Curve, where: Volume | ArrayLike, half_width: float = HALF_WIDTH_MM
) -> float:
    """The largest error, mm, of places in the patient taken to the straight spine and back.

    where: points (..., 3) LPS mm; or a volume: a sample of its voxels in the tube about the curve,
    by the way on which `unstraighten` takes them. NaN where there is none.
    """
    if not isinstance(where, Volume):
        points = np.asarray(where, dtype=np.float64).reshape(-1, 3)
        return _largest(curve.to_patient(curve.to_straight(points)) - points)
    low = np.array([-half_width, -half_width, curve.s[0]])
    high = np.array([half_width, half_width, curve.s[-1]])
    errors = [np.empty((0, 3))]
    box = _box(where, curve, low, high)
    if box is None:
        return float("nan")
    reach = np.sqrt(2) * half_width + EDGE_MM
    for planes, at, sound in _ways(where, box, curve, reach, lambda mm: mm[..., ::-1]):
        some = tuple(slice(k // 2, None, k) for k in SAMPLED)
        straight = np.moveaxis(at[(slice(None), *some)], 0, -1)[..., ::-1]
        axes = zip((planes, *box[1:]), some, strict=True)
        ranges = [range(axis.start, axis.stop)[k] for axis, k in axes]
        index = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
        there = sound[some] & np.all((straight >= low) & (straight <= high), axis=-1)
        errors.append(curve.to_patient(straight[there]) - where.index_to_mm(index[there]))
    return _largest(np.concatenate(errors))


def round_trip_dice(
    labels: Volume, curve: Curve, spacing: float = 1.0, half_width: float = HALF_WIDTH_MM
) -> dict[int, float]:
    """Dice of each label after it went to the straightened spine and back, where it is covered."""
    straight = straighten(labels, curve, spacing, half_width, nearest=True)
    back, covered = unstraighten(straight, curve, labels, nearest=True)
    count = int(np.rint(labels.voxels.max())) + 1
    one, two = (np.rint(v[covered]).astype(np.intp) for v in (labels.voxels, back))
    before, after = np.bincount(one, minlength=count), np.bincount(two, minlength=count)
    both = np.bincount(one[one == two], minlength=count)
    return {
        int(k): float(2 * both[k] / (before[k] + after[k])) for k in np.flatnonzero(before) if k > 0
    }


def _largest(errors: Floats) -> float:
    return float(np.linalg.norm(errors, axis=-1).max()) if len(errors) else float("nan")


def _cast(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.rint(values).astype(dtype) if np.issubdtype(dtype, np.integer) else values


def _affine(volume: Volume) -> tuple[Floats, Floats]:
    """Matrix and offset of the index (z, y, x) of a point in mm."""
    offset = volume.mm_to_index(np.zeros(3))
    return (volume.mm_to_index(np.eye(3)) - offset).T, offset


def _box(volume: Volume, curve: Curve, low: ArrayLike, high: ArrayLike) -> Box | None:
    """The voxels that straight coordinates between two corners can reach; None: none."""
    (x0, y0, s0), (x1, y1, s1) = np.asarray(low).tolist(), np.asarray(high).tolist()
    s = np.linspace(s0, s1, int((s1 - s0) / STEP_MM) + 2)
    edges = [
        np.stack([np.full_like(s, x), np.full_like(s, y), s], -1)
        for x in (x0, x1)
        for y in (y0, y1)
    ]
    index = volume.mm_to_index(curve.to_patient(np.concatenate(edges)))
    first = np.clip(np.floor(index.min(axis=0)), 0, volume.shape).astype(int)
    last = np.clip(np.ceil(index.max(axis=0)) + 1, 0, volume.shape).astype(int)
    if np.any(last <= first):
        return None
    z, y, x = (slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True))
    return z, y, x


def _averaged(volume: Volume, box: Box, spacing: float) -> Volume:
    """The voxels in the box, in means of the whole blocks that fit into `spacing` mm; the volume
    itself where none do."""
    blocks = [max(1, int(spacing / mm + 1e-3)) for mm in volume.spacing[::-1]]
    if max(blocks) == 1:
        return volume
    part = volume.voxels[box]
    blocks = [min(b, n) for b, n in zip(blocks, part.shape, strict=True)]
    size = [n // b for n, b in zip(part.shape, blocks, strict=True)]
    part = part[tuple(slice(n * b) for n, b in zip(size, blocks, strict=True))]
    split = [k for n, b in zip(size, blocks, strict=True) for k in (n, b)]
    means = part.reshape(split).mean(axis=(1, 3, 5), dtype=np.float32)
    first = [b.start + (k - 1) / 2 for b, k in zip(box, blocks, strict=True)]
    return replace(
        volume,
        voxels=means,
        spacing=triple(np.array(volume.spacing) * blocks[::-1]),
        origin=triple(volume.index_to_mm(first)),
    )


def _linear(voxels: NDArray[Any]) -> Sampler:
    """Grey at fractional indices (3, ...), float32."""

    def sample(at: NDArray[Any]) -> NDArray[Any]:
        return map_coordinates(
            voxels, at, order=1, output=np.float32, mode="nearest", prefilter=False
        )

    return sample


def _voted(voxels: NDArray[Any]) -> Sampler:
    """At fractional indices (3, ...) the label with the largest linear share."""
    flat = np.ascontiguousarray(voxels).ravel()
    strides = np.array([voxels.shape[1] * voxels.shape[2], voxels.shape[2], 1])
    ahead = np.where(np.array(voxels.shape) > 1, strides, 0)
    corners = list(np.ndindex(2, 2, 2))
    # most places lie amid voxels of one label: True where the next along some axis is another
    mixed = np.zeros(voxels.shape, dtype=bool)
    for axis in range(3):
        label, here = voxels.swapaxes(0, axis), mixed.swapaxes(0, axis)
        here[:-1] |= here[1:] | (label[:-1] != label[1:])
    border = mixed.ravel()

    def sample(at: NDArray[Any]) -> NDArray[Any]:
        index = [np.clip(a.ravel(), 0, n - 1) for a, n in zip(at, voxels.shape, strict=True)]
        low = [
            np.minimum(i.astype(np.intp), max(n - 2, 0))
            for i, n in zip(index, voxels.shape, strict=True)
        ]
        base = low[0] * strides[0] + low[1] * strides[1] + low[2]
        chosen = flat[base]
        some = np.flatnonzero(border[base])
        part = np.stack([i[some] - k[some] for i, k in zip(index, low, strict=True)], axis=-1)
        share = np.stack([np.where(c, part, 1 - part).prod(axis=1) for c in corners])
        labels = np.stack([flat[base[some] + int(np.dot(c, ahead))] for c in corners])
        votes = np.stack([(share * (labels == one)).sum(axis=0) for one in labels])
        chosen[some] = labels[votes.argmax(axis=0), np.arange(len(some))]
        return chosen.reshape(at.shape[1:])

    return sample


def _within(shape: Sequence[int], at: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether fractional indices (3, ...) lie in a voxel of an array of this shape."""
    inside = np.ones(at.shape[1:], dtype=bool)
    for k, n in enumerate(shape):
        inside &= (at[k] >= -0.5) & (at[k] <= n - 0.5)
    return inside


def _put_out_folds(
    voxels: NDArray[Any], curve: Curve, along: Floats, across: Floats, outside: float
) -> float:
    """`outside` where straight coordinates are not unique, to a lattice's step; their share."""
    step = max(1, round(LATTICE_MM / float(along[1] - along[0])))
    near = [np.minimum(np.arange(0, len(a) + step, step), len(a) - 1) for a in (along, across)]
    s, x = along[near[0]], across[near[1]]
    grid = np.stack(np.meshgrid(s, x, x, indexing="ij")[::-1], axis=-1)
    unique = curve.unique(grid)
    rows, planes = (np.rint(np.arange(len(a)) / step).astype(int) for a in (across, along))
    count = 0
    for k, plane in enumerate(planes):
        if not unique[plane].all():
            folded = ~unique[plane][np.ix_(rows, rows)]
            voxels[k][folded] = outside
            count += int(folded.sum())
    return count / voxels.size


def _ways(
    onto: Volume, box: Box, curve: Curve, reach: float, to_index: Callable[[Floats], Floats]
) -> Iterator[tuple[slice, NDArray[Any], NDArray[np.bool_]]]:
    """For PLANES planes of the box at once: which, what `to_index` makes of their straight
    coordinates, (3, k, H, W), and where these are sound, up to `reach` mm from the curve. Worked
    out on a lattice, then linear."""
    knots: list[Floats] = []
    weights: list[NDArray[np.float32]] = []
    for axis, spacing in zip(box, onto.spacing[::-1], strict=True):
        step = max(1, int(LATTICE_MM / spacing))
        here = np.arange(axis.start, axis.stop, dtype=np.float64)
        knots.append(np.unique(np.r_[here[:-1:step], here[-1]]))
        unit = np.eye(len(knots[-1]))
        weights.append(
            np.stack([np.interp(here, knots[-1], row) for row in unit], axis=1).astype(np.float32)
        )
    lattice = np.stack(np.meshgrid(*knots, indexing="ij"), axis=-1)
    mm = curve.to_straight(onto.index_to_mm(lattice), reach)
    sound = np.isfinite(mm[..., 0])
    sound[sound] = curve.stretch(mm[sound]) > FOLD
    for k, knot in enumerate(knots):
        # where two neighbours have found different stretches of the curve, nothing lies between
        s, here_sound = mm[..., 2].swapaxes(0, k), sound.swapaxes(0, k)
        gaps = np.diff(knot) * onto.spacing[2 - k]
        torn = ~(np.abs(np.diff(s, axis=0)) <= gaps[:, None, None] / FOLD)
        here_sound[1:] &= ~torn
        here_sound[:-1] &= ~torn
    way = np.moveaxis(to_index(np.nan_to_num(mm)), -1, 0)
    # (4, ...): what is not sound spreads; float32 is 1e-4 voxels off, at half the time
    parts = np.concatenate([way, ~sound[None]]).astype(np.float32)
    depth, rows, columns = weights
    for low in range(0, len(depth), PLANES):
        some = depth[low : low + PLANES]
        used = some.any(axis=0)
        at = np.tensordot(some[:, used], parts[:, used], axes=(1, 1)).swapaxes(0, 1)
        whole = rows @ at @ columns.T
        start = box[0].start + low
        yield slice(start, start + len(some)), whole[:3], whole[3] < 1e-6
