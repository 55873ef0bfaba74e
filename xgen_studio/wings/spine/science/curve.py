"""The curve of a spine: a system of coordinates that runs along it, there and back.

Straight coordinates are (x, y, z) mm: to the left and to the back of the spine in the plane square
to it, and along it, from 0 at the lowest centre towards the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.frame import Frame
from xgen_studio.wings.spine.science.levels import in_order
from xgen_studio.wings.spine.science.smoothing import smooth

Floats = NDArray[np.float64]

STEP_MM = 1.0  # between the samples
BEYOND_MM = 60.0  # straight on before the lowest and after the highest centre: two vertebrae
POSTERIOR, HEAD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
SAME_MM = 1.0  # centres that are closer are one
_FINE = 20  # steps to a sample, where the spline's own parameter becomes arc length
# The bend of the spine must not end abruptly, or straight coordinates would have an edge there.
EASED_MM = 5.0  # sigma of a Gaussian; moves the curve by 0.1 mm where its radius is 100 mm
TURN_MM = 0.5  # what a degree of axial rotation counts in the fit: 4 degrees are noise
TOLD_MM = 8.0  # a centre this far beside the curve is told
FOLD = 0.3  # stretch below which a place is taken to be folded: too squeezed to be of use
ELSEWHERE_MM = 5.0  # along the curve: a place that is found so far off was another's
_NEWTON, _CONVERGED_MM = 30, 1e-7


@dataclass(frozen=True, eq=False)
class Curve:
    """Samples along the spine, each STEP_MM of arc length, and the smooth curve through them.

    points  (n, 3) LPS mm, from feet to head; straight in front of the first and after the last
    back    (n, 3) towards the back of the vertebrae there; made unit and square to the curve
    s       (n,) arc length, mm, 0 at the lowest centre
    levels  arc length of each vertebra, by name
    off     how far its centre lies from the curve, mm
    notes   what a user should know of the fit
    """

    points: Floats
    back: Floats
    s: Floats
    levels: Mapping[str, float] = field(default_factory=dict)
    off: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("points", "back", "s"):
            put(self, name, np.array(getattr(self, name), dtype=np.float64))
        put(self, "back", self.axes_at(self.s)[1])

    @cached_property
    def _line(self) -> CubicSpline:
        return CubicSpline(self.s, self.points)

    @cached_property
    def _bend(self) -> CubicSpline:
        return self._line.derivative(2)

    @cached_property
    def _back(self) -> CubicSpline:
        return CubicSpline(self.s, self.back)

    @cached_property
    def _samples(self) -> cKDTree:
        return cKDTree(self.points)

    @cached_property
    def up(self) -> Floats:
        """(n, 3) unit vectors along the curve, towards the head."""
        return self.axes_at(self.s)[2]

    @cached_property
    def left(self) -> Floats:
        """(n, 3) unit vectors to the left: left x back = up."""
        return self.axes_at(self.s)[0]

    @cached_property
    def radius(self) -> float:
        """The smallest radius of the curve, mm: how far to the inside of the bend the straight
        coordinates are unique. Infinite where it is straight."""
        sharpest = np.linalg.norm(self._turn(self.s), axis=-1).max()
        return float(1 / sharpest) if sharpest > 1e-9 else float("inf")

    def level_at(self, name: str) -> float:
        """Arc length of a vertebra, mm. KeyError where the curve has no such level."""
        return self.levels[name]

    def point_at(self, s: ArrayLike) -> Floats:
        """Points (..., 3) LPS mm at the arc lengths (...); on a straight line beyond the ends."""
        s = np.asarray(s, dtype=np.float64)
        inside = np.clip(s, self.s[0], self.s[-1])
        beyond = (s - inside)[..., None]
        return np.asarray(self._line(inside) + beyond * self._unit(inside))

    def axes_at(self, s: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Unit vectors (..., 3) to the left, to the back and along the curve at arc lengths."""
        inside = np.clip(np.asarray(s, dtype=np.float64), self.s[0], self.s[-1])
        up = self._unit(inside)
        back = self._back(inside)
        back = back - (back * up).sum(-1, keepdims=True) * up
        back = back / np.linalg.norm(back, axis=-1, keepdims=True)
        return np.cross(back, up), back, up

    def to_patient(self, straight: ArrayLike) -> Floats:
        """LPS mm (..., 3) of straight coordinates (..., 3)."""
        at = np.asarray(straight, dtype=np.float64)
        left, back, _ = self.axes_at(at[..., 2])
        return np.asarray(self.point_at(at[..., 2]) + at[..., :1] * left + at[..., 1:2] * back)

    def to_straight(self, mm: ArrayLike, reach: float = np.inf) -> Floats:
        """Straight coordinates (..., 3) of LPS mm (..., 3), by way of the closest point.

        Newton on (x - c(s)) . c'(s) = 0 from the closest sample. Exact (1e-6 mm) where a place is
        closer to the curve than `radius`; farther inside a bend the nearer of two answers. NaN for
        places more than `reach` mm from the samples.
        """
        given = np.asarray(mm, dtype=np.float64)
        every = given.reshape(-1, 3)
        distance, sample = self._samples.query(every, distance_upper_bound=reach)
        within = np.isfinite(distance)
        x, s = every[within], self.s[sample[within]]
        todo = np.arange(len(x))
        for _ in range(_NEWTON):
            at = s[todo]
            inside = np.clip(at, self.s[0], self.s[-1])
            slope, bend = self._line(inside, 1), self._bend(inside)
            length = np.sqrt(_dot(slope, slope))[:, None]
            up = slope / length
            away = x[todo] - self._line(inside) - (at - inside)[:, None] * up
            along = _dot(away, up)
            turn = (bend - _dot(bend, up)[:, None] * up) / length**2
            slope = np.where(at == inside, np.maximum(1 - _dot(away, turn), FOLD / 2), 1.0)
            step = along / slope
            s[todo] = at + step
            todo = todo[np.abs(step) > _CONVERGED_MM]
            if not len(todo):
                break
        left, back, _ = self.axes_at(s)
        away = x - self.point_at(s)
        found = np.full(every.shape, np.nan)
        found[within] = np.stack([_dot(away, left), _dot(away, back), s], axis=-1)
        return np.asarray(found.reshape(given.shape))

    def stretch(self, straight: ArrayLike) -> Floats:
        """Mm in the patient for one mm along the curve, (...): 1 on it, less on the inside of a
        bend, 0 where planes square to the curve meet, and below it the places come twice."""
        at = np.asarray(straight, dtype=np.float64)
        away = self.to_patient(at) - self.point_at(at[..., 2])
        return np.asarray(1 - _dot(away, self._turn(at[..., 2])))

    def unique(self, straight: ArrayLike) -> NDArray[np.bool_]:
        """Whether straight coordinates (..., 3) are the only ones of their place, (...): not so
        on the inside of a bend, beyond its centre, where planes square to the curve have met."""
        at = np.asarray(straight, dtype=np.float64)
        away = np.linalg.norm(at[..., :2], axis=-1)
        found = np.asarray((away < 0.9 * self.radius) | (self.stretch(at) > FOLD))
        far = found & (away >= 0.9 * self.radius)
        again = self.to_straight(self.to_patient(at[far]))
        found[far] = np.abs(again[:, 2] - at[far][:, 2]) < ELSEWHERE_MM
        return found

    def _unit(self, s: Floats) -> Floats:
        slope = self._line(s, 1)
        return np.asarray(slope / np.linalg.norm(slope, axis=-1, keepdims=True))

    def _turn(self, s: Floats) -> Floats:
        """The derivative (..., 3) of the unit tangent by arc length, 1/mm; 0 beyond the ends."""
        inside = np.clip(s, self.s[0], self.s[-1])
        slope, bend = self._line(inside, 1), self._bend(inside)
        square = _dot(slope, slope)[..., None]
        turn = (bend - _dot(bend, slope)[..., None] / square * slope) / square
        return np.asarray(np.where((s == inside)[..., None], turn, 0.0))

    def as_json(self) -> dict[str, Any]:
        """What `from_json` needs, numbers to 1e-6 mm."""
        return {
            "system": "LPS",
            "unit": "mm",
            "first_s": float(self.s[0]),
            "step": STEP_MM,
            "points": np.round(self.points, 6).tolist(),
            "back": np.round(self.back, 6).tolist(),
            "levels": dict(self.levels),
            "off": dict(self.off),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Curve:
        """The curve that `as_json` told. KeyError, TypeError or ValueError where it is none."""
        points = np.array(told["points"], dtype=np.float64)
        back = np.array(told["back"], dtype=np.float64)
        if points.shape != back.shape or points.ndim != 2 or points.shape[1] != 3:
            raise ValueError("points and back must be lists of x, y, z, one for one")
        if len(points) < 3 or not np.all(np.isfinite(points)) or not np.all(np.isfinite(back)):
            raise ValueError("a curve has three finite points at least")
        return cls(
            points,
            back,
            float(told["first_s"]) + float(told["step"]) * np.arange(len(points), dtype=np.float64),
            {str(name): float(s) for name, s in told["levels"].items()},
            {str(name): float(mm) for name, mm in told["off"].items()},
            tuple(str(note) for note in told["notes"]),
        )


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("...i,...i->...", a, b))


