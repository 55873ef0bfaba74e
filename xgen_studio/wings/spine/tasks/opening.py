"""What a file or folder that is opened is: a CT, a mask, and how it was read. Slow: on a thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_volume
from xgen_studio.imaging.geometry import Triple, triple
from xgen_studio.wings.spine.science.centroids import centres_of
from xgen_studio.wings.spine.science.checks import check_labels
from xgen_studio.wings.spine.science.dicom_seg import is_segmentation
from xgen_studio.wings.spine.science.labels import SpineLabels, read_labels
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

MOST_ID = 255  # of a mask's numbers; HU go below 0 and beyond
LOWEST = "L5"  # the name of the lowest vertebra of a mask that names none
GUESSED = (
    f"the mask does not name its vertebrae: the lowest was taken for {LOWEST}; right-click one to"
    " say what it is"
)


@dataclass(frozen=True, eq=False)
class OpenedScan:
    """A CT as a work without a mask; how it was read, a line each."""

    work: SpineWork
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class OpenedMask:
    """A mask in LPS order, on the grid of the scan where one was given; centres (LPS mm) and doubts
    by level; where it comes from."""

    volume: Volume
    centres: dict[str, Triple]
    doubts: dict[str, tuple[str, ...]]
    source: str
    lines: tuple[str, ...]

    def alone(self) -> SpineWork:
        """The mask as a work without a CT."""
        work = SpineWork(replace(self.volume, voxels=self.volume.voxels.copy() * 0))
        work.take_mask(self.volume.voxels, self.centres, self.doubts, self.source, "Open the mask")
        return work


def open_file(path: Path, scan: Volume | None = None) -> OpenedScan | OpenedMask:
    """A CT (file or folder of DICOM), or a mask, which is laid on the grid of `scan` where there is
    one. InputError, one line, for what is neither."""
    if path.is_dir():
        if any(path.glob("*.nii*")) or any(path.glob("*.nrrd")):
            return _mask(path, scan)
        return _scan(read_volume(path), path)
    if path.is_file() and is_segmentation(path):
        return _mask(path, scan)
    volume = read_volume(path)
    if volume.voxels.min() >= 0 and volume.voxels.max() <= MOST_ID:
        return _mask(path, scan)
    return _scan(volume, path)


def _scan(volume: Volume, path: Path) -> OpenedScan:
    turned = volume.to_lps()
    work = SpineWork.over_scan(turned)
    work.scan_file = path
    return OpenedScan(work, tuple(described(volume, path)))


def described(volume: Volume, path: Path) -> list[str]:
    """File, size, spacing, axes, and how it was read, a line each."""
    x, y, z = volume.to_lps().spacing
    across, rows, slices = volume.to_lps().shape[::-1]
    lines = [
        path.name,
        f"{slices} axial slices of {across} x {rows} voxels",
        f"spacing {x:.3g} x {y:.3g} mm in the slice, {z:.3g} mm from slice to slice",
        f"axes in the file: {volume.axis_codes}; shown as LPS",
    ]
    if volume.modality:
        lines.append(f"modality {volume.modality}")
    return [*lines, *volume.notes]


def _mask(path: Path, scan: Volume | None) -> OpenedMask:
    labels = read_labels(path)
    guessed = not labels.named
    if guessed:
        labels = _named(labels)
    checked, doubts = check_labels(labels, scan)
    by_level: dict[str, tuple[str, ...]] = {"": (GUESSED,)} if guessed else {}
    for doubt in doubts:
        by_level[doubt.level] = (*by_level.get(doubt.level, ()), doubt.said)
    centres = {level: triple(at) for level, at in centres_of(checked).items()}
    lines = [f"mask {path.name}: {checked.scheme}", *checked.notes]
    numbers = checked.scheme.split(" (")[0]
    source = f"{path.name} ({numbers})"
    return OpenedMask(checked.volume, centres, by_level, source, tuple(lines))


def _named(labels: SpineLabels) -> SpineLabels:
    """Counted from the lowest, which is the likeliest guess; else from the highest."""
    try:
        return labels.named_from(labels.present[-1], LOWEST)
    except InputError:
        return labels.named_from(labels.present[0], "T1")
