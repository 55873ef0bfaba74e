"""One vertebral body as two height fields: its upper and its lower endplate, below a voxel.

A mask of a body, or of a whole vertebra, becomes a `Body`: a frame along the normal between its
endplates, and how far each endplate lies from the frame's middle plane at A x L places of its
cross-section. Everything is in mm; nothing depends on the voxels' size or direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from xgen_studio.document.blocks import largest_part
from xgen_studio.wings.spine.science.frame import Floats, Frame, frame_of
from xgen_studio.wings.spine.science.sampling import NoBodyError, Sampler, Shares

ROWS, COLUMNS = 12, 9  # places from front to back, and from the right to the left
DEPTHS = (np.arange(ROWS) + 0.5) / ROWS  # of the cross-section's depth at each column
WIDTHS = np.linspace(-0.72, 0.72, COLUMNS)  # of half its width: further out the rim rounds off
REACH = 34.0  # mm from the middle that is looked at, to the sides, and up and down
BEHIND = 42.0  # mm to the back
STEP = 0.25  # mm along a column
TURNS = 6  # of the frame, at most
ARCH = 22.0  # mm behind the back wall: what of the arch says how a vertebra is rotated
THINNEST = 3.0  # mm: a single slice of mask, not what a fracture leaves
MOST_SPIN = 0.6  # radians about its own axis that a vertebra is rotated in the patient
ROUGH = 3  # of them on every second millimetre
PATIENT_BACK = np.array([0.0, 1.0, 0.0])
THIRD = {"anterior": slice(0, 4), "middle": slice(4, 8), "posterior": slice(8, 12)}
CENTRAL = slice(2, 7)  # columns of the thirds: the middle half of the width


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


def measure(sampler: Sampler, up: ArrayLike, back: ArrayLike = PATIENT_BACK) -> Body:
    """The body in a mask. `up` and `back` say roughly how it stands in the patient (LPS).

    The frame is turned until its columns stand square to the mean of both endplates. NoBodyError
    where no body can be seen.
    """
    frame = frame_of(sampler.middle, up, back)
    arch = False
    for turn in range(TURNS):
        block = _block(sampler, frame, side=2 if turn < ROUGH else 1)
        behind, arch_now = _wall(block)
        arch = arch or arch_now
        frame, moved = _turned(block, behind, frame, arch)
        if frame.back @ frame_of(frame.origin, frame.up, back).back < np.cos(MOST_SPIN):
            frame = frame_of(frame.origin, frame.up, back)  # no arch lies there
        if moved < 0.3 and turn >= ROUGH:
            break
    block = _block(sampler, frame)
    behind, _ = _wall(block)
    return _fields(sampler, block, behind, frame, arch)


# -- the block around a body: (w, p, l) on a 1 mm grid ---------------------------------------------

_UP = np.arange(-REACH, REACH + 1)
_BACK = np.arange(-REACH, BEHIND + 1)
_LEFT = np.arange(-REACH, REACH + 1)


def _block(sampler: Sampler, frame: Frame, side: int = 1) -> Shares:
    """Share of mask, on the frame's own millimetres (up, back, left), crumbs left out."""
    block = sampler.block(frame, _UP, _BACK, _LEFT, side)
    inside = block > 0.5
    if not inside.any():
        raise NoBodyError("its mask is too small for a vertebral body")
    block[inside & ~largest_part(inside)] = 0  # crumbs around it are no part of it
    return block


def _wall(block: Shares) -> tuple[Floats, bool]:
    """Where the back wall of the body stands, (W,) mm to the back at each height, and whether
    there is an arch behind it.

    The canal is seen where a strip of 8 mm about the middle turns from mask to nothing; pedicles
    stand beside it, so that the wall is drawn on to both sides and they are cut off.
    """
    strip = (block[:, :, np.abs(_LEFT) <= 4] > 0.5).mean(2) > 0.5
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
    found = ((block > 0.5) & behind[:, :, None]).sum()  # mm3; a body alone has next to none
    return np.asarray(smooth), bool(found > 800)