def fit_curve(centres: Mapping[str, ArrayLike], frames: Mapping[str, Frame] | None = None) -> Curve:
    """The curve through centres of vertebrae, {name: (3,) LPS mm}.

    It runs along the normals of the endplates where `frames` are given, and its back follows their
    backs, smoothly in between and constant beyond. Without frames it is turned as little as can be
    (rotation-minimising frames, Wang 2008) from the patient's back in the middle. One centre that
    fits nowhere is left out and told (`smoothing`). A lone vertebra has a straight line, along its
    frame or the patient. InputError where there is no centre, or two are one.
    """
    frames = frames or {}
    names = in_order(centres)[::-1]
    places = np.array([centres[name] for name in names], dtype=np.float64).reshape(-1, 3)
    if not names:
        raise InputError("no vertebra has a centre; place one at least")
    if not np.all(np.isfinite(places)):
        raise InputError("a vertebra's centre is not a number; place it again")
    names, places, notes = _sorted(names, places)
    points, s, kept = _line_through(names, places, frames)
    bare = Curve(points, _least_turned(points), s)
    there = bare.to_straight(places)
    off = np.linalg.norm(places - bare.point_at(there[:, 2]), axis=1)
    for name, mm, used in zip(names, off, kept, strict=True):
        if not used:
            notes.append(f"the centre of {name} lies {mm:.0f} mm beside the curve: left out")
        elif mm > TOLD_MM:
            notes.append(f"the centre of {name} lies {mm:.0f} mm beside the curve; check it")
    known = {n: frames[n] for n, used in zip(names, kept, strict=True) if used and n in frames}
    levels = dict(zip(names, there[:, 2].tolist(), strict=True))
    back = _turned(bare, {levels[name]: frame for name, frame in known.items()})
    return Curve(points, back, s, levels, dict(zip(names, off.tolist(), strict=True)), tuple(notes))


