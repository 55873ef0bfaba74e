"""Simulated radiographs of the knee: DRRs of CT volumes with the masks of the knee paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging.image import Volume
from xgen_studio.imaging.projection import ConeBeam, Projector
from xgen_studio.wings.knee.science.labels import BACKGROUND, BONE, LEG

CONTOUR_THRESHOLD = 0.1  # of the normalised DRR (knee paper, section II-C)
BONE_LENGTH = 0.5  # mm of bone on the ray; the paper says > 0, which a stray voxel meets
BONE_HU = 250.0  # HU above which a voxel is bone

# One pixel of 1 mm: the field of view (197 mm at the axis) lies inside the simulated leg, so that
# no cut end shows.
GEOMETRY = ConeBeam(
    source_to_axis=1000.0, source_to_detector=1300.0, detector=(256, 256), pixel=1.0
)


@dataclass(frozen=True)
class Simulation:
    """DRRs and masks of one leg: images (V, H, W) in [0, 1], labels (V, H, W) in {0, 1, 2}."""

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    angles: NDArray[np.float64]  # degrees


def radiograph(projector: Projector, angle: float) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One view at an angle (degrees), normalised to [0, 1] by its maximum, and its label image."""
    attenuation, bone = projector.view(angle)
    image = (attenuation / max(float(attenuation.max()), 1e-6)).astype(np.float32)
    labels = np.where(image > CONTOUR_THRESHOLD, LEG, BACKGROUND).astype(np.uint8)
    labels[bone > BONE_LENGTH] = BONE
    return image, labels


def simulate(
    volume: Volume,
    angles: Sequence[float] | NDArray[np.float64],
    geometry: ConeBeam = GEOMETRY,
    bone_threshold: float = BONE_HU,
) -> Simulation:
    """Radiographs of a leg CT at the angles (degrees)."""
    projector = Projector(volume, geometry, bone_threshold=bone_threshold)
    images, labels = zip(*(radiograph(projector, float(a)) for a in angles), strict=True)
    return Simulation(np.stack(images), np.stack(labels), np.asarray(angles, dtype=np.float64))


def phantom_volume(seed: int, spacing: float = 1.0) -> Volume:
    """The parametric knee of this seed as a CT."""
    from xgen_studio.wings.knee.science.phantom import make_knee

    knee = make_knee(seed, spacing=spacing)
    return Volume(knee.volume_hu, (knee.spacing,) * 3, modality="CT", synthetic=True)


def simulated_arrays(
    subjects: Sequence[int],
    views: int,
    held_out: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, np.ndarray]:
    """Arrays for `data.KneeSet` from parametric knees: `views` evenly spaced angles a subject.

    Training subjects start at a random angle, held-out ones at 0 as in the paper.
    """
    images, planes, owners, all_angles = [], [], [], []
    for done, seed in enumerate(subjects):
        first = 0.0 if held_out else float(np.random.default_rng(seed).uniform(0, 360 / views))
        angles = first + np.arange(views) * 360.0 / views
        result = simulate(phantom_volume(seed), angles)
        images.append(np.round(result.images * 255).astype(np.uint8))
        bone = result.labels == BONE
        leg = result.labels >= LEG
        planes.append((leg | (bone << 1)).astype(np.uint8))
        owners += [seed] * views
        all_angles.append(angles)
        progress(done + 1, len(subjects))
    n = len(owners)
    return {
        "images": np.concatenate(images),
        "planes": np.concatenate(planes),
        "grade": np.full(n, -1, np.int8),
        "held_out": np.full(n, held_out),
        "subject": np.asarray(owners),
        "angle": np.concatenate(all_angles),
    }
