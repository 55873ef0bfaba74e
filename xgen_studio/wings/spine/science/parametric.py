"""Spines made of formulas, in which every fracture's true loss of height is known column by column.

A `Vertebra` has two endplates as functions over its cross-section, a waist, an arch; a `Patient`
stacks them along a spine with its own size, curves and fractures. `raster` makes label maps of
them, `scanner` CTs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.spine.science.body import CENTRAL, DEPTHS, THIRD, WIDTHS
from xgen_studio.wings.spine.science.frame import Floats, Frame
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.sizes import LEVELS, SIZES

MID_WAIST = 11 / 12  # of the waist, on average over the middle half of the height
KINDS = ("wedge", "biconcave", "crush")


@dataclass(frozen=True)
class Fracture:
    """A compression: its kind, and its greatest loss of height, a fraction; `upper` is the upper
    endplate's share of it; `lean` makes one side lose more; `sharp` says how far it reaches."""

    kind: str
    severity: float
    upper: float = 0.8
    lean: float = 0.0
    sharp: float = 1.0

    def loss(self, x: Floats, y: Floats) -> Floats:
        """Relative loss of height at places x (left) and y (back) of the half width and depth."""
        if self.kind == "wedge":
            share = np.clip((0.75 - y) / 1.6, 0, 1) ** self.sharp
        elif self.kind == "biconcave":
            share = np.clip(1 - y * y, 0, 1) ** self.sharp * np.clip(1 - 0.6 * x * x, 0, 1)
        else:
            share = np.full_like(y, 1.0) - 0.12 * (y > 0.3) * (y - 0.3)
        return np.clip(self.severity * share * (1 + self.lean * x), 0, 0.85)


