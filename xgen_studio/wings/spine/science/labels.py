"""Masks of vertebrae in: whatever tool wrote them, as VerSe's labels, and how they were read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_volume
from xgen_studio.imaging.formats.content import existing_file
from xgen_studio.wings.spine.science import numbering
from xgen_studio.wings.spine.science.dicom_seg import is_segmentation, read_segmentation
from xgen_studio.wings.spine.science.label_names import names_beside, names_inside
from xgen_studio.wings.spine.science.levels import LABELS, NAMES, above, below, in_order
from xgen_studio.wings.spine.science.numbering import Numbering, Numbers, Subregion

Labels = NDArray[np.uint8]

MOST_IDS = 256  # TotalSegmentator has 117, SPINEPS up to 228
MOST = 28  # vertebrae that a map of unnamed ones may hold
SMALLEST_ML = 0.5  # a piece of a map without instances that is taken for a vertebra
# a body is 20 to 40 mm deep, a whole vertebra below the neck 60 and more
DEEPEST_BODY_MM = 48.0
_IMAGE_FILE = re.compile(r"(.+?)\.(nii|nii\.gz|nrrd|mha)", re.IGNORECASE)
NAMES_NEEDED = "the vertebrae have no names: name one of them, and the others follow"


@dataclass(frozen=True, eq=False)
class SpineLabels:
    """Vertebrae on a grid.

    volume       uint8 labels on the file's own grid, turned to LPS order: VerSe's where `named`,
                 else 1, 2, 3 ... from the head
    scheme       whose numbers they were, in words
    named        False: levels must be told (`named_from`) before anything is said of a level
    subregions   (z, y, x) uint8 of `Subregion`, or None where the file does not tell; all BODY in
                 a mask of bodies without arches
    notes        how it was read, what was left out
    stored_axes  axis codes of the file before it was turned, which centroid files count along
    """

    volume: Volume
    scheme: str
    named: bool = True
    subregions: Labels | None = None
    notes: tuple[str, ...] = ()
    stored_axes: str = "LPS"

    @property
    def present(self) -> tuple[int, ...]:
        """The labels that occur, from head to feet."""
        voxels = self.volume.voxels
        found = np.flatnonzero(np.bincount(voxels[voxels > 0]))
        if not self.named:
            return tuple(int(i) for i in found)
        return tuple(LABELS[name] for name in in_order(NAMES[int(i)] for i in found))

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the vertebrae from head to feet; none where they are not named."""
        return tuple(NAMES[i] for i in self.present) if self.named else ()

    @property
    def bodies_only(self) -> bool:
        """Whether the mask holds bodies without their arches."""
        if self.subregions is None:
            return False
        return bool(np.array_equal(self.subregions == Subregion.BODY, self.volume.voxels > 0))

    def name_of(self, label: int) -> str:
        """'L1', or 'vertebra 3' (from the head) where they are not named."""
        return NAMES[label] if self.named else f"vertebra {label}"

    def named_from(self, label: int, level: str) -> SpineLabels:
        """The same with names, counted both ways from the vertebra `label`, which is `level`.

        InputError where the count runs beyond C1 or the sacrum. T13 and L6 are never counted to.
        """
        order = list(self.present)
        if label not in order or level not in LABELS:
            raise InputError(f"vertebra {label} cannot be named {level}; choose one that is there")
        names = {label: level}
        at = order.index(label)
        for others, step in ((order[at + 1 :], below), (order[:at][::-1], above)):
            name: str | None = level
            for other in others:
                name = step(name) if name is not None else None
                if name is None:
                    raise InputError(
                        f"if {self.name_of(label)} is {level}, there are more vertebrae than the"
                        " spine has on that side; check the name, or the mask for pieces"
                    )
                names[other] = name
        lookup = numbering.label_lookup(names, 255)
        said = f"named from {level} (vertebra {label} from the head)"
        return replace(
            self,
            volume=replace(self.volume, voxels=lookup[self.volume.voxels]),
            named=True,
            notes=tuple(n for n in self.notes if n != NAMES_NEEDED) + (said,),
        )


