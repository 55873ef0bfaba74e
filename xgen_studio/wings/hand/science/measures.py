"""What is measured of a labelled hand, in the mean shape's frame (wrist 50 mm)."""

from __future__ import annotations

import numpy as np

from xgen_studio.wings.hand.science.labelling import FAR_COST, SHARED, Labels, expectation
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES, Points
from xgen_studio.wings.hand.science.norms import BONES, Floats, Norms, bone_logs
from xgen_studio.wings.hand.science.peaks import Peaks
from xgen_studio.wings.hand.science.warping import apply, similarity

Pairs = tuple[tuple[int, int], ...]
WRIST_REGION = tuple(range(13))  # radius, ulna, carpus
LEAST_KNOWN = 8  # labelled landmarks below which a hand cannot be measured

UNITS = {
    "missing": "landmarks",
    "shared": "landmarks",
    "extra": "peaks",
    "faintest": "of median",
    "wrist": "mm",
    "shape": "D²",
    "residual": "mm",
    "bone": "SD",
    "turn": "°",
    "inliers": "of 37",
    "edges": "per edge",
}
SIGNED = ("bone", "turn")  # either way is odd: limits, filters and medians take their size


def peak_groups(labels: Labels, exempt: Pairs = tuple(SHARED)) -> list[list[int]]:
    """Landmarks that share a peak, but for pairs that may."""
    groups: dict[int, list[int]] = {}
    for landmark, peak in enumerate(labels.peaks):
        if peak >= 0:
            groups.setdefault(int(peak), []).append(landmark)
    return [g for g in groups.values() if len(g) > 1 and tuple(g) not in exempt]


def merged_pairs(labels: Labels) -> list[tuple[int, int]]:
    """Neighbours whose blobs ran into each other, so that one peak carries both labels."""
    at = labels.peaks
    return [(one, other) for one, other in SHARED if at[one] == at[other] >= 0]


def placed(peaks: Peaks, labels: Labels, norms: Norms) -> Points:
    """Every landmark (37, 2), px: its peak, or half of one that it shares with its neighbour, or
    where the others let it be expected."""
    known = labels.peaks >= 0
    points = np.full((COUNT, 2), np.nan)
    points[known] = peaks.places[labels.peaks[known]]
    if peaks.halves is not None and known.sum() >= LEAST_KNOWN:
        mean = norms.shape.mean
        for one, other in merged_pairs(labels):
            halves = peaks.halves[labels.peaks[one]]
            pose = similarity(mean[known], points[known])  # from the mean hand into the picture
            along = pose[:, :2] @ (mean[other] - mean[one])
            swapped = (halves[1] - halves[0]) @ along < 0
            points[[one, other]] = halves[::-1] if swapped else halves
    if known.all() or known.sum() < LEAST_KNOWN:
        return points
    expected, onto = expectation(peaks.places, labels.peaks, norms)
    if abs(np.linalg.det(onto[:, :2])) < 1e-12:  # all peaks in one place
        return points
    back = np.linalg.inv(onto[:, :2])
    points[~known] = (expected[~known] - onto[:, 2]) @ back.T
    return points


def measure(
    peaks: Peaks, labels: Labels, norms: Norms, exempt: Pairs = tuple(SHARED)
) -> tuple[dict[str, float], Points]:
    """Metrics by the names of UNITS, and the landmarks in the mean shape's frame (37, 2), mm.

    A hand with fewer than LEAST_KNOWN labels has only its counts: the rest is NaN.
    """
    known = labels.peaks >= 0
    used = set(labels.peaks[known].tolist())
    median = float(np.median(peaks.heights)) if len(peaks) else 0.0
    metrics = dict.fromkeys(UNITS, float("nan"))
    metrics["missing"] = float((~known).sum())
    metrics["shared"] = float(sum(len(group) for group in peak_groups(labels, exempt)))
    metrics["extra"] = float(len(peaks) - len(used))
    if known.sum() < LEAST_KNOWN:
        return metrics, np.full((COUNT, 2), np.nan)
    points = placed(peaks, labels, norms)
    if np.isnan(points).any():
        return metrics, points
    metrics["faintest"] = float(peaks.heights[labels.peaks[known]].min() / median)
    onto, inside = norms.shape.robust_fit(points, known)
    framed = apply(onto, points)
    off = np.hypot(*(framed - norms.shape.mean).T)
    metrics["inliers"] = float(inside.sum())
    metrics["wrist"] = float(off[list(WRIST_REGION)].max())
    metrics["turn"] = float(np.rad2deg(np.arctan2(onto[1, 0], onto[0, 0])))
    metrics["edges"] = -float(np.minimum(edge_costs(framed, norms), FAR_COST).mean())
    metrics["shape"] = norms.shape.mahalanobis2(points)
    metrics["residual"] = norms.shape.residual_mm(points)
    z = bone_z(points, norms)
    metrics["bone"] = float(z[np.abs(z).argmax()])
    return metrics, framed


def edge_costs(framed: Points, norms: Norms) -> Floats:
    """Half the squared Mahalanobis distance (E,) of each edge's displacement, mean's frame."""
    i, j = np.array(norms.edges).T
    apart = framed[j] - framed[i] - norms.displacement
    costs: Floats = np.einsum("ei,eij,ej->e", apart, norms.precision, apart) / 2
    return costs


def bone_z(points: Points, norms: Norms) -> Floats:
    """By how many standard deviations each of the 19 bones is longer (+) or shorter (-) than the
    hand's other bones let expect: (P x)_i / sqrt(P_ii) of a normal distribution of precision P.
    """
    apart = norms.bone_precision @ (bone_logs(points) - norms.bone_mean)
    z: Floats = apart / np.sqrt(np.diag(norms.bone_precision))
    return z


def bone_name(bone: int) -> str:
    """A bone by the landmark at its far end."""
    return f"{NAMES[BONES[bone][0]]} to {NAMES[BONES[bone][1]]}"
