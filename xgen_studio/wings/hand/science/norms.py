"""What real hands are like: the statistics that both gates judge by, learned from landmark tables.

They are numbers about hundreds of hands (means, spreads, modes); no single hand can be read back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xgen_studio.wings.hand.science.landmarks import COUNT, FINGERS, Points, mm_per_pixel
from xgen_studio.wings.hand.science.shape import ShapeModel
from xgen_studio.wings.hand.science.topology import edges as topology
from xgen_studio.wings.hand.science.warping import similarity

Floats = NDArray[np.float64]

BONES = tuple(pair for finger in FINGERS for pair in itertools.pairwise(finger))
MARGIN = 0.05  # of its height that a hand leaves free on each side of its picture
FRAME = 256.0  # side of the paper's square frame, px
ANY_SCALE = 1e3  # variance of the log of a hand's overall size: as good as unknown
MOST_FREEDOM = 100.0  # degrees of freedom: beyond, a t-distribution is a normal one


@dataclass(frozen=True)
class Norms:
    """Statistics of real hands; E edges, 19 bones, 37 landmarks.

    In the mean shape's frame (mm): shape, spread (37,) per axis, displacement (E, 2) of each edge
    and its precision (E, 2, 2). Bones: mean (19,) and precision (19, 19) of their log lengths,
    which no overall scale can move.
    turn_deg: mean and SD of how hands lie turned in their pictures, against the mean shape.
    For the published gate: place (37, 2) mm in a square frame, t_fits (E, 3) of distances in mm
    (degrees of freedom, location, scale), distance (E,) mm, and the mm a frame pixel stands for.
    """

    shape: ShapeModel
    edges: tuple[tuple[int, int], ...]
    spread: Floats
    displacement: Floats
    precision: Floats
    bone_mean: Floats
    bone_precision: Floats
    turn_deg: Floats
    place: Points
    distance: Floats
    t_fits: Floats
    frame_mm: float

    @classmethod
    def of(cls, hands: Points) -> Norms:
        """From hands (N, 37, 2), each in pixels of its own picture."""
        shape = ShapeModel.of(hands)
        edges = topology(shape.mean)
        aligned = np.stack([shape.aligned(hand) for hand in hands])
        i, j = np.array(edges).T
        apart = aligned[:, j] - aligned[:, i]
        centred = apart - apart.mean(0)
        covariance = np.einsum("nei,nej->eij", centred, centred) / (len(hands) - 1)
        logs = bone_logs(hands)
        framed = np.stack([in_frame(hand) for hand in hands])
        maps = [similarity(hand, shape.mean) for hand in hands]
        turns = np.rad2deg([np.arctan2(m[1, 0], m[0, 0]) for m in maps])
        scales = np.array([mm_per_pixel(hand) for hand in framed])
        lengths = np.linalg.norm(hands[:, j] - hands[:, i], axis=2)
        lengths *= np.array([mm_per_pixel(hand) for hand in hands])[:, None]
        return cls(
            shape,
            edges,
            spread=np.sqrt(((aligned - shape.mean) ** 2).mean((0, 2))),
            displacement=apart.mean(0),
            precision=np.linalg.inv(covariance),
            bone_mean=logs.mean(0),
            bone_precision=np.asarray(np.linalg.inv(np.cov(logs.T) + ANY_SCALE), np.float64),
            turn_deg=np.array([np.mean(turns), np.std(turns)]),
            place=framed.mean(0) * scales.mean(),
            distance=lengths.mean(0),
            t_fits=np.array([_t_fit(column) for column in lengths.T]),
            frame_mm=float(scales.mean()),
        )


def framing(hand: Points, grid: tuple[int, int] = (256, 256)) -> tuple[float, Points]:
    """(scale, offset (2,)) that put a hand (37, 2) where it lies in a picture (rows, columns):
    upright, aspect kept, MARGIN about it. For tables whose pictures are not at hand."""
    low, high = hand.min(0), hand.max(0)
    size = np.maximum(high - low + 2 * MARGIN * (high - low)[1], 1e-9)
    scale = float(min(grid[1] / size[0], grid[0] / size[1]))
    offset: Points = np.array([grid[1], grid[0]]) / 2 - scale * (low + high) / 2
    return scale, offset


def in_frame(hand: Points, grid: tuple[int, int] = (256, 256)) -> Points:
    """A hand (37, 2) framed so."""
    scale, offset = framing(hand, grid)
    return scale * hand + offset


def bone_logs(hands: Points) -> Floats:
    """Log length of each of the 19 bones, (..., 19), of (..., 37, 2)."""
    i, j = np.array(BONES).T
    lengths = np.linalg.norm(hands[..., j, :] - hands[..., i, :], axis=-1)
    logs: Floats = np.log(np.maximum(lengths, 1e-9))
    return logs


def _t_fit(values: Floats) -> tuple[float, float, float]:
    """A t-distribution's (degrees of freedom, location, scale); a normal one where the fit runs
    away, as it does on the many pairs without heavy tails."""
    freedom, location, scale = stats.t.fit(values)
    if not (0 < freedom <= MOST_FREEDOM and np.isfinite(scale) and scale > 0):
        return MOST_FREEDOM, float(values.mean()), float(values.std())
    return float(freedom), float(location), float(scale)


def to_json(norms: Norms) -> dict[str, object]:
    """The norms as plain lists, rounded to what the number of hands supports."""

    def plain(value: NDArray[np.float64]) -> object:
        return np.asarray([float(f"{v:.6g}") for v in value.ravel()]).reshape(value.shape).tolist()

    arrays = {name: plain(getattr(norms, name)) for name in ARRAYS}
    return {
        "mean_mm": plain(norms.shape.mean),
        "modes": plain(norms.shape.modes),
        "mode_variances_mm2": plain(norms.shape.variances),
        "edges": [list(edge) for edge in norms.edges],
        "frame_mm_per_px": norms.frame_mm,
        **arrays,
    }


def from_json(table: dict[str, Sequence[float]]) -> Norms:
    """The norms of `to_json`; KeyError or ValueError where something is missing."""
    shape = ShapeModel(
        np.asarray(table["mean_mm"]),
        np.asarray(table["modes"]),
        np.asarray(table["mode_variances_mm2"]),
    )
    if shape.mean.shape != (COUNT, 2):
        raise ValueError(f"the mean shape has {shape.mean.shape}, not ({COUNT}, 2)")
    edges = tuple((int(i), int(j)) for i, j in np.asarray(table["edges"], dtype=int))
    arrays = {name: np.asarray(table[name], dtype=np.float64) for name in ARRAYS}
    return Norms(shape, edges, frame_mm=float(np.asarray(table["frame_mm_per_px"])), **arrays)


ARRAYS = (
    "spread",
    "displacement",
    "precision",
    "bone_mean",
    "bone_precision",
    "turn_deg",
    "place",
    "distance",
    "t_fits",
)
