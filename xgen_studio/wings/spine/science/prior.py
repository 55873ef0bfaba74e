"""What a healthy vertebra looks like, given the others of the same patient: the shape prior.

Each number of `shape` is a Gaussian process over the levels of one spine: a mean for each level, a
part that is the patient's at all levels, one that neighbours share, and each vertebra's own. What
is known of a patient, all numbers of the vertebrae that serve as reference, and the depth and width
(which a compression leaves) of the one in question, conditions the rest. The size (depth, width,
height) is one process of three numbers, for broad vertebrae are high; the others stand alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging import atomic_write
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import place
from xgen_studio.wings.spine.science.shape import LENGTH, SIZE
from xgen_studio.wings.spine.science.sizes import SIZES

FILE = Path(__file__).parent.parent / "data" / "prior.json"
REACH = 2.0  # levels over which neighbours are alike
LEVELS = tuple(SIZES)  # T1 to L5; T13 and L6 stand between them
SMALL = 1e-6


@dataclass(frozen=True, eq=False)
class Prior:
    """The process.

    mean    (17, LENGTH) by level, T1 to L5
    common, near, own   (LENGTH, LENGTH) covariances: of the patient, of neighbours, of a vertebra;
                        zero but for the block of the size and the diagonal
    spread  factor on every standard deviation, so that 90 % intervals hold 90 % of held-out bodies
    made_of what it was fitted on, in words
    """

    mean: Floats
    common: Floats
    near: Floats
    own: Floats
    spread: float = 1.0
    made_of: str = ""

    def at(self, level: str) -> Floats:
        """(LENGTH,) the mean of a level; between its neighbours for T13 and L6."""
        where = place(level) - place("T1")
        rows = np.arange(len(self.mean))
        return np.array([np.interp(where, rows, column) for column in self.mean.T])

    def covariance(self, a: str, b: str, same: bool) -> Floats:
        """(LENGTH, LENGTH) between two vertebrae; `same`: they are one."""
        far = place(a) - place(b)
        cov = self.common + self.near * np.exp(-(far**2) / (2 * REACH**2))
        return cov + self.own if same else cov

    def healthy(
        self, level: str, others: Mapping[str, Floats], own_size: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Mean (LENGTH,) and covariance (LENGTH, LENGTH) of a healthy vertebra, given the numbers
        of `others` and, where it is sound, the log depth and log width of its own body (2,)."""
        known: list[tuple[str, NDArray[np.intp], Floats]] = []
        for name, numbers in others.items():
            known.append((name, np.arange(LENGTH), numbers))
        if own_size is not None:
            known.append((level, np.arange(2), own_size))
        mean, cov = self.at(level), self.covariance(level, level, same=True)
        if not known:
            return mean, cov * self.spread**2
        off = np.concatenate([values - self.at(name)[rows] for name, rows, values in known])
        gram = np.block(
            [
                [self.covariance(a, b, a == b)[np.ix_(i, j)] for b, j, _ in known]
                for a, i, _ in known
            ]
        )
        across = np.hstack([self.covariance(level, b, level == b)[:, j] for b, j, _ in known])
        solved = np.linalg.solve(gram + SMALL * np.eye(len(gram)), across.T)
        posterior = cov - across @ solved
        return mean + solved.T @ off, (posterior + posterior.T) / 2 * self.spread**2


