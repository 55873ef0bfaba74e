"""The statistical shape model of the hand (Cootes 1995): x = mean + P b, aligned by similarities.

The mean has a wrist of 50 mm, so distances in its frame are millimetres whatever the image's scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.hand.science.landmarks import WRIST, WRIST_MM, Points
from xgen_studio.wings.hand.science.warping import apply, similarity

KEPT = 0.95  # of the variance
PASSES = 10  # of the alignment
INLIER_MM = 8.0  # of a robust fit
TRIALS = 200
FAR_MM = 20.0  # least distance of the two points that a trial fits


@dataclass(frozen=True)
class ShapeModel:
    """mean (37, 2) mm; modes (M, 74) of unit length with their variances (M,) mm^2."""

    mean: Points
    modes: NDArray[np.float64]
    variances: NDArray[np.float64]

    @classmethod
    def of(cls, shapes: Points, kept: float = KEPT) -> ShapeModel:
        """From shapes (N, 37, 2) in any unit: generalised Procrustes alignment by similarities,
        then principal components for a share `kept` of the variance."""
        mean = _wrist_sized(shapes[0])
        for _ in range(PASSES):
            aligned = np.stack([apply(similarity(s, mean), s) for s in shapes])
            mean = _wrist_sized(aligned.mean(0))
        aligned = np.stack([apply(similarity(s, mean), s) for s in shapes])
        apart = (aligned - mean).reshape(len(shapes), -1)
        _, sizes, modes = np.linalg.svd(apart - apart.mean(0), full_matrices=False)
        variances = sizes**2 / (len(shapes) - 1)
        count = int(np.searchsorted(np.cumsum(variances) / variances.sum(), kept)) + 1
        return cls(mean, modes[:count], variances[:count])

    def aligned(self, points: Points) -> Points:
        """Points (37, 2) in the mean's frame, mm, by all of them."""
        return apply(similarity(points, self.mean), points)

    def robust_fit(
        self, points: Points, known: NDArray[np.bool_], seed: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The similarity (2, 3) into the mean's frame by RANSAC (Fischler 1981), and its inliers.

        Pairs of `known` landmarks at least FAR_MM apart propose similarities; inliers lie within
        INLIER_MM of the mean; the best set is fitted again. All trials are one array operation.
        """
        if known.sum() < 2:
            raise ValueError("a similarity needs two known landmarks")
        rng = np.random.default_rng(seed)
        cloud, mean = points @ [1, 1j], self.mean @ [1, 1j]
        numbers = np.flatnonzero(known)
        one, other = rng.choice(numbers, (2, TRIALS))
        usable = (np.abs(mean[one] - mean[other]) >= FAR_MM) & (cloud[one] != cloud[other])
        one, other = one[usable], other[usable]
        inside = np.zeros(len(points), dtype=bool)
        if len(one):
            a = (mean[one] - mean[other]) / (cloud[one] - cloud[other])
            moved = a[:, None] * (cloud - cloud[one][:, None]) + mean[one][:, None]
            near = (np.abs(moved - mean) < INLIER_MM) & known
            inside = near[near.sum(1).argmax()]
        fitted = inside if inside.sum() >= 3 else known
        return similarity(points[fitted], self.mean[fitted]), inside

    def parameters(self, points: Points) -> NDArray[np.float64]:
        """b (M,) of points (37, 2), mm."""
        apart: NDArray[np.float64] = self.modes @ (self.aligned(points) - self.mean).ravel()
        return apart

    def mahalanobis2(self, points: Points) -> float:
        """Squared Mahalanobis distance of a shape from the mean, over the kept modes."""
        return float((self.parameters(points) ** 2 / self.variances).sum())

    def residual_mm(self, points: Points) -> float:
        """Root mean square distance, mm, of landmarks from what the kept modes can say."""
        apart = (self.aligned(points) - self.mean).ravel()
        rest = apart - self.modes.T @ (self.modes @ apart)
        return float(np.sqrt((rest.reshape(-1, 2) ** 2).sum(1).mean()))

    def sample(self, rng: np.random.Generator, most: float = 2.5) -> Points:
        """A shape (37, 2), mm, with parameters within `most` standard deviations."""
        b = np.clip(rng.standard_normal(len(self.variances)), -most, most)
        return self.mean + (self.modes.T @ (b * np.sqrt(self.variances))).reshape(-1, 2)


def _wrist_sized(points: Points) -> Points:
    """About the origin, the wrist 50 mm wide and turned as the shape is."""
    width = float(np.hypot(*(points[WRIST[0]] - points[WRIST[1]])))
    sized: Points = (points - points.mean(0)) * (WRIST_MM / width)
    return sized
