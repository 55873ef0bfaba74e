"""Which peak is which landmark: pose, belief propagation over displacement edges, one-to-one
assignment. Works on many hands at once.

The published reading (see `published`) labels a third of real hands right; this one 99 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from xgen_studio.wings.hand.science.belief import IMPOSSIBLE, max_product
from xgen_studio.wings.hand.science.landmarks import COUNT, Points
from xgen_studio.wings.hand.science.norms import Norms
from xgen_studio.wings.hand.science.peaks import Peaks
from xgen_studio.wings.hand.science.pose import Complex, as_complex, fit_similarity, rough_pose
from xgen_studio.wings.hand.science.topology import NEAR_WRIST
from xgen_studio.wings.hand.science.warping import apply, similarity

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CHUNK = 100  # hands labelled together
ABSENT = -1  # the label of a landmark without a peak
CANDIDATES = 8  # peaks that a landmark chooses from: those nearest to its place on the mean
PLACE_SLACK = 3.0  # times the spread of real hands: how freely a landmark may lie
ABSENT_COST = 25.0  # a landmark without a peak, in the logarithm of a density
FAR_COST = 12.0  # an edge never costs more: one wrong end must not drag its neighbours along
ABSENT_EDGE = 6.0  # an edge with an absent end
DOUBT = -1.6  # energy an edge: below it, other poses are tried ...
SECOND_TURNS_DEG = (-18.0, -9.0, -4.5, 4.5, 9.0, 18.0)  # ... turned so far from the first
REFINED_MM = 3.0  # how closely a landmark follows the shape that the others say
REFINEMENTS = 3
# Neighbours whose blobs may merge, and how far (mm) the one without a peak may be expected from the
# other's: 2 and 3 always lie close, 0 and 1 where the ulnar styloid is not yet ossified.
SHARED = {(2, 3): 8.0, (0, 1): 16.0}


@dataclass(frozen=True)
class Labels:
    """One hand's labelling: the peak of each landmark (37,), ABSENT where it has none; and the log
    density that an edge has on average."""

    peaks: Indices
    edge_energy: float


def label_hands(hands: Sequence[Peaks], norms: Norms) -> list[Labels]:
    """Label each hand's peaks."""
    return in_chunks(lambda some: _label(some, norms), hands, CHUNK)


def in_chunks(
    label: Callable[[Sequence[Peaks]], list[Labels]], hands: Sequence[Peaks], size: int
) -> list[Labels]:
    """Label so many hands at a time: their arrays then fit a core's cache. On one core: two
    threads take longer, for they wait for each other's lock between small array operations."""
    chunks = [hands[first : first + size] for first in range(0, len(hands), size)]
    return [labels for chunk in chunks for labels in label(chunk)]


def padded(hands: Sequence[Peaks]) -> tuple[Complex, Floats]:
    """Peaks of hands as one array: places (B, L) and heights (B, L), 0 where there is no peak."""
    most = max([CANDIDATES, *(len(hand) for hand in hands)])
    places = np.zeros((len(hands), most), dtype=complex)
    heights = np.zeros((len(hands), most))
    for row, hand in enumerate(hands):
        places[row, : len(hand)] = hand.places @ [1, 1j]
        heights[row, : len(hand)] = hand.heights
    return places, heights


def _label(hands: Sequence[Peaks], norms: Norms) -> list[Labels]:
    places, heights = padded(hands)
    there = heights > 0
    a, b = rough_pose(places, there, as_complex(norms.shape.mean))
    best = _match(places, there, a, b, norms)
    doubtful = np.flatnonzero((best.edge_energy < DOUBT) | best.absent)
    if doubtful.size:
        some, cloud = there[doubtful], places[doubtful]
        for a2, b2 in _other_poses(best, doubtful, cloud, some, a[doubtful], b[doubtful], norms):
            best.take_better(_match(cloud, some, a2, b2, norms), doubtful)
    return [best.labels(row, hand, norms) for row, hand in enumerate(hands)]


