"""Simple guesses of healthy heights, which anything cleverer has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xgen_studio.wings.spine.science.body import Body
from xgen_studio.wings.spine.science.findings import THIRDS, ByThird
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import place

RIDGE = 4.0  # mm2: the regression's few examples a level would else be learned by heart


def _beside(level: str, bodies: Mapping[str, Body], sound: Sequence[str]) -> list[tuple[int, Body]]:
    """The nearest sound vertebra above (-1) and below (1), where there is one."""
    found: dict[int, tuple[float, Body]] = {}
    for name in sound:
        far = place(name) - place(level)
        side = -1 if far < 0 else 1
        if name != level and name in bodies and abs(far) < found.get(side, (np.inf, None))[0]:
            found[side] = (abs(far), bodies[name])
    return [(side, body) for side, (_, body) in sorted(found.items())]


def neighbour_mean(level: str, bodies: Mapping[str, Body], sound: Sequence[str]) -> ByThird | None:
    """Heights in mm of each third: the mean of the nearest sound vertebrae above and below."""
    beside = _beside(level, bodies, sound)
    if not beside:
        return None
    heights = [body.thirds() for _, body in beside]
    return {third: float(np.mean([h[third] for h in heights])) for third in THIRDS}


@dataclass(frozen=True, eq=False)
class LinearNeighbours:
    """Ridge regression of a level's heights on those of the vertebrae above and below, a model for
    each level and set of neighbours (the published SVD regression's idea, on heights)."""

    models: dict[tuple[str, tuple[int, ...]], tuple[Floats, Floats, Floats]]

    @classmethod
    def fit(cls, spines: Sequence[Mapping[str, Body]]) -> LinearNeighbours:
        """From measured healthy spines."""
        rows: dict[tuple[str, tuple[int, ...]], list[tuple[Floats, Floats]]] = {}
        for spine in spines:
            for level, body in spine.items():
                beside = [(side, other) for side, other in _beside(level, spine, list(spine))]
                for used in ([0], [1], [0, 1]):
                    if max(used) < len(beside):
                        some = [beside[i] for i in used]
                        key = (level, tuple(side for side, _ in some))
                        rows.setdefault(key, []).append((_vector(some), _heights(body)))
        models = {}
        for key, pairs in rows.items():
            x, y = (np.stack(part) for part in zip(*pairs, strict=True))
            mean_x, mean_y = x.mean(0), y.mean(0)
            gram = (x - mean_x).T @ (x - mean_x) + RIDGE * len(x) * np.eye(x.shape[1]) / 10
            models[key] = (np.linalg.solve(gram, (x - mean_x).T @ (y - mean_y)), mean_x, mean_y)
        return cls(models)

    def __call__(
        self, level: str, bodies: Mapping[str, Body], sound: Sequence[str]
    ) -> ByThird | None:
        """Heights in mm of each third; None for a level or neighbours it has not seen."""
        beside = _beside(level, bodies, sound)
        key = (level, tuple(side for side, _ in beside))
        if key not in self.models:
            return None
        weights, mean_x, mean_y = self.models[key]
        found = mean_y + (_vector(beside) - mean_x) @ weights
        return dict(zip(THIRDS, found.tolist(), strict=True))


def _heights(body: Body) -> Floats:
    return np.array([body.thirds()[third] for third in THIRDS])


def _vector(beside: Sequence[tuple[int, Body]]) -> Floats:
    return np.concatenate([_heights(body) for _, body in beside])