@dataclass(frozen=True, eq=False)
class Bumps:
    """Small unevenness of an endplate: Gaussians at places of the cross-section, heights in mm."""

    at: Floats  # (n, 2) x, y
    height: Floats  # (n,)
    reach: float = 0.35

    def __call__(self, x: Floats, y: Floats) -> Floats:
        far = (x[..., None] - self.at[:, 0]) ** 2 + (y[..., None] - self.at[:, 1]) ** 2
        return np.asarray((self.height * np.exp(-far / (2 * self.reach**2))).sum(-1))


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra; its frame's origin is the middle of the healthy body.

    width, depth     of the endplates, mm
    anterior, middle, posterior   heights of the healthy body, mm
    share            of the concavity that the upper endplate has
    lean             mm that the left side is higher than the right one
    waist            share that the cross-section narrows half way up
    square           exponent of the cross-section's superellipse
    hollow           share of the depth that the back wall is hollowed
    arch_scale       of the arch's measures
    """

    level: str
    frame: Frame
    width: float
    depth: float
    anterior: float
    middle: float
    posterior: float
    share: float = 0.5
    lean: float = 0.0
    waist: float = 0.09
    square: float = 2.4
    hollow: float = 0.07
    arch_scale: float = 1.0
    bumps: tuple[Bumps, Bumps] | None = None
    fracture: Fracture | None = None

    def healthy(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Healthy upper and lower endplate, mm above the frame's origin, at places of the half
        width and depth (-1 to 1: right to left, front to back)."""
        rim = (self.anterior + self.posterior) / 2 + (self.posterior - self.anterior) / 2 * y
        rim = rim + self.lean * x / 2
        hollow = (self.anterior + self.posterior) / 2 - self.middle
        dip = hollow * np.clip(1 - (y * y + 0.6 * x * x) ** 2, 0, None)
        top, bottom = rim / 2 - self.share * dip, -rim / 2 + (1 - self.share) * dip
        if self.bumps is not None:
            top, bottom = top + self.bumps[0](x, y), bottom + self.bumps[1](x, y)
        return top, bottom

    def endplates(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The endplates as they are, the fracture included."""
        top, bottom = self.healthy(x, y)
        if self.fracture is None:
            return top, bottom
        lost = self.fracture.loss(x, y) * (top - bottom)
        return top - self.fracture.upper * lost, bottom + (1 - self.fracture.upper) * lost

    def reach(self, x: Floats, y: Floats) -> Floats:
        """How far out a place of the cross-section lies: 1 on its edge."""
        behind = y > 0
        flat = np.where(behind, (y + self.hollow * np.clip(1 - (x / 0.6) ** 2, 0, 1)) / 0.93, y)
        return np.asarray(np.abs(x) ** self.square + np.abs(flat) ** self.square)

    def outline(self) -> tuple[Floats, Floats, float]:
        """(L,) mm to the back where the cross-section that `body.measure` sees begins and ends, and
        its width, mm: the waist, and the hollow back wall."""
        edge = (1 - np.abs(WIDTHS) ** self.square) ** (1 / self.square)
        back = 0.93 * edge - self.hollow * np.clip(1 - (WIDTHS / 0.6) ** 2, 0, 1)
        narrow = 1 - MID_WAIST * self.waist
        half = narrow * self.depth / 2
        return -half * edge, half * back, narrow * self.width

    def places(self) -> tuple[Floats, Floats]:
        """(A, L) of the half width and depth: the places that `body.measure` reads."""
        front, back, width = self.outline()
        y = (front + DEPTHS[:, None] * (back - front)) / (self.depth / 2)
        return np.broadcast_to(width / self.width * WIDTHS, y.shape), y

    def columns(self) -> tuple[Floats, Floats]:
        """(A, L) mm, real and healthy heights at its `places`."""
        x, y = self.places()
        top, bottom = self.endplates(x, y)
        upper, lower = self.healthy(x, y)
        return np.asarray(top - bottom), np.asarray(upper - lower)

    def true_loss(self) -> dict[str, float]:
        """Relative height loss of each third: what RHLV estimates."""
        real, healthy = self.columns()
        return {
            name: float(1 - real[rows, CENTRAL].mean() / healthy[rows, CENTRAL].mean())
            for name, rows in THIRD.items()
        }

    @property
    def label(self) -> int:
        """Its VerSe number."""
        return LABELS[self.level]


@dataclass(frozen=True, eq=False)
class Patient:
    """Vertebrae from feet to head, and what lies below the last."""

    vertebrae: tuple[Vertebra, ...]
    sacrum: Frame | None = None
    bone: dict[str, float] = field(default_factory=dict)


def patient(
    rng: np.random.Generator,
    lowest: str = "L5",
    highest: str = "T1",
    fractures: dict[str, Fracture] | None = None,
    plain: bool = False,
) -> Patient:
    """Somebody's spine between two levels. `plain`: the mean of everybody, straight, no bumps."""
    span = LEVELS[LEVELS.index(highest) : LEVELS.index(lowest) + 1][::-1]
    vary = 0.0 if plain else 1.0
    size = np.exp(vary * rng.normal(0, 0.065))
    wide = np.exp(vary * rng.normal(0, 0.06))
    low = vary * rng.normal(0, 0.05)  # lumbar bodies against thoracic ones
    bias = rng.normal(0, 0.8)  # degrees that all bodies are more or less wedged
    lordosis, kyphosis = 1 + vary * rng.normal(0, 0.3), 1 + vary * rng.normal(0, 0.35)
    bend = vary * rng.normal(0, 1) * (8.0 if rng.random() < 0.3 else 2.0)  # degrees, scoliosis
    waves, phase = rng.uniform(0.25, 0.6), rng.uniform(0, 2 * np.pi)
    thin = np.exp(vary * rng.normal(-0.05, 0.15))  # discs
    axes = np.eye(3)
    at = np.zeros(3)
    made: list[Vertebra] = []
    sacrum = None
    for step, level in enumerate(span):
        mean = SIZES[level]
        part = (LEVELS.index(level) - 8) / 8  # -1 at T1, 1 at L5
        posterior = mean.height * size * np.exp(low * part / 2 + vary * rng.normal(0, 0.02))
        depth = mean.depth * size * wide * np.exp(vary * rng.normal(0, 0.02))
        width = mean.width * size * wide * np.exp(vary * rng.normal(0, 0.025))
        angle = np.radians(mean.body_angle + vary * (bias + rng.normal(0, 1.2)))
        anterior = posterior + np.tan(angle) * depth
        hollow = ((0.05 if level[0] == "T" else 0.075) + vary * rng.normal(0, 0.014)) * posterior
        middle = (anterior + posterior) / 2 - max(hollow, 0.2)
        disc = max(mean.disc * size * thin * np.exp(vary * rng.normal(0, 0.08)), 1.2)
        turn = mean.disc_angle * (lordosis if mean.disc_angle > 0 else kyphosis)
        turn = np.radians(turn + vary * rng.normal(0, 1.2))
        sway = np.radians(bend * np.sin(waves * step + phase))
        fracture = (fractures or {}).get(level)
        one = Vertebra(
            level,
            Frame(np.zeros(3), np.eye(3)),
            width,
            depth,
            anterior,
            middle,
            posterior,
            share=float(np.clip(0.5 + vary * rng.normal(0, 0.12), 0.1, 0.9)),
            lean=vary * rng.normal(0, 0.5),
            waist=float(np.clip(0.09 + vary * rng.normal(0, 0.025), 0.02, 0.16)),
            square=float(np.clip(2.4 + vary * rng.normal(0, 0.2), 2.0, 3.2)),
            hollow=float(np.clip(0.07 + vary * rng.normal(0, 0.03), 0, 0.15)),
            arch_scale=float(np.exp(vary * rng.normal(0.08, 0.14))),
            bumps=None if plain else (_bumps(rng), _bumps(rng)),
            fracture=fracture,
        )
        if step == 0:
            sacrum = Frame(at.copy(), axes.copy())
        wedge = _wedging(one)
        # half of the disc's and of the body's angle below its middle, half above
        axes = _tilted(axes, sway / 2, turn + wedge / 2)
        origin = at + axes[2] * (disc + _middle_height(one) / 2)
        spin = np.radians(2.0 * bend * np.cos(waves * step + phase) / 4)
        own = _spun(axes, spin)
        made.append(replace(one, frame=_healthy_frame(one, Frame(origin, own))))
        at = origin + axes[2] * _middle_height(one) / 2
        axes = _tilted(axes, sway / 2, wedge / 2)
    bone = {"density": float(np.clip(rng.normal(150, 55), 30, 320))}
    lying = np.radians(vary * rng.normal(0, 4, 2))
    return _upright(Patient(tuple(made), sacrum, bone), float(lying[0]), float(lying[1]))


def _upright(one: Patient, sideways: float, backwards: float) -> Patient:
    """The patient turned so that the line from the lowest to the highest body stands upright, or
    leans by these angles (radians)."""
    first, last = one.vertebrae[0].frame, one.vertebrae[-1].frame
    chord = last.origin - first.origin if len(one.vertebrae) > 1 else first.up
    chord = chord / np.linalg.norm(chord)
    back = np.array([0.0, 1.0, 0.0])
    back = back - (back @ chord) * chord
    back /= np.linalg.norm(back)
    turn = np.stack([np.cross(back, chord), back, chord])  # old axes: rows become x, y, z
    turn = _tilted(np.eye(3), sideways, backwards).T @ turn

    def turned(frame: Frame) -> Frame:
        return Frame(turn @ frame.origin, frame.axes @ turn.T)

    vertebrae = tuple(replace(v, frame=turned(v.frame)) for v in one.vertebrae)
    return replace(
        one, vertebrae=vertebrae, sacrum=None if one.sacrum is None else turned(one.sacrum)
    )


def _wedging(one: Vertebra) -> float:
    """Radians between its endplates as they are; lordosis positive."""
    real, _ = one.columns()
    front, back = real[:2, CENTRAL].mean(), real[-2:, CENTRAL].mean()
    _, y = one.places()
    apart = (y[-2:] - y[:2])[:, CENTRAL].mean() * one.depth / 2
    return float(np.arctan2(front - back, apart))


def _middle_height(one: Vertebra) -> float:
    """Height of the real body over the middle of its cross-section, its rim's: where discs end."""
    real, _ = one.columns()
    return float((real[[0, -1]][:, CENTRAL].mean() + real[:, CENTRAL].mean()) / 2)


def _healthy_frame(one: Vertebra, real: Frame) -> Frame:
    """The frame of the healthy body whose fractured one has the frame `real`: the endplates that a
    fracture leaves stay symmetric about the real body's middle."""
    if one.fracture is None:
        return real
    top, bottom = one.endplates(*one.places())
    shift = (top + bottom)[:, CENTRAL].mean() / 2
    return Frame(real.origin - real.up * shift, real.axes)


def _tilted(axes: Floats, sideways: float, backwards: float) -> Floats:
    """Axes (left, back, up) turned: up leans to the left, and to the back, radians."""
    left, back, up = axes
    cos, sin = np.cos(backwards), np.sin(backwards)
    back, up = cos * back - sin * up, sin * back + cos * up
    cos, sin = np.cos(sideways), np.sin(sideways)
    left, up = cos * left - sin * up, sin * left + cos * up
    return np.stack([left, back, up])


def _spun(axes: Floats, angle: float) -> Floats:
    """Axes turned about `up`, radians."""
    left, back, up = axes
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * left + sin * back, cos * back - sin * left, up])


