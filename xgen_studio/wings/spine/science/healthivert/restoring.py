"""A straightened spine with one vertebra made healthy, slice by slice, as HealthiVert-GAN does it:
its two neighbours first, then the vertebra itself.

Otherwise than in the released code all slices are made, a neighbour that cannot be is passed over
and said, and what the classifier sees moves along with the rows it was seen in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgen_studio.errors import InputError
from xgen_studio.networks import HealthiVert, SEResNet
from xgen_studio.networks.healthivert import STRIDE
from xgen_studio.networks.se_resnet import attention_map
from xgen_studio.wings.spine.science import levels
from xgen_studio.wings.spine.science.healthivert import cutting
from xgen_studio.wings.spine.science.healthivert.cutting import BAND, Size

CANVAS = (256, 256)  # as published
NEIGHBOUR_AREA = 200  # px of a neighbour in a slice, or it is not restored there
SURE = 0.5  # probability of bone
BATCH = 8  # slices at once


@dataclass(frozen=True, eq=False)
class Restored:
    """A volume (D, H, W) in which one vertebra is as it would be healthy.

    ct          float32 HU; slices that were made are clipped to the window
    labels      the labels' own type
    heights_mm  (W,) the height found in each sagittal slice, NaN where none was made
    moved_mm    (W,) by how much the vertebra lies higher there since its neighbours were restored
    skipped     what was not done, and where, a sentence each
    """

    ct: NDArray[np.float32]
    labels: NDArray[Any]
    heights_mm: NDArray[np.float64]
    moved_mm: NDArray[np.float64]
    skipped: tuple[str, ...]


@torch.no_grad()
def restore(
    network: HealthiVert,
    ct: NDArray[Any],
    labels: NDArray[Any],
    label: int,
    *,
    canvas: Size = CANVAS,
    classifier: SEResNet | None = None,
) -> Restored:
    """Make the vertebra `label` of a straightened spine healthy.

    ct, labels  (z, y, x) HU and VerSe labels of bodies, 1 mm, z to the head, y to the back, x to
                the patient's left
    canvas      rows, columns that the network was trained on
    classifier  of fractures, which tells the network what not to trust; without, all is trusted
                alike

    InputError where the arrays do not fit each other or the vertebra is not there.
    """
    if labels.shape != ct.shape or ct.ndim != 3:
        raise InputError(f"CT {ct.shape} and labels {labels.shape} are not on one grid")
    if canvas[0] % STRIDE or canvas[1] % STRIDE or canvas[0] <= BAND:
        raise InputError(f"a canvas of {canvas} does not do: multiples of {STRIDE}, above {BAND}")
    if label not in levels.NAMES or not (labels == label).any():
        raise InputError(f"vertebra {label} is not in the labels; choose one that is")
    work = _Work(network, ct, labels, label, canvas, classifier)
    skipped = []
    began = work.tops(label)
    for neighbour, name in _neighbours(labels, label):
        enough = np.flatnonzero((work.labels == neighbour).sum((1, 2, 3)) > NEIGHBOUR_AREA)
        made = np.isfinite(work.restored(neighbour, enough))
        if not made.all():
            skipped.append(
                f"{name} was not restored first in {_of(~made)} slices: they show too little of it"
            )
    moved = began - work.tops(label)
    heights = work.restored(label, np.arange(len(work.across)))
    made = np.isfinite(heights)
    if not made.all():
        skipped.append(
            f"{levels.NAMES[label]} stays as it is in {_of(~made)} slices: they show too little"
        )
    grey, numbers = work.into(ct, labels, made)
    spread = np.full((2, ct.shape[2]), np.nan)
    spread[:, work.across[made]] = heights[made], moved[made]
    return Restored(grey, numbers, spread[0], spread[1], tuple(skipped))


def _of(which: NDArray[np.bool_]) -> str:
    return f"{int(which.sum())} of {len(which)}"


def _neighbours(labels: NDArray[Any], label: int) -> list[tuple[int, str]]:
    """Labels and names of the vertebrae above and below, where they are ones that are graded."""
    present = [levels.NAMES[int(one)] for one in np.unique(labels) if int(one) in levels.NAMES]
    names = (step(levels.NAMES[label], present) for step in (levels.above, levels.below))
    return [(levels.LABELS[name], name) for name in names if name in levels.GRADED]


class _Work:
    """The sagittal slices that show a vertebra, on their canvas; they change as vertebrae are
    restored. `grey` in [-1, 1], `labels` and `suspicion` are (n, 1, H, W)."""

    def __init__(
        self,
        network: HealthiVert,
        ct: NDArray[Any],
        labels: NDArray[Any],
        label: int,
        canvas: Size,
        classifier: SEResNet | None,
    ) -> None:
        self.network = network.eval()
        stack = cutting.sagittal(labels)
        bone = stack == label
        rows, columns = (np.flatnonzero(bone.any(axis)) for axis in ((0, 2), (0, 1)))
        self.across = np.flatnonzero(bone.any((1, 2)))
        middle = (int(rows.mean()), int(columns.mean()))
        self.place = cutting.placed((stack.shape[1], stack.shape[2]), canvas, middle)
        pictures = cutting.sagittal(ct)[self.across]
        pictures = cutting.on_canvas(pictures, canvas, self.place, cutting.WINDOW[0])
        self.grey = torch.from_numpy(cutting.to_grey(pictures))[:, None]
        numbers = cutting.on_canvas(stack[self.across], canvas, self.place, 0)
        self.labels = torch.from_numpy(numbers.astype(np.float32))[:, None]
        self.suspicion = torch.zeros_like(self.grey)
        if classifier is not None:
            device = next(classifier.parameters()).device
            maps = [attention_map(classifier.eval(), x.to(device)) for x in self.grey.split(BATCH)]
            self.suspicion = torch.cat(maps).cpu()
        self.reach = {}
        for one in np.unique(numbers[numbers > 0]):
            where = np.flatnonzero((labels == one).any((0, 1)))
            self.reach[int(one)] = (int(where[0]), int(where[-1]))

    def tops(self, label: int) -> NDArray[np.float64]:
        """First rows (n,) of a vertebra in the slices as they are now, NaN where it is not seen."""
        seen = [cutting.seen_in(one) for one in self.labels[:, 0].numpy() == label]
        return np.array([np.nan if one is None else one.top for one in seen])

    def restored(self, label: int, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Restore a vertebra in the slices `at`: the heights (n,) it has now, NaN where it was not
        restored."""
        heights = np.full(len(self.across), np.nan)
        seen = {int(i): cutting.seen_in(self.labels[i, 0].numpy() == label) for i in at}
        there = {i: one for i, one in seen.items() if one is not None}
        if not there:
            return heights
        for some in torch.tensor(list(there), dtype=torch.long).split(BATCH):
            top = torch.tensor([there[i].top for i in some.tolist()])
            bottom = torch.tensor([there[i].bottom for i in some.tolist()])
            heights[some.numpy()] = self._restore(label, some, top, bottom).numpy()
        return heights

    def _restore(self, label: int, at: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
        size = (self.grey.shape[2], self.grey.shape[3])
        cut = cutting.cut_at(top, bottom, size[0])
        grey, labels, suspicion = self.grey[at], self.labels[at], self.suspicion[at]
        offside = torch.from_numpy(cutting.aside(self.across[at.numpy()], *self.reach[label]))
        device = next(self.network.parameters()).device
        filled = self.network(
            cutting.pushed_apart(grey, cut, -1.0).to(device),
            cutting.band_of(cut, size).to(device),
            offside.to(device),
            cutting.pushed_apart(suspicion, cut, 0.0).to(device),
        )
        height = (BAND * filled.height.float().cpu()).ceil()  # whole rows, rounded up, as published
        bone = (filled.bone.float().cpu() > SURE).float() * label
        self.grey[at] = cutting.composed(grey, filled.fine.float().cpu(), cut, height)
        self.labels[at] = cutting.composed(labels, bone, cut, height)
        # what was just made is healthy
        self.suspicion[at] = cutting.composed(suspicion, torch.zeros_like(suspicion), cut, height)
        return torch.maximum(height.long(), cut.height)

    def into(
        self, ct: NDArray[Any], labels: NDArray[Any], made: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Copies of the volumes with those slices in them that were made."""
        grey, numbers = ct.astype(np.float32), labels.copy()
        for index in np.flatnonzero(made):
            x = self.across[index]
            pictures = cutting.to_hounsfield(self.grey[index, 0].numpy())
            cutting.sagittal(grey)[x][self.place.of] = pictures[self.place.at]
            ids = self.labels[index, 0].numpy().astype(labels.dtype)
            cutting.sagittal(numbers)[x][self.place.of] = ids[self.place.at]
        return grey, numbers