def _front_of(block: Shares, wall: Floats, margin: float = 1.0) -> Shares:
    """The block without what lies behind the wall."""
    return np.where((_BACK[None, :] <= wall[:, None] + margin)[:, :, None], block, np.float32(0))


def _turned(block: Shares, wall: Floats, frame: Frame, arch: bool) -> tuple[Frame, float]:
    """The frame along the normals of both endplates, in the middle of the body, and by how much it
    moved (mm and degrees together)."""
    body = _front_of(block, wall) if arch else block
    core, _ = _cross_section(body)
    if core.sum() < 80:  # mm2: the smallest bodies, of the upper thorax, have about 300
        raise NoBodyError("its cross-section is too small to be a vertebral body")
    inner = ndimage.binary_erosion(core, iterations=3) if core.sum() > 300 else core
    p, n = np.nonzero(inner)
    columns = body[:, p, n].T
    top, bottom = _outermost(columns), -_outermost(columns[:, ::-1])
    places = np.stack([_LEFT[n], _BACK[p], np.ones(len(p))], 1)
    slopes = [_plane(places, ends) for ends in (top, bottom)]
    normals = [np.array([-a, -b, 1.0]) / np.sqrt(a * a + b * b + 1) for a, b, _ in slopes]
    up_local = normals[0] + normals[1]
    p_all, n_all = np.nonzero(core)
    middle = np.array([_LEFT[n_all].mean(), _BACK[p_all].mean(), 0.0])
    middle[2] = np.mean([a * middle[0] + b * middle[1] + c for a, b, c in slopes])
    up = up_local / np.linalg.norm(up_local) @ frame.axes
    back = _to_arch(block, wall, middle) @ frame.axes if arch else frame.back
    turned = frame_of(frame.to_patient(middle), up, back)
    tilt, spin = _degrees(turned.up, frame.up), _degrees(turned.back, frame.back)
    # what a degree of rotation about `up` changes is little
    return turned, float(np.linalg.norm(middle)) + tilt + max(spin - tilt, 0.0) / 4


def _degrees(a: Floats, b: Floats) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def _outermost(columns: Shares) -> Floats:
    """mm up where columns (n, W) on `_UP` are mask for the last time, between two samples."""
    last = columns.shape[1] - 1 - (columns[:, ::-1] > 0.5).argmax(1)
    n = np.arange(len(columns))
    before, after = columns[n, last], columns[n, np.minimum(last + 1, columns.shape[1] - 1)]
    part = np.clip((before - 0.5) / np.maximum(before - after, 1e-6), 0, 1)
    return np.asarray(_UP[last] + part)


def _to_arch(block: Shares, wall: Floats, middle: Floats) -> Floats:
    """The direction (left, back, up) to the middle of the arch: how the vertebra is rotated.

    Huber's mean of the angles of what lies near the canal: a transverse process that is missing,
    or has a rib, hardly turns it; a median would jump from one half of the arch to the other. The
    part that is looked at turns with nothing, or each rotation would confirm itself.
    """
    behind = (block > 0.5) & (_BACK[None, :] > wall[:, None] + 6)[:, :, None]
    _, p, n = np.nonzero(behind)
    side, far = _LEFT[n] - middle[0], _BACK[p] - middle[1]
    reach = np.median(wall) - middle[1] + ARCH
    angles: Floats = np.arctan2(side, far)[np.hypot(side, far) < reach]
    if len(angles) < 400:
        return np.array([0.0, 1.0, 0.0])
    angle = 0.0
    for _ in range(8):
        angle += float(np.clip(angles - angle, -0.4, 0.4).mean())
    angle = float(np.clip(angle, -0.4, 0.4))
    return np.array([np.sin(angle), np.cos(angle), 0.0])