def read_labels(path: str | os.PathLike[str], scheme: str | None = None) -> SpineLabels:
    """The vertebrae in a NIfTI, NRRD, MHA or DICOM SEG file, or in a folder of one file a vertebra.

    Whose numbers they are is taken, in this order, from `scheme` (one of `numbering.SCHEMES`), from
    names inside the file, from nnU-Net's dataset.json beside it, and from the numbers
    (`numbering.decide`). Of SPINEPS's two files the one with instances is read, and its subregions
    are found beside it. InputError, one line, for what holds no vertebra or cannot be read.
    """
    if scheme is not None and scheme not in numbering.SCHEMES:
        raise InputError(f"{scheme!r} is no numbering; use one of {', '.join(numbering.SCHEMES)}")
    place = Path(path)
    if place.is_dir():
        return _finished(*_folder(place), path=place, scheme=scheme, told="a file a vertebra")
    file = existing_file(place)
    if is_segmentation(file):
        volume, names = read_segmentation(file)
        return _finished(volume, names, path=file, scheme=scheme, told="DICOM SEG segments")
    volume = _whole_numbers(read_volume(file))
    inside = names_inside(file)
    if inside and _useful(inside):
        told = "names in the file"
        return _finished(volume, inside, path=file, scheme=scheme, told=told)
    names, said = names_beside(file)
    fits = _useful(names) and set(np.unique(volume.voxels).tolist()) - {0} <= set(names)
    return _finished(volume, names if fits else {}, path=file, scheme=scheme, told=said)


def _useful(names: Mapping[int, str]) -> bool:
    return any(numbering.level_of(n) or numbering.means_bodies(n) for n in names.values())


def _finished(
    volume: Volume, names: Mapping[int, str], *, path: Path, scheme: str | None, told: str
) -> SpineLabels:
    """From ids and their names, if any, to VerSe's labels."""
    axes = volume.axis_codes
    volume = volume.to_lps()
    numbers = _numbers(volume)
    if not numbers.ids:
        raise InputError(f"{path}: is empty, it marks nothing but background; choose another mask")
    bodies = [id for id, name in names.items() if numbering.means_bodies(name)]
    notes = list(volume.notes)
    if scheme is not None:
        found = Numbering(scheme, numbering.TABLES.get(scheme, {}))
        words = f"{numbering.IN_WORDS[scheme]}, as asked"
    elif table := numbering.table_of(names):
        found, words = Numbering("verse", table), f"named by {told}"
    elif bodies:
        found, words = Numbering("unnamed"), f"vertebral bodies without levels, by {told}"
    else:
        found = numbering.decide(numbers)
        words = numbering.IN_WORDS[found.scheme]
    if found.reason:
        notes.append(found.reason)
    if found.scheme == "subregions":
        return _from_subregions(volume, path, axes)
    if found.scheme == "unnamed":
        labels = _unnamed(volume, numbers, bodies, path, notes)
        words = words if bodies else numbering.IN_WORDS["unnamed"]
        notes.append(NAMES_NEEDED)
    else:
        labels = numbering.label_lookup(found.levels, max(numbers.ids))[volume.voxels]
        _say_left_out(numbers, found, names, notes)
    if not labels.any():
        raise InputError(
            f"{path}: holds no vertebra by its numbers ({_some(numbers.ids)}); check which mask it"
            " is, or say whose numbers they are"
        )
    made = replace(volume, voxels=labels, modality="", meta={})
    named = found.scheme != "unnamed"
    result = SpineLabels(made, words, named, None, tuple(notes), axes)
    return replace(result, subregions=_subregions(result, path))


