"""Simulated patients with masks as somebody would draw them: what a grading is tested on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science.body import CENTRAL, Body
from xgen_studio.wings.spine.science.parametric import Patient, Vertebra, patient, random_fractures
from xgen_studio.wings.spine.science.raster import Map, rasterise
from xgen_studio.wings.spine.science.scanner import plain_scan, scanned
from xgen_studio.wings.spine.science.sizes import LEVELS

GRAIN = 6.0  # mm over which a drawn outline errs to the same side
THICK = (1.0, 1.0, 1.5, 2.0, 3.0, 4.0)  # mm: slices of the scans


@dataclass(frozen=True, eq=False)
class Case:
    """A simulated patient: the truth, a CT, and the mask that somebody drew."""

    truth: Patient
    ct: Volume
    labels: Volume


def simulate(seed: int, error: float = 0.5, length: int = 9, whole: bool = True) -> Case:
    """A patient of `length` vertebrae with 0 to 4 fractures, scanned with slices of 1 to 4 mm;
    `error` mm is the standard deviation of the mask's outline, `whole` masks hold the arches."""
    rng = np.random.default_rng([15_000, seed])
    first = int(rng.integers(0, len(LEVELS) - length + 1))
    span = LEVELS[first : first + length]
    truth = patient(rng, span[-1], span[0], random_fractures(rng, span, mean=1.6))
    made = rasterise(truth, (1.0, 1.0, 1.0), rng)
    thick = float(rng.choice(THICK))
    scan = plain_scan(truth.bone["density"], noise=float(rng.uniform(8, 40)))
    image = scanned(made.tissue, (1.0, 1.0, 1.0), scan, rng)
    drawn = drawn_mask(made, error, rng, whole)
    step = max(int(round(thick)), 1)
    z = made.volume.origin[2] + (step - 1) / 2
    origin = (made.volume.origin[0], made.volume.origin[1], z)
    spacing = (1.0, 1.0, float(step))
    rows = image.shape[0] // step * step
    thickened = image[:rows].reshape(-1, step, *image.shape[1:]).mean(1)
    middle = drawn[step // 2 : rows : step][: len(thickened)]
    ct = Volume(thickened.astype(np.int16), spacing, origin, modality="CT", synthetic=True)
    return Case(truth, ct, Volume(middle, spacing, origin, synthetic=True))


def drawn_mask(made: Map, error: float, rng: np.random.Generator, whole: bool) -> NDArray[np.uint8]:
    """The map's labels with an outline that errs by `error` mm, to the same side over `GRAIN`."""
    labels = made.whole if whole else made.labels
    steps = np.array(made.volume.spacing[::-1])
    noise = ndimage.gaussian_filter(
        rng.standard_normal(labels.shape, dtype=np.float32), GRAIN / steps / 2
    )
    noise *= error / max(float(noise.std()), 1e-6)
    out = np.zeros_like(labels)
    best = np.full(labels.shape, -1e3, np.float32)
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        grown = tuple(
            slice(max(s.start - 4, 0), min(s.stop + 4, n))
            for s, n in zip(box, labels.shape, strict=True)
        )
        own = labels[grown] == label
        deep = ndimage.distance_transform_edt(own, sampling=steps)
        deep -= ndimage.distance_transform_edt(~own, sampling=steps)
        deep = deep - np.sign(deep) * 0.5 + noise[grown]
        wins = (deep > 0) & (deep > best[grown])
        out[grown][wins] = label
        best[grown][wins] = deep[wins]
    return out


def measured_directly(one: Vertebra, error: float, rng: np.random.Generator) -> Body:
    """A vertebra as `body.measure` would measure it from a mask that errs by `error` mm a column
    and endplate (half of it to the same side over the whole plate), without drawing voxels: for
    thousands of them."""
    x, y = one.places()
    top, bottom = one.endplates(x, y)
    share = error * np.sqrt(0.5)
    top = top + rng.normal(0, share) + rng.normal(0, share, y.shape)
    bottom = bottom + rng.normal(0, share) + rng.normal(0, share, y.shape)
    places = np.stack([np.ones(y.size), x.ravel(), y.ravel()], 1)
    middle = (top + bottom) / 2
    plane = places @ np.linalg.lstsq(places, middle.ravel(), rcond=None)[0]
    top, bottom = top - plane.reshape(y.shape), bottom - plane.reshape(y.shape)
    front, back, width = one.outline()
    depth = float((back - front)[CENTRAL].mean() * np.exp(rng.normal(0, 0.015)))
    width = float(width * np.exp(rng.normal(0, 0.015)))
    return Body(one.frame, top, bottom, front, back, depth, width, arch=False)