def _sorted(names: list[str], places: Floats) -> tuple[list[str], Floats, list[str]]:
    """From feet to head by where they are, because names may be wrong where places are not."""
    along = places @ (places[-1] - places[0])
    order = np.argsort(along, kind="stable")
    notes = [
        f"{names[k]} and {names[k + 1]} lie in the wrong order; check their names"
        for k in range(len(names) - 1)
        if along[k + 1] < along[k]
    ]
    steps = np.linalg.norm(np.diff(places[order], axis=0), axis=1)
    if len(steps) and steps.min() < SAME_MM:
        k = int(steps.argmin())
        one, two = (names[order[k + i]] for i in range(2))
        raise InputError(f"{one} and {two} have one and the same centre; move or remove one")
    return [names[k] for k in order], places[order], notes


def _line_through(
    names: list[str], places: Floats, frames: Mapping[str, Frame]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Samples each STEP_MM, their arc lengths from the lowest centre, and what was kept."""
    if len(names) == 1:
        up = frames[names[0]].up if names[0] in frames else HEAD
        s = np.arange(-BEYOND_MM, BEYOND_MM + STEP_MM, STEP_MM)
        return places[0] + s[:, None] * up, s, np.ones(1, dtype=bool)
    normals = np.full(places.shape, np.nan)
    for k, name in enumerate(names):
        if name in frames:
            normals[k] = frames[name].up
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    fit = smooth(np.r_[0.0, np.cumsum(steps)], places, normals)
    ends = fit.spline(np.array([fit.first, fit.last]), nu=1)
    ends /= np.linalg.norm(ends, axis=1, keepdims=True)
    t = np.arange(-2 * BEYOND_MM, fit.last + 2 * BEYOND_MM, STEP_MM)
    before, after = np.minimum(t, 0)[:, None], np.maximum(t - fit.last, 0)[:, None]
    rough = fit(t) + before * ends[0] + after * ends[1]
    # the first and last of them, where the filter has no neighbours, are not used
    eased = CubicSpline(t, gaussian_filter1d(rough, EASED_MM / STEP_MM, axis=0))
    fine_t = np.linspace(t[0], t[-1], _FINE * len(t))
    arc = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(eased(fine_t), axis=0), axis=1))]
    low, high = np.interp([0.0, fit.last], fine_t, arc)
    s = np.arange(-BEYOND_MM, high - low + BEYOND_MM + STEP_MM, STEP_MM)
    return eased(np.interp(s + low, arc, fine_t)), s, fit.kept


def _least_turned(points: Floats) -> Floats:
    """Vectors to the back (n, 3) that turn about the curve as little as can be, by double
    reflection (Wang 2008, table I), from the patient's back at the middle sample."""
    slope = np.gradient(points, axis=0)
    up = slope / np.linalg.norm(slope, axis=1, keepdims=True)
    middle = len(points) // 2
    back = np.empty_like(points)
    first = POSTERIOR if abs(up[middle] @ POSTERIOR) < 0.95 else HEAD
    first = first - (first @ up[middle]) * up[middle]
    back[middle] = first / np.linalg.norm(first)
    for way in (1, -1):
        for k in range(middle, len(points) - 1 if way > 0 else 0, way):
            step = points[k + way] - points[k]
            mirror = 2 / (step @ step)
            turned = back[k] - mirror * (step @ back[k]) * step
            tangent = up[k] - mirror * (step @ up[k]) * step
            other = up[k + way] - tangent
            length = other @ other
            again = 2 / length * (other @ turned) * other if length > 1e-20 else 0.0
            back[k + way] = turned - again
    return back


def _turned(curve: Curve, frames: Mapping[float, Frame]) -> Floats:
    """The curve's backs turned to those of the frames, {arc length: frame}."""
    if not frames:
        return curve.back
    at = np.array(sorted(frames))
    left, back, _ = curve.axes_at(at)
    wanted = np.array([frames[s].back for s in at])
    angle = np.unwrap(np.arctan2((wanted * left).sum(-1), (wanted * back).sum(-1)))
    if len(at) > 1:
        scale = np.degrees(1) * TURN_MM
        angle = smooth(at, angle[:, None] * scale)(curve.s)[:, 0] / scale
        angle = gaussian_filter1d(angle, EASED_MM / STEP_MM, mode="nearest")
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    return np.asarray(cos * curve.back + sin * curve.left)