def samples_of(mean: Floats, cov: Floats, count: int, seed: int = 0) -> Floats:
    """(count, LENGTH) draws, the same for the same seed, in pairs mirrored about the mean."""
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    half = np.random.default_rng(seed).standard_normal((count // 2, len(mean))) @ root.T
    return mean + np.concatenate([half, -half])


Spine = Mapping[str, Floats]  # numbers of each healthy vertebra of a patient, by level


def fit(spines: Sequence[Spine], made_of: str = "") -> Prior:
    """The prior of healthy spines, by moments: means by level, covariances of what is left over
    between vertebrae of one patient at each distance, split into the three parts by least squares.
    """
    mean = _means(spines)
    nothing = np.zeros((LENGTH, LENGTH))
    draft = Prior(mean, nothing, nothing, nothing)
    left = [{level: x - draft.at(level) for level, x in spine.items()} for spine in spines]
    sums: dict[float, Floats] = {}
    counts: dict[float, float] = {}
    for spine in left:
        names = list(spine)
        for i, a in enumerate(names):
            for b in names[i:]:
                far = abs(place(a) - place(b))
                outer = np.outer(spine[a], spine[b])
                sums[far] = sums.get(far, 0) + (outer + outer.T) / 2
                counts[far] = counts.get(far, 0) + 1
    distances = np.array([d for d in sums if counts[d] >= 10 and d <= 8])
    design = np.stack(
        [np.ones_like(distances), np.exp(-(distances**2) / (2 * REACH**2)), distances == 0], 1
    )
    weight = np.sqrt([counts[d] for d in distances])
    observed = np.stack([sums[d] / counts[d] for d in distances]).reshape(len(distances), -1)
    parts = np.linalg.lstsq(design * weight[:, None], observed * weight[:, None], rcond=None)[0]
    common, near, own = (_allowed(part.reshape(LENGTH, LENGTH)) for part in parts)
    return Prior(mean, common, near, own, made_of=made_of)


def _allowed(covariance: Floats) -> Floats:
    """The nearest covariance with the size as a block and the rest alone."""
    out = np.diag(np.clip(np.diag(covariance), 0, None))
    block = covariance[:SIZE, :SIZE]
    values, vectors = np.linalg.eigh((block + block.T) / 2)
    out[:SIZE, :SIZE] = (vectors * np.clip(values, 1e-7, None)) @ vectors.T
    return out


def _means(spines: Sequence[Spine]) -> Floats:
    """(17, LENGTH): of each level. Patients cover different levels, so that each patient's own
    offset is taken out (two-way means, the offset shrunk as a random effect is); levels that few
    cover lean on the published sizes and on their neighbours."""
    levels = {level: i for i, level in enumerate(LEVELS)}
    table = np.array([[np.log(s.depth), np.log(s.width), np.log(s.height)] for s in SIZES.values()])
    mean = np.zeros((len(LEVELS), LENGTH))
    mean[:, :SIZE] = table
    offsets = np.zeros((len(spines), LENGTH))
    usable = [{k: v for k, v in spine.items() if k in levels} for spine in spines]
    for _ in range(30):
        total, count = np.zeros_like(mean), np.zeros(len(LEVELS))
        for spine, offset in zip(usable, offsets, strict=True):
            for level, numbers in spine.items():
                total[levels[level]] += numbers - offset
                count[levels[level]] += 1
        seen = count > 0
        mean[seen] = total[seen] / count[seen, None]
        if seen.any() and not seen.all():
            _lean(mean, table, np.flatnonzero(seen))
        for index, spine in enumerate(usable):
            if spine:
                off = np.mean([x - mean[levels[k]] for k, x in spine.items()], axis=0)
                offsets[index] = off * len(spine) / (len(spine) + 0.5)
        offsets -= offsets.mean(0)
    return _smoothed(mean, count)


def _lean(mean: Floats, table: Floats, seen: NDArray[np.intp]) -> None:
    """Levels without data: the published sizes, moved to where the data lie; shapes of the nearest
    level with data."""
    moved = (mean[seen, :SIZE] - table[seen]).mean(0)
    for row in sorted(set(range(len(mean))) - set(seen.tolist())):
        mean[row, :SIZE] = table[row] + moved
        mean[row, SIZE:] = mean[seen[np.abs(seen - row).argmin()], SIZE:]


def _smoothed(mean: Floats, count: Floats) -> Floats:
    """Levels pooled with their neighbours, the more the fewer vertebrae they stand for: what is
    smoothed is the distance from a straight line through the neighbours, so that trends stay."""
    out = mean.copy()
    for row in range(len(mean)):
        trust = count[row] / (count[row] + 6)
        around = [r for r in range(row - 2, row + 3) if 0 <= r < len(mean) and count[r] > 0]
        if len(around) >= 3:
            weights = np.sqrt(np.array([count[r] + 0.5 for r in around]))
            line = np.polyfit(np.array(around) - row, mean[around], 1, w=weights)
            out[row] = trust * mean[row] + (1 - trust) * line[1]
    return out


PARTS = ("common", "near", "own")


def write_prior(prior: Prior, path: Path = FILE) -> None:
    """Write it as JSON, five significant digits a number."""
    table: dict[str, Any] = {"made_of": prior.made_of, "spread": prior.spread}
    table["mean"] = [_short(row) for row in prior.mean]
    for name in PARTS:
        part = getattr(prior, name)
        size = [_short(row) for row in part[:SIZE, :SIZE]]
        table[name] = {"size": size, "rest": _short(np.diag(part)[SIZE:])}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(table), encoding="utf-8")


def _short(values: Floats) -> list[float]:
    return [float(f"{x:.5g}") for x in values]


@cache
def shipped_prior() -> Prior:
    """The prior that the program brings along."""
    table = json.loads(FILE.read_text(encoding="utf-8"))
    parts = {}
    for name in PARTS:
        part = np.diag(np.concatenate([np.zeros(SIZE), table[name]["rest"]]))
        part[:SIZE, :SIZE] = table[name]["size"]
        parts[name] = part
    return Prior(np.array(table["mean"]), **parts, spread=table["spread"], made_of=table["made_of"])