def _whole_numbers(volume: Volume) -> Volume:
    """Voxels as uint16; InputError where they are no ids."""
    voxels = volume.voxels
    low, high = voxels.min(), voxels.max()
    if low < 0 or high > 65_535:
        raise InputError(
            f"{volume.source}: holds values from {low:g} to {high:g}, which are no labels; is it"
            " the CT? Choose the mask"
        )
    ids = voxels.astype(np.uint16)
    if voxels.dtype.kind == "f" and not np.array_equal(ids, voxels):
        raise InputError(f"{volume.source}: holds fractions, no labels; save it unsmoothed")
    return replace(volume, voxels=ids)


def _numbers(volume: Volume) -> Numbers:
    """Height and volume of every id; `volume` is in LPS order."""
    voxels = volume.voxels
    at = np.flatnonzero(voxels)
    found = voxels.ravel()[at]
    total = np.bincount(found)
    ids = [int(i) for i in np.flatnonzero(total)]
    if len(ids) > MOST_IDS:
        raise InputError(
            f"{volume.source}: has {len(ids)} different values, a picture rather than a mask;"
            " choose the mask"
        )
    slices = np.bincount(found, weights=at // voxels[0].size)
    ml = float(np.prod(volume.spacing)) / 1000
    return Numbers(
        {i: float(slices[i] / total[i]) * volume.spacing[2] for i in ids},
        {i: float(total[i]) * ml for i in ids},
    )


def _unnamed(
    volume: Volume, numbers: Numbers, bodies: list[int], path: Path, notes: list[str]
) -> Labels:
    """Labels 1, 2, 3 ... from the head: of the ids there are, or of the pieces of a single one."""
    ids = bodies or sorted(i for i in numbers.ids if i < 100)
    if bodies and (left := numbers.ids - set(bodies)):
        notes.append(f"left out: {_some(left)} (no vertebral body)")
    elif numbers.ids == {1, 2} and numbers.same_place(1, 2):
        ids = [1]
        notes.append("left out: 2, taken for discs")
    elif not bodies and (others := numbers.ids - set(ids)):
        notes.append(f"left out: {_some(others)} (100 and more are discs, endplates, the canal)")
    if len(ids) == 1:
        labels = _pieces(volume, ids[0], notes)
    else:
        order = sorted(ids, key=lambda i: -numbers.height[i])
        lookup = np.zeros(max(numbers.ids) + 1, dtype=np.uint8)
        lookup[order[:MOST]] = np.arange(1, min(len(order), MOST) + 1)
        labels = lookup[volume.voxels]
        if order != ids:
            notes.append("numbered anew from the head")
    if len(ids) > MOST or labels.max() >= MOST:
        raise InputError(f"{path}: has more than {MOST} pieces, no spine has as many; check it")
    return labels


def _pieces(volume: Volume, id: int, notes: list[str]) -> Labels:
    """Each connected piece of one id that is large enough as a vertebra of its own."""
    parts, count = ndimage.label(volume.voxels == id)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:] * np.prod(volume.spacing) / 1000
    large = [k for k in range(1, count + 1) if sizes[k - 1] >= SMALLEST_ML]
    heights = ndimage.center_of_mass(np.ones(parts.shape, np.uint8), parts, large)
    order = [k for _, k in sorted(zip([-c[0] for c in heights], large, strict=True))]
    lookup = np.zeros(count + 1, dtype=np.uint8)
    lookup[order[:MOST]] = np.arange(1, len(order[:MOST]) + 1)
    if count > len(large):
        lost = sizes.sum() - sizes[np.array(large, int) - 1].sum()
        notes.append(f"{count - len(large)} small pieces are left out ({lost:.2f} ml)")
    return lookup[parts]


def _say_left_out(
    numbers: Numbers, found: Numbering, names: Mapping[int, str], notes: list[str]
) -> None:
    left = sorted(numbers.ids - set(found.levels))
    if not left:
        return
    if found.scheme == "spineps":
        discs = sum(100 < i <= 128 for i in left)
        plates = sum(200 < i <= 228 for i in left)
        notes.append(f"left out: {discs} discs, {plates} endplates")
        left = [i for i in left if not (100 < i <= 128 or 200 < i <= 228)]
    if left:
        said = [names[i] for i in left if i in names]
        notes.append(f"left out: {_some(said if len(said) == len(left) else left)} (no vertebrae)")