def _cross_section(body: Shares) -> tuple[NDArray[np.bool_], Floats]:
    """(P, L): where the middle of the body's height is filled, and the share of it that is."""
    areas = (body > 0.5).sum((1, 2))
    full = np.flatnonzero(areas > 0.5 * areas.max())
    low, high = full[0], full[-1]
    quarter = max((high - low) // 4, 1)
    middle = body[low + quarter : high - quarter + 1]
    share = middle.mean(0) if len(middle) else body[(low + high) // 2]
    filled = share > 0.5
    whole = ndimage.binary_fill_holes(filled)
    if ndimage.label(whole)[1] > 1:
        filled = largest_part(whole)
    core = ndimage.binary_opening(filled, iterations=2)
    return np.asarray(core), np.asarray(share, dtype=np.float64)


def _plane(places: Floats, ends: Floats) -> Floats:
    """a, b, c of ends = a left + b back + c, whatever a notch or a spur says."""
    weights: Floats = np.ones(len(ends))
    fit: Floats = np.zeros(3)
    for _ in range(6):  # re-weighted least squares: Tukey's biweight, which has no sharp edge
        scaled = places * weights[:, None]
        normal = scaled.T @ places + 1e-6 * np.eye(3)
        fit = np.asarray(np.linalg.solve(normal, scaled.T @ ends), dtype=np.float64)
        off = np.abs(places @ fit - ends)
        weights = np.clip(1 - (off / max(6.0 * np.median(off), 2.0)) ** 2, 0, 1) ** 2
    return fit


def _fields(sampler: Sampler, block: Shares, wall: Floats, frame: Frame, arch: bool) -> Body:
    """The endplates over the cross-section, each column read along the frame's `up`."""
    body = _front_of(block, wall) if arch else block
    core, share = _cross_section(body)
    right_edge, left_edge = _edges(share.max(0), np.asarray(core.any(0)), _LEFT)
    width = float(left_edge - right_edge)
    middle = (left_edge + right_edge) / 2
    at = middle + WIDTHS * width / 2
    edges = np.array([_extent(core, share, x) for x in at])
    front, back = _steady(edges[:, 0]), _steady(edges[:, 1])
    frame = Frame(frame.to_patient([middle, 0.0, 0.0]), frame.axes)
    left = np.broadcast_to(WIDTHS * width / 2, (ROWS, COLUMNS))
    deep = front + DEPTHS[:, None] * (back - front)
    along = np.arange(-REACH, REACH + STEP / 2, STEP)
    points = np.stack(np.broadcast_arrays(left[..., None], deep[..., None], along), -1)
    top, bottom = _ends(sampler.at(frame.to_patient(points)), along)
    top, bottom = _mended(top), _mended(bottom)
    if thirds_of(top - bottom)["middle"] < THINNEST:
        raise NoBodyError(f"it is less than {THINNEST:.0f} mm high: too thin for a vertebral body")
    shift = float((top + bottom).mean() / 2)
    frame = Frame(frame.to_patient([0.0, 0.0, shift]), frame.axes)
    depth = float(np.mean((back - front)[CENTRAL]))
    return Body(frame, top - shift, bottom - shift, front, back, depth, width, arch)


def _extent(core: NDArray[np.bool_], share: Floats, left: float) -> tuple[float, float]:
    """Where the cross-section begins and ends, mm to the back, at a place to the left."""
    place = np.clip(left - _LEFT[0], 0, len(_LEFT) - 1)
    low = min(int(place), len(_LEFT) - 2)
    part = place - low
    line = share[:, low] * (1 - part) + share[:, low + 1] * part
    return _edges(line, core[:, round(place)], _BACK)


def _edges(share: Floats, inside: NDArray[np.bool_], at: Floats) -> tuple[float, float]:
    """Where a run of `inside` begins and ends on the places `at`, 1 mm apart: where the share
    crosses a half next to its end, and half a mm beyond it where it does not. NaN where it is
    nowhere."""
    found = np.flatnonzero(inside)
    if not len(found):
        return (np.nan, np.nan)
    ends = []
    for end, step in ((found[0], -1), (found[-1], 1)):
        part = 0.5
        if 0 <= end + step < len(share) and share[end + step] <= 0.5 < share[end]:
            part = (share[end] - 0.5) / (share[end] - share[end + step])
        ends.append(float(at[end] + step * part))
    return (ends[0], ends[1])


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