def _other_poses(
    best: _Match,
    rows: Indices,
    cloud: Complex,
    there: NDArray[np.bool_],
    a: Complex,
    b: Complex,
    norms: Norms,
) -> Iterator[tuple[Complex, Complex]]:
    """Poses to try where the first one leaves doubt: turned a little either way, then twice the
    one that takes the labels below the fingers, which spread fingers do not mislead, to the mean.
    """
    posed = a[:, None] * cloud + b[:, None]
    centre = (posed * there).sum(1) / np.maximum(there.sum(1), 1)
    for degrees in SECOND_TURNS_DEG:
        turn = np.exp(1j * np.deg2rad(degrees))
        yield a * turn, (b - centre) * turn + centre
    mean = as_complex(norms.shape.mean[list(NEAR_WRIST)])
    for _ in range(2):
        states = best.beliefs[rows][:, list(NEAR_WRIST)].argmax(2)
        known = states < CANDIDATES
        picked = np.take_along_axis(
            best.chosen[rows][:, list(NEAR_WRIST)], np.minimum(states, CANDIDATES - 1)[..., None], 2
        )[..., 0]
        yield fit_similarity(np.take_along_axis(cloud, picked, 1), mean, known)


@dataclass
class _Match:
    """Hands posed and propagated: peaks to choose from (B, 37, K), beliefs (B, 37, K + 1), total
    energy (B,), energy an edge (B,), whether a landmark is absent (B,)."""

    chosen: Indices
    beliefs: Floats
    energy: Floats
    edge_energy: Floats
    absent: NDArray[np.bool_]

    def take_better(self, other: _Match, rows: Indices) -> None:
        """Where `other`, about these rows, explains a hand better, it takes its place."""
        wins = np.flatnonzero(other.energy > self.energy[rows])
        for name in ("chosen", "beliefs", "energy", "edge_energy", "absent"):
            getattr(self, name)[rows[wins]] = getattr(other, name)[wins]

    def labels(self, row: int, hand: Peaks, norms: Norms) -> Labels:
        """One hand's labels, one to one and refined by the shape model."""
        labels = one_to_one(self.beliefs[row], self.chosen[row], len(hand))
        labels = refined(hand.places, labels, norms)
        labels = share_merged(hand.places, labels, norms)
        return Labels(labels, float(self.edge_energy[row]))


def _match(
    places: Complex, there: NDArray[np.bool_], a: Complex, b: Complex, norms: Norms
) -> _Match:
    """Propagate beliefs of peaks (B, L) posed by a z + b."""
    unary, binary, chosen = potentials(a[:, None] * places + b[:, None], there, norms)
    result = max_product(unary, binary, norms.edges)
    i, j = np.array(norms.edges).T
    rows = np.arange(len(places))[:, None]
    used = binary[rows, np.arange(len(i)), result.states[:, i], result.states[:, j]].mean(1)
    absent = (result.states == CANDIDATES).any(1)
    return _Match(chosen, result.beliefs, result.energies, used, absent)


def potentials(
    moved: Complex, there: NDArray[np.bool_], norms: Norms
) -> tuple[Floats, Floats, Indices]:
    """Log potentials of peaks `moved` (B, L) onto the mean shape, mm.

    Each landmark chooses among its K = CANDIDATES nearest peaks, or none: unary (B, 37, K + 1),
    binary (B, E, K + 1, K + 1), and the peaks' numbers (B, 37, K).
    """
    mean = norms.shape.mean @ [1, 1j]
    far2 = np.abs(moved[:, None] - mean[:, None]) ** 2
    far2[~np.repeat(there[:, None], COUNT, 1)] = np.inf
    chosen = np.argsort(far2, axis=2)[:, :, :CANDIDATES]
    near2 = np.take_along_axis(far2, chosen, 2)
    slack = (PLACE_SLACK * norms.spread) ** 2
    batch = len(moved)
    absent = np.full((batch, COUNT, 1), -ABSENT_COST)
    unary = np.concatenate([-near2 / (2 * slack[:, None]), absent], 2)
    unary = np.where(np.isfinite(unary), unary, IMPOSSIBLE)
    i, j = np.array(norms.edges).T
    place = np.take_along_axis(np.repeat(moved[:, None], COUNT, 1), chosen, 2)  # (B, 37, K)
    apart = place[:, j][:, :, None, :] - place[:, i][:, :, :, None]
    apart = apart - (norms.displacement @ [1, 1j])[:, None, None]
    p = norms.precision[:, :, :, None, None]
    squared = (
        p[:, 0, 0] * apart.real**2
        + p[:, 1, 1] * apart.imag**2
        + 2 * p[:, 0, 1] * apart.real * apart.imag
    )
    binary = np.full((batch, len(norms.edges), CANDIDATES + 1, CANDIDATES + 1), -ABSENT_EDGE)
    binary[:, :, :-1, :-1] = -np.minimum(squared / 2, FAR_COST)
    return unary, binary, chosen