def _bumps(rng: np.random.Generator) -> Bumps:
    at = rng.uniform(-0.8, 0.8, (5, 2))
    height = rng.normal(0, 0.25, 5)
    if rng.random() < 0.06:  # a Schmorl node, which is no fracture, hollows the plate
        height[0] = 0.0
    return Bumps(at, height, float(rng.uniform(0.2, 0.5)))


def random_fractures(
    rng: np.random.Generator, span: tuple[str, ...], mean: float = 0.8
) -> dict[str, Fracture]:
    """None, one or several; most where they are most in VerSe: T7-T8 and T11-L4."""
    often = {"T7": 2, "T8": 2, "T11": 2, "T12": 4, "L1": 6, "L2": 4, "L3": 3, "L4": 3, "L5": 2}
    weights = np.array([often.get(level, 1.0) for level in span], dtype=float)
    count = min(int(rng.poisson(mean)), 4, len(span))
    picked = rng.choice(len(span), count, replace=False, p=weights / weights.sum())
    return {span[i]: random_fracture(rng) for i in picked}


def random_fracture(rng: np.random.Generator) -> Fracture:
    """Any kind, 12 to 65 % at its worst column."""
    kind = str(rng.choice(KINDS, p=(0.5, 0.3, 0.2)))
    return Fracture(
        kind,
        float(rng.uniform(0.12, 0.65)),
        upper=float(np.clip(rng.beta(4, 1.5), 0, 1)),
        lean=float(rng.normal(0, 0.15)),
        sharp=float(rng.uniform(0.8, 1.6)),
    )


Labels = NDArray[np.uint8]
