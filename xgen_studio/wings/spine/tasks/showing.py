"""One vertebra as it is and as it would be healthy, in its own frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.imaging.geometry import triple
from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.spine.science.examination import Graded
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.looks import block_places, read_at
from xgen_studio.wings.spine.science.reference import nearest
from xgen_studio.wings.spine.science.restoring import ALL, Restored, restore
from xgen_studio.wings.spine.tasks.asks import HealthyShown, ShowHealthy
from xgen_studio.wings.spine.tasks.examining import examined_mask, scan_of, volume_of

HALF = (60.0, 46.0, 34.0)  # mm up, to the back, to the left that a picture shows
SPACING = 0.75  # mm a voxel of it


def show_healthy(ask: ShowHealthy, bench: Bench) -> Iterator[HealthyShown]:
    """The task behind `ShowHealthy`."""
    graded = examined_mask(ask.mask, ask.references, bench).graded
    labels, ct = volume_of(ask.mask), scan_of(ask.mask, bench)
    yield shown(ask.level, graded, labels, ct)


def restored(
    level: str, graded: Graded, labels: Volume, ct: Volume | None, reach: float = ALL
) -> Restored:
    """A measured vertebra made healthy, and `reach` mm around it; InputError where it could not be
    measured."""
    if level not in graded.measured.bodies:
        why = graded.measured.reasons.get(level, "it is not in the mask")
        raise InputError(f"{level} cannot be restored: {why}")
    bodies = graded.measured.bodies
    sound = nearest(level, [name for name in graded.references if name in bodies])
    donor = bodies[sound[0]] if sound else None
    shape = graded.healthy[level].mean
    return restore(LABELS[level], bodies[level], shape, labels, ct, donor, reach)


def shown(level: str, graded: Graded, labels: Volume, ct: Volume | None) -> HealthyShown:
    """Blocks of a vertebra, real and healthy."""
    made = restored(level, graded, labels, ct, float(np.linalg.norm(HALF)))
    body = graded.measured.bodies[level]
    places = block_places(body.frame, HALF, SPACING)
    healthy_mask = made.solid.height_in(body.frame.to_local(places))[1]
    real_mask = read_at(labels, places, order=0) == LABELS[level]
    real = healthy = None
    if ct is not None and made.ct is not None:
        real = np.round(read_at(ct, places)).astype(np.int16)
        first = triple(ct.index_to_mm([s.start for s in made.box]))
        part = replace(ct, voxels=made.ct, origin=first, synthetic=True)
        healthy = np.round(read_at(part, places)).astype(np.int16)
    return HealthyShown(
        level, SPACING, real, healthy, real_mask.astype(np.uint8), healthy_mask.astype(np.uint8)
    )