def one_to_one(beliefs: Floats, chosen: Indices, count: int) -> Indices:
    """The assignment (37,) of at most one landmark to each of `count` peaks with the greatest sum
    of beliefs (37, K + 1), by the Hungarian method."""
    cost = np.full((COUNT, count + COUNT), -IMPOSSIBLE)
    cost[np.arange(COUNT), count + np.arange(COUNT)] = -beliefs[:, -1]
    for landmark in range(COUNT):
        real = chosen[landmark] < count
        cost[landmark, chosen[landmark][real]] = -beliefs[landmark, :-1][real]
    _, columns = linear_sum_assignment(cost)
    return np.where(columns < count, columns, ABSENT)


def refined(places: Points, labels: Indices, norms: Norms) -> Indices:
    """Assign anew, each landmark near where the shape model, fitted to all others, expects it."""
    for _ in range(REFINEMENTS):
        if (labels >= 0).sum() < 8:
            break
        expected, onto = expectation(places, labels, norms)
        far2 = ((apply(onto, places)[None] - expected[:, None]) ** 2).sum(2)
        cost = np.full((COUNT, len(places) + COUNT), ABSENT_COST)
        cost[:, : len(places)] = far2 / (2 * REFINED_MM**2)
        _, columns = linear_sum_assignment(np.minimum(cost, 10 * ABSENT_COST))
        fresh = np.where(columns < len(places), columns, ABSENT)
        if (fresh == labels).all() or (fresh >= 0).sum() < (labels >= 0).sum():
            break
        labels = fresh
    return labels


def expectation(places: Points, labels: Indices, norms: Norms) -> tuple[Points, Floats]:
    """Where (37, 2), mm, the shape model expects every landmark given the labelled ones, and the
    similarity (2, 3) that takes places there: its modes within 3 SD, fitted with a prior."""
    known = labels >= 0
    shape = norms.shape
    onto = similarity(places[labels[known]], shape.mean[known])
    expected = shape.mean
    rows = np.repeat(known, 2)
    modes = shape.modes[:, rows]
    for _ in range(2):
        apart = (apply(onto, places[labels[known]]) - shape.mean[known]).ravel()
        left = modes @ modes.T + np.diag(REFINED_MM**2 / shape.variances)
        b = np.linalg.solve(left, modes @ apart)
        b = np.clip(b, -3 * np.sqrt(shape.variances), 3 * np.sqrt(shape.variances))
        expected = shape.mean + (shape.modes.T @ b).reshape(-1, 2)
        onto = similarity(places[labels[known]], expected[known])
    return expected, onto


def share_merged(places: Points, labels: Indices, norms: Norms) -> Indices:
    """Where one of two close neighbours has no peak, both have the other's if that lies near."""
    labels = labels.copy()
    for pair, reach in SHARED.items():
        absent = [k for k in pair if labels[k] < 0]
        if len(absent) != 1 or (labels >= 0).sum() < 8:
            continue
        expected, onto = expectation(places, labels, norms)
        other = sum(pair) - absent[0]
        at = apply(onto, places[labels[other]][None])[0]
        if np.hypot(*(at - expected[absent[0]])) < reach:
            labels[absent[0]] = labels[other]
    return labels
