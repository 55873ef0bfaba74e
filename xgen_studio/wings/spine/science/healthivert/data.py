"""Training sets of HealthiVert-GAN: straightened crops in, sagittal slices with a band cut out.

Arrays live in `spine-healthivert.npz`: ct (N, D, H, W) int16 HU and labels (N, D, H, W) uint8 VerSe
labels of bodies at 1 mm, z up to the head, y to the back, x to the left; target (N,) the label that
a crop is about; healthy (N, 32) uint8, 1 where the vertebra of that label is known to be healthy;
patient (N,); optionally cam (N, D, H, W) uint8, 255 where a classifier sees a fracture, and
held_out (N,) bool, crops of patients that are not trained on. Imports no file readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgen_studio.errors import InputError
from xgen_studio.training.arrays import read_arrays
from xgen_studio.training.batch import Batch
from xgen_studio.wings.spine.science.healthivert import cutting
from xgen_studio.wings.spine.science.healthivert.cutting import Place, Size

FILE = "spine-healthivert"
NEEDED = {"ct", "labels", "target", "healthy", "patient"}
LABELS = 32  # numbers a label map may hold
KEPT = 0.8  # of a vertebra's width, about its middle: slices are drawn from there
Arrays = Mapping[str, NDArray[Any]]


def slice_set(
    data: Path | None, rows: int = 256, columns: int = 256, held_out: bool = False
) -> SliceSet:
    """Slices of healthy vertebrae on a canvas of rows x columns; the paper's is 256 x 256. Those
    that are trained on, or those that are held out."""
    return SliceSet(_read(data, NEEDED, held_out), (rows, columns))


def fracture_set(
    data: Path | None, rows: int = 256, columns: int = 256, held_out: bool = False
) -> FractureSet:
    """Slices of vertebrae whose target is known to be fractured, or not: needs the array
    `fractured` (N,), 1, 0, or anything else where nobody knows."""
    return FractureSet(_read(data, NEEDED | {"fractured"}, held_out), (rows, columns))


def _read(data: Path | None, needed: set[str], held_out: bool) -> Arrays:
    """The crops that are held out, or the others: all, where the file does not say."""
    needed = needed | {"held_out"} if held_out else needed
    arrays = checked(read_arrays(data, FILE, needed), f"{data}/{FILE}.npz")
    if "held_out" not in arrays:
        return arrays
    out = arrays["held_out"].astype(bool)
    if both := set(arrays["patient"][out].tolist()) & set(arrays["patient"][~out].tolist()):
        raise InputError(
            f"{data}/{FILE}.npz: patient {min(both)} is trained on and held out; split by patient"
        )
    return {name: values[out == held_out] for name, values in arrays.items()}


def checked(arrays: Arrays, where: str) -> Arrays:
    """The arrays, known to fit each other; InputError where they do not."""
    ct, labels = arrays["ct"], arrays["labels"]
    if ct.ndim != 4 or labels.shape != ct.shape or arrays.get("cam", ct).shape != ct.shape:
        raise InputError(f"{where}: ct, labels and cam must be of one shape (N, z, y, x)")
    count = len(ct)
    if arrays["healthy"].shape != (count, LABELS):
        raise InputError(f"{where}: healthy must be of shape ({count}, {LABELS})")
    for name in arrays.keys() & {"target", "patient", "fractured", "held_out"}:
        if arrays[name].shape != (count,):
            raise InputError(f"{where}: {name} must hold a number for each of {count} crops")
    target = arrays["target"]
    if count and not (target.min() >= 1 and max(target.max(), labels.max()) < LABELS):
        raise InputError(f"{where}: labels and targets must be VerSe's, below {LABELS}")
    return arrays


@dataclass(frozen=True, eq=False)
class Choice:
    """The slices of one crop that can be drawn.

    crop          its number
    place         where its slices lie on the canvas
    slices        (n,) along x, `weights` (n,) how often each is drawn, `offside` (n,)
    """

    crop: int
    place: Place
    slices: NDArray[np.int64]
    weights: Tensor
    offside: NDArray[np.float32]


class _Slices:
    """Sagittal slices of crops, one drawn from each: the nearer to the vertebra's middle, the more
    often. Crops without a slice that shows their target are left out."""

    def __init__(self, arrays: Arrays, size: Size, crops: NDArray[np.int64]) -> None:
        if min(size) < cutting.BAND or size[0] % 8 or size[1] % 8:
            raise ValueError(f"rows and columns must be multiples of 8, {cutting.BAND} at least")
        self.arrays, self.size = arrays, size
        found = (self._choice(int(crop)) for crop in crops)
        self.choices = [choice for choice in found if choice is not None]

    def __len__(self) -> int:
        return len(self.choices)

    def _choice(self, crop: int) -> Choice | None:
        target = int(self.arrays["target"][crop])
        bone = np.ascontiguousarray(cutting.sagittal(self.arrays["labels"][crop] == target))
        across = np.flatnonzero(bone.any((1, 2)))
        if len(across) == 0:
            return None
        first, last = int(across[0]), int(across[-1])
        rows, columns = (np.flatnonzero(bone.any(axis)) for axis in ((0, 2), (0, 1)))
        middle = (int(rows.mean()), int(columns.mean()))
        place = cutting.placed((bone.shape[1], bone.shape[2]), self.size, middle)
        offside = cutting.aside(across, first, last)
        kept = []
        for index, off in zip(across.tolist(), offside.tolist(), strict=True):
            seen = cutting.seen_in(cutting.on_canvas(bone[index], self.size, place, 0))
            if off <= KEPT and seen is not None and seen.whole:
                kept.append(index - first)
        if not kept:
            return None
        # 1 - |z - zc| / (zmax - zmin) of the released code
        weights = 1 - np.abs(across - (first + last) / 2) / max(1, last - first)
        return Choice(
            crop, place, across[kept], torch.from_numpy(weights[kept]).float(), offside[kept]
        )

    def _drawn(self, choice: Choice, generator: torch.Generator) -> tuple[int, float]:
        """A slice along x, and how far to the side it lies."""
        one = int(torch.multinomial(choice.weights, 1, generator=generator))
        return int(choice.slices[one]), float(choice.offside[one])

    def _picture(self, name: str, choice: Choice, index: int, empty: float) -> NDArray[Any]:
        """A slice of one of the arrays on the canvas."""
        one = cutting.sagittal(self.arrays[name][choice.crop])[index]
        return cutting.on_canvas(one, self.size, choice.place, empty)


class SliceSet(_Slices):
    """Slices of healthy vertebrae as a `TrainingSet`, in the middle of their width. One example is
    one crop, as in the paper; nothing is varied but which slice it shows.

    Batches hold, each (B, 1, H, W) on the canvas:
        original, masked   grey values in [-1, 1], whole and with the spine pushed apart
        band               1 in the band
        bone               the vertebra, where it was
        neighbours         the healthy vertebrae around the band, pushed apart as the picture is
        suspicion          what the classifier sees, 0 to 1, pushed apart too; 0 without `cam`
    and (B,) top, bottom, start (see `cutting.Cut`) and offside.
    """

    def __init__(self, arrays: Arrays, size: Size) -> None:
        target = arrays["target"].astype(int)
        healthy = arrays["healthy"][np.arange(len(target)), target] == 1
        super().__init__(arrays, size, np.flatnonzero(healthy))

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        rows: dict[str, list[NDArray[Any]]] = {}
        numbers: dict[str, list[float]] = {}
        for index in indices.tolist():
            choice = self.choices[index]
            x, offside = self._drawn(choice, generator)
            labels = self._picture("labels", choice, x, 0)
            target = int(self.arrays["target"][choice.crop])
            seen = cutting.seen_in(labels == target)
            assert seen is not None  # only such slices are chosen
            known = self.arrays["healthy"][choice.crop] == 1
            known[[0, target]] = False
            pictures = {
                "original": cutting.to_grey(self._picture("ct", choice, x, cutting.WINDOW[0])),
                "bone": seen.mask,
                "neighbours": known[labels],
                "suspicion": self._picture("cam", choice, x, 0) / np.float32(255)
                if "cam" in self.arrays
                else np.zeros(self.size, np.float32),
            }
            for name, picture in pictures.items():
                rows.setdefault(name, []).append(picture)
            for name, number in (("top", seen.top), ("bottom", seen.bottom), ("offside", offside)):
                numbers.setdefault(name, []).append(number)
        made = {
            k: torch.from_numpy(np.stack(v))[:, None].float().to(device) for k, v in rows.items()
        }
        top, bottom = (torch.tensor(numbers[k], device=device) for k in ("top", "bottom"))
        cut = cutting.cut_at(top, bottom, self.size[0])
        return {
            "original": made["original"],
            "masked": cutting.pushed_apart(made["original"], cut, -1.0),
            "band": cutting.band_of(cut, self.size),
            "bone": made["bone"],
            "neighbours": cutting.pushed_apart(made["neighbours"], cut, 0.0),
            "suspicion": cutting.pushed_apart(made["suspicion"], cut, 0.0),
            "top": cut.top,
            "bottom": cut.bottom,
            "start": cut.start,
            "offside": torch.tensor(numbers["offside"], device=device),
        }


class FractureSet(_Slices):
    """Slices with `picture` (B, 1, H, W) in [-1, 1] and `label` (B,): 1 where the target is
    fractured, 0 where it is known not to be."""

    def __init__(self, arrays: Arrays, size: Size) -> None:
        super().__init__(arrays, size, np.flatnonzero(np.isin(arrays["fractured"], (0, 1))))

    def batch(self, indices: Tensor, generator: torch.Generator, device: torch.device) -> Batch:
        chosen = [self.choices[index] for index in indices.tolist()]
        pictures = [
            cutting.to_grey(
                self._picture("ct", one, self._drawn(one, generator)[0], cutting.WINDOW[0])
            )
            for one in chosen
        ]
        labels = [int(self.arrays["fractured"][one.crop]) for one in chosen]
        return {
            "picture": torch.from_numpy(np.stack(pictures))[:, None].to(device),
            "label": torch.tensor(labels, device=device),
        }
