"""The healthy bodies that the shape prior is fitted on: manual ones of the shared masks, and those
of the real CTs that were looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from xgen_studio.imaging import Volume, read_volume
from xgen_studio.networks import UNet3D
from xgen_studio.wings.spine.science.body import Body
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.real_scans import looked_at, propose_real, real_scans
from xgen_studio.wings.spine.science.shape import numbers_of

LEVELS_OF = {5: ("L1", "L2", "L3", "L4", "L5"), 7: ("T11", "T12", "L1", "L2", "L3", "L4", "L5")}
SETS = ("VB2", "VB3")  # VB1 holds several sequences of few patients, cut at the sides
Spines = dict[str, dict[str, Body]]  # bodies by level, by patient
Report = Callable[[int, int], None]


def manual_bodies(folder: Path, report: Report = lambda _a, _b: None) -> Spines:
    """The shared manual bodies (Chu 2015, Burian 2019), one volume a patient: some are there twice
    under two numbers, and count once."""
    paths = [p for kind in SETS for p in sorted(folder.glob(f"spine/body_masks/{kind}_*.nii.gz"))]
    found: Spines = {}
    seen: set[tuple[int, ...]] = set()
    for done, path in enumerate(paths):
        labels = read_volume(path).to_lps()
        counts = np.bincount(labels.voxels.ravel())
        key = (*labels.shape, *counts.tolist())
        names = LEVELS_OF.get(int((counts[1:] > 0).sum()))
        if key not in seen and names is not None:
            seen.add(key)
            found[path.name.split("_bodies")[0]] = _named(labels, names)
        report(done + 1, len(paths))
    return found


def _named(labels: Volume, names: tuple[str, ...]) -> dict[str, Body]:
    """Bodies of a mask whose labels are 1, 2, ... from the head."""
    table = np.zeros(256, np.uint8)
    for number, name in enumerate(names, 1):
        table[number] = LABELS[name]
    volume = Volume(table[labels.voxels], labels.spacing, labels.origin, labels.direction)
    return measure_all(volume).bodies


def bodies_in_scans(network: UNet3D, folder: Path, report: Report = lambda _a, _b: None) -> Spines:
    """The whole bodies of the real CTs that were looked at, held-out scans left out."""
    looked = looked_at()
    scans = {k: p for k, p in real_scans(folder).items() if not looked[k].held_out}
    found: Spines = {}
    for done, (name, path) in enumerate(scans.items()):
        learned = propose_real(network, path, looked[name])
        found[name] = measure_all(learned.labels).bodies
        report(done + 1, len(scans))
    return found


def as_numbers(spines: Spines) -> list[Mapping[str, Floats]]:
    """What `prior.fit` takes."""
    return [{level: numbers_of(body) for level, body in spine.items()} for spine in spines.values()]


def held_out_folds(spines: Spines, folds: int, seed: int = 0) -> Iterator[tuple[Spines, Spines]]:
    """(training, test) patients, each tested once."""
    names = sorted(spines)
    np.random.default_rng(seed).shuffle(names)
    for first in range(folds):
        test = set(names[first::folds])
        yield (
            {k: v for k, v in spines.items() if k not in test},
            {k: v for k, v in spines.items() if k in test},
        )
