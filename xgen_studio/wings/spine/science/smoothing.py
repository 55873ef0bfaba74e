"""A smooth curve through scattered points that leaves out the one that fits nowhere.

A cubic P-spline (Eilers and Marx 1996) with the smoothing spline's penalty on the second
derivative, for points in a row: centres of vertebrae, or the angles they are turned by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

Floats = NDArray[np.float64]

# A bend that repeats each 80 mm is kept by half, longer ones nearly whole. On 351 real spines
# (VerSe, CSI 2014) it is where a centre is foretold best by the others: 1.5 mm in the median.
HALVED_MM = 80.0
TYPICAL_MM = 27.0  # between the centres of two thoracolumbar vertebrae
PENALTY = (HALVED_MM / (2 * np.pi)) ** 4 / TYPICAL_MM
# Leaving out one of 1079 real centres lowers the misfit by more than this in 3 cases.
OUTLYING_MM2 = 20.0
KNOTS_MM = 12.0
DIRECTION_MM = 15.0  # 4 degrees of an endplate's normal count like 1 mm of a centre
DIRECTION_DOUBT = np.sin(np.radians(10))  # normals farther off count by the angle, not its square
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Smooth:
    """value(t) of a spline between `first` and `last`; kept: which points it was fitted to."""

    spline: BSpline
    first: float
    last: float
    kept: NDArray[np.bool_]

    def __call__(self, t: Floats) -> Floats:
        """Values (..., D) at t; the end's own value beyond either end."""
        return np.asarray(self.spline(np.clip(t, self.first, self.last)))


def smooth(t: Floats, values: Floats, directions: Floats | None = None) -> Smooth:
    """The spline through `values` (n, D) at ascending places `t` (n,) mm, n >= 2.

    directions (n, D): unit vectors along which it shall run at each point, NaN where unknown.
    Minimises sum |v_i - c(t_i)|^2 + DIRECTION_MM^2 sum |c'(t_i) square to d_i|^2 +
    PENALTY integral |c''|^2. A point between two others without which the rest fits better by
    more than OUTLYING_MM2 is left out, the worst first, a quarter of them at most.
    """
    n = len(t)
    kept = np.ones(n, dtype=bool)
    problem = _Problem(t, values, directions)
    for _ in range(n // 4):
        whole = problem.misfit(kept, kept)
        gain = np.full(n, -np.inf)
        for k in np.flatnonzero(kept):
            without = kept.copy()
            without[k] = False
            # its direction stays: a wedged vertebra's is off where its centre is not
            gain[k] = whole - problem.misfit(without, kept)
        worst = int(gain.argmax())
        # an end that is off cannot be told from a spine that bends there
        if gain[worst] < OUTLYING_MM2 or worst in np.flatnonzero(kept)[[0, -1]]:
            break
        kept[worst] = False
    return Smooth(problem.spline(kept), float(t[0]), float(t[-1]), kept)


class _Problem:
    """Rows of the least squares problem in the spline's coefficients, (m, D) flattened."""

    def __init__(self, t: Floats, values: Floats, directions: Floats | None) -> None:
        pieces = max(2, int(np.ceil((t[-1] - t[0]) / KNOTS_MM)))
        step = (t[-1] - t[0]) / pieces
        self.knots = t[0] + step * np.arange(-3, pieces + 4)
        self.values, self.dims = values, values.shape[1]
        self.count = pieces + 3
        eye = np.eye(self.dims)
        self.at = np.stack([np.kron(row, eye) for row in self._basis(t, 0)])  # (n, D, m D)
        middles = np.linspace(t[0], t[-1], 8 * pieces + 1)
        middles = (middles[1:] + middles[:-1]) / 2
        bend = self._basis(middles, 2)
        self.penalty = np.kron(PENALTY * bend.T @ bend * (middles[1] - middles[0]), eye)
        self.along = np.zeros_like(self.at)
        if directions is not None:
            for k, (row, d) in enumerate(zip(self._basis(t, 1), directions, strict=True)):
                if np.all(np.isfinite(d)):
                    self.along[k] = DIRECTION_MM * np.kron(row, eye - np.outer(d, d))

    def _basis(self, t: Floats, derivative: int) -> Floats:
        functions = BSpline(self.knots, np.eye(self.count), 3)
        return np.asarray(functions(t, nu=derivative))

    def _solved(self, kept: NDArray[np.bool_], directed: NDArray[np.bool_]) -> tuple[Floats, float]:
        """The coefficients for the values of some points and the directions of others, and the
        weighted misfit at them."""
        at, along = self.at[kept], self.along[directed]
        size = self.count * self.dims
        rows, turns = at.reshape(-1, size), along.reshape(-1, size)
        fixed = rows.T @ rows + self.penalty
        wanted = rows.T @ self.values[kept].ravel()
        weight = np.ones(len(along))
        for _ in range(ROUNDS if along.any() else 1):
            normal = fixed + turns.T @ (np.repeat(weight, self.dims)[:, None] * turns)
            # all but nothing, for the coefficients that two lone points leave open
            c = np.linalg.solve(normal + 1e-9 * np.eye(size), wanted)
            off = np.linalg.norm(along @ c, axis=1) / DIRECTION_MM
            used, weight = weight, np.minimum(1, DIRECTION_DOUBT / np.maximum(off, 1e-9))
        misfit = ((at @ c - self.values[kept]) ** 2).sum() + c @ self.penalty @ c
        misfit += (used * (DIRECTION_MM * off) ** 2).sum()
        return c, float(misfit)

    def misfit(self, kept: NDArray[np.bool_], directed: NDArray[np.bool_]) -> float:
        """What is minimised, at its minimum."""
        return self._solved(kept, directed)[1]

    def spline(self, kept: NDArray[np.bool_]) -> BSpline:
        """The spline fitted to the points that are kept."""
        c, _ = self._solved(kept, kept)
        return BSpline(self.knots, c.reshape(self.count, self.dims), 3)