def _subregions(labels: SpineLabels, path: Path) -> Labels | None:
    """Of SPINEPS's other file, or BODY everywhere where the vertebrae are as shallow as bodies."""
    voxels = labels.volume.voxels
    if (beside := _subregion_file(path)) is not None:
        other = _whole_numbers(read_volume(beside)).to_lps()
        if other.shape == labels.volume.shape:
            lookup = np.zeros(max(256, int(other.voxels.max()) + 1), dtype=np.uint8)
            for id, region in numbering.SPINEPS_SUBREGIONS.items():
                lookup[id] = region
            return np.where(voxels > 0, lookup[other.voxels], 0).astype(np.uint8)
    if labels.named and any(level.startswith("C") for level in labels.levels):
        return None  # whole vertebrae of the neck are as shallow as lumbar bodies
    boxes = [box for box in ndimage.find_objects(voxels) if box is not None]
    depth = np.median([(b[1].stop - b[1].start) * labels.volume.spacing[1] for b in boxes])
    return (voxels > 0).astype(np.uint8) * Subregion.BODY if depth < DEEPEST_BODY_MM else None


def _subregion_file(path: Path) -> Path | None:
    name = path.name.replace("seg-vert", "seg-subreg")
    for other in (name, name.replace("seg-subreg", "seg-spine")):
        if other != path.name and (file := path.with_name(other)).is_file():
            return file
    return None


def _from_subregions(volume: Volume, path: Path, axes: str) -> SpineLabels:
    """A file of subregions: the instances are in the other of SPINEPS's two files."""
    for part in ("seg-subreg", "seg-spine"):
        beside = path.with_name(path.name.replace(part, "seg-vert"))
        if beside != path and beside.is_file():
            return read_labels(beside)
    raise InputError(
        f"{path}: marks parts of vertebrae (41 arch, 49 body ...), not which vertebra; open the"
        " seg-vert file that SPINEPS wrote with it"
    )


def _folder(folder: Path) -> tuple[Volume, dict[int, str]]:
    """One map of the files that are named as vertebrae, as TotalSegmentator writes them."""
    named = {f: m[1] for f in sorted(folder.iterdir()) if (m := _IMAGE_FILE.fullmatch(f.name))}
    found = {level: file for file, level in numbering.table_of(named).items()}
    if not found:
        raise InputError(
            f"{folder}: holds no file of a vertebra (vertebrae_L1.nii.gz ...); choose a mask, or"
            " the folder that TotalSegmentator wrote"
        )
    whole: Volume | None = None
    overlap = 0
    names: dict[int, str] = {}
    for level in in_order(found):
        one = read_volume(found[level])
        if whole is None:
            whole = replace(one, voxels=np.zeros(one.shape, np.uint16), source=folder, meta={})
        elif not same_grid(one, whole):
            raise InputError(f"{found[level]}: lies on another grid than the files beside it")
        inside = one.voxels > 0
        overlap += int((inside & (whole.voxels > 0)).sum())
        whole.voxels[inside] = LABELS[level]
        names[LABELS[level]] = level
    assert whole is not None
    notes = (
        [f"{overlap} voxels belong to two files; the lower vertebra has them"] if overlap else []
    )
    return replace(whole, meta={"notes": notes}), names


def same_grid(one: Volume, other: Volume, tolerance_mm: float = 0.1) -> bool:
    """Whether the voxels of two volumes are the same places in the patient."""
    if one.shape != other.shape:
        return False
    n = np.array(one.shape) - 1
    corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * n
    apart = np.abs(one.index_to_mm(corners) - other.index_to_mm(corners))
    return bool(apart.max() <= tolerance_mm)


def _some(values: Any) -> str:
    shown = [str(v) for v in (values if isinstance(values, list) else sorted(values))]
    return ", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")
