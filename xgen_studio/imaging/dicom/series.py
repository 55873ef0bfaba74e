"""DICOM slices as one `Volume`: a folder of them, or the frames of one file.

Grouped, sorted by position, squared up (`stacking`). What does not belong is left out and told.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.dicom.header import Elements, read_dataset
from xgen_studio.imaging.dicom.image import direction_of, pixel_spacing
from xgen_studio.imaging.dicom.pixels import check_decodable, decoded
from xgen_studio.imaging.dicom.stacking import laid_out, placed
from xgen_studio.imaging.formats.raster import COLOUR_NOTE
from xgen_studio.imaging.geometry import Floats
from xgen_studio.imaging.image import Volume
from xgen_studio.imaging.limits import check_bytes, check_size

# What still is the same stack: cosines and spacings jitter in their last digits.
COSINE_TOLERANCE = 0.01
SPACING_TOLERANCE = 0.01  # relative
NAMES = 3  # of files that are told for each reason


@dataclass(frozen=True)
class Slice:
    """One frame of one file, its header read."""

    path: Path
    elements: Elements
    frame: int = 0
    of_many: bool = False

    @property
    def name(self) -> str:
        """What a user calls it."""
        return f"{self.path.name} frame {self.frame + 1}" if self.of_many else self.path.name

    @property
    def position(self) -> list[float] | None:
        """Image Position (Patient), mm; of a dose, the frame's offset along the normal added."""
        first = self.elements.numbers("ImagePositionPatient", 3)
        direction = direction_of(self.elements)
        offsets = self.elements.value("GridFrameOffsetVector") if self.of_many else None
        if first is None or direction is None or offsets is None:
            return first
        try:
            offset = float(offsets[self.frame]) - float(offsets[0])
        except (TypeError, ValueError, IndexError):
            return None
        return (np.array(first) + direction[:, 2] * offset).tolist()


@dataclass
class LeftOut:
    """The files of a folder that are no part of the volume, by reason."""

    reasons: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, *names: str) -> None:
        """Leave files out."""
        self.reasons.setdefault(reason, []).extend(names)

    def __len__(self) -> int:
        return sum(map(len, self.reasons.values()))

    def notes(self) -> list[str]:
        """One sentence a reason, with the first names."""
        found = []
        for reason, names in self.reasons.items():
            shown = ", ".join(sorted(names)[:NAMES]) + (", ..." if len(names) > NAMES else "")
            found.append(f"left out {len(names)} ({reason}): {shown}")
        return found


def read_series(folder: Path) -> Volume:
    """The largest series in `folder` and its sub-folders, voxels (D, H, W) in modality units.

    Slices are sorted along their common normal, whatever the file names say. A series is what has
    one Series Instance UID and size, and spacing and orientation to within their last digits, so a
    localiser never joins the stack. `meta["notes"]` tells what was left out and why, and
    `meta["left_out"]` counts it. Tilted gantries, uneven distances and single missing slices are
    resampled to a rectangular grid (`stacking`) and told, too. Raises InputError for a folder
    without DICOM images, a single slice, doubled slices and gaps.
    """
    left_out = LeftOut()
    return _volume(folder, _largest(_all_slices(folder, left_out), left_out), left_out)


def chosen_slices(folder: Path) -> list[Slice]:
    """The slices that `read_series` stacks, in no order: what is made from its volume refers to
    them. Raises InputError for a folder without DICOM images."""
    left_out = LeftOut()
    return _largest(_all_slices(folder, left_out), left_out)


def read_frames(path: Path) -> Volume:
    """The frames of one DICOM file as a volume; as `read_series`."""
    left_out = LeftOut()
    elements = Elements(read_dataset(path))
    check_decodable(elements, path)
    if elements.frames == 1:
        raise InputError(f"{path}: is one DICOM slice; choose the folder that holds its series")
    return _volume(path, _largest(_frames_of(path, elements), left_out), left_out)


def _all_slices(folder: Path, left_out: LeftOut) -> list[Slice]:
    slices = [part for path in _files(folder, left_out) for part in _slices(path, left_out)]
    if not slices:
        said = f" ({'; '.join(left_out.notes()[:2])})" if len(left_out) else ""
        raise InputError(f"{folder}: holds no DICOM images{said}; choose the folder of a series")
    return slices


def _files(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """The ordinary files below a folder; links to folders are not followed, and told."""
    for parent, folders, names in os.walk(folder):
        for name in sorted(folders):
            if (Path(parent) / name).is_symlink():
                left_out.add("a link to a folder", name)
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if name.startswith(".") or name.upper() == "DICOMDIR":
                left_out.add("hidden, or an index", name)
            elif not path.is_file():
                left_out.add("a broken link, a pipe or a device", name)
            else:
                yield path


def _slices(path: Path, left_out: LeftOut) -> list[Slice]:
    """The image frames of a file; none where it is something else, which is told."""
    try:
        elements = Elements(read_dataset(path, header_only=True))
    except InputError:
        # a folder may hold reports and notes beside its slices
        left_out.add("not readable as DICOM", path.name)
        return []
    if elements.number("Rows") is None or elements.number("Columns") is None:
        left_out.add("no image", path.name)
        return []
    return _frames_of(path, elements)


def _frames_of(path: Path, elements: Elements) -> list[Slice]:
    count = elements.frames
    if count == 1:
        return [Slice(path, elements)]
    return [Slice(path, Elements(elements.dataset, k), k, True) for k in range(count)]


def _largest(slices: Sequence[Slice], left_out: LeftOut) -> list[Slice]:
    """The stack with most slices; the others are left out."""
    stacks: list[list[Slice]] = []
    for part in slices:
        home = next((s for s in stacks if not _difference(s[0], part)), None)
        if home is None:
            stacks.append([part])
        else:
            home.append(part)
    chosen = max(stacks, key=len)
    for stack in stacks:
        if stack is not chosen:
            left_out.add(_difference(chosen[0], stack[0]), *(part.name for part in stack))
    return _without_copies(chosen, left_out)


def _difference(first: Slice, other: Slice) -> str:
    """Why two slices are not of one stack; '' where they are."""
    one, two = first.elements, other.elements
    if one.text("SeriesInstanceUID") != two.text("SeriesInstanceUID"):
        return "another series"
    if any(one.number(k) != two.number(k) for k in ("Rows", "Columns")):
        return "of another size"
    if not _close(one.numbers("PixelSpacing", 2), two.numbers("PixelSpacing", 2), relative=True):
        return "of another pixel spacing"
    cosines = [e.numbers("ImageOrientationPatient", 6) for e in (one, two)]
    if not _close(cosines[0], cosines[1], relative=False):
        return "in another direction"
    return ""


def _close(one: list[float] | None, two: list[float] | None, *, relative: bool) -> bool:
    if one is None or two is None:
        return one is two
    if relative:
        return bool(np.allclose(one, two, rtol=SPACING_TOLERANCE, atol=0))
    return bool(np.allclose(one, two, rtol=0, atol=COSINE_TOLERANCE))


def _without_copies(stack: list[Slice], left_out: LeftOut) -> list[Slice]:
    """A slice that is there twice (one SOP Instance UID, one place) counts once."""
    seen: Counter[tuple[object, ...]] = Counter()
    kept = []
    for part in stack:
        uid = part.elements.text("SOPInstanceUID")
        key = (uid, part.frame, *(part.position or ()))
        if uid and seen[key]:
            left_out.add("the same slice once more", part.name)
            continue
        seen[key] += 1
        kept.append(part)
    return kept


def _volume(source: Path, stack: list[Slice], left_out: LeftOut) -> Volume:
    first = stack[0]
    if len(stack) == 1:
        said = f" ({'; '.join(left_out.notes()[:2])})" if len(left_out) else ""
        raise InputError(f"{first.path}: is a single slice, no volume{said}; open it as an image")
    spacing_xy, _ = pixel_spacing(first.elements, first.path)
    if spacing_xy is None:
        raise InputError(f"{source}: its slices lack Pixel Spacing (0028,0030); export it again")
    direction = direction_of(first.elements)
    if direction is None:
        raise InputError(
            f"{source}: its slices lack a valid Image Orientation (Patient) (0020,0037); "
            "export it again"
        )
    names = [part.name for part in stack]
    layout = laid_out(source, names, _positions(stack), direction, spacing_xy)
    slices, notes = _pixels(source, [stack[k] for k in layout.order])
    voxels, origin = placed(source, slices, layout, direction, spacing_xy)
    meta: dict[str, Any] = {
        "series": first.elements.text("SeriesDescription"),
        "left_out": len(left_out),
    }
    if told := [*left_out.notes(), *notes, *layout.notes]:
        meta["notes"] = told
    return Volume(
        voxels,
        spacing=(*spacing_xy, layout.spacing),
        origin=origin,
        direction=direction,
        modality=first.elements.text("Modality"),
        source=source,
        meta=meta,
        synthetic=first.elements.synthetic,
    )


def _pixels(source: Path, stack: list[Slice]) -> tuple[NDArray[Any], list[str]]:
    """The voxels (D, H, W) of slices in their order, and what is to be told of them."""
    rows, columns = (int(stack[0].elements.number(k) or 0) for k in ("Rows", "Columns"))
    check_size([columns, rows, len(stack)], source)
    packed = sum(path.stat().st_size for path in {part.path for part in stack})
    check_bytes(2 * rows * columns * len(stack), packed, source)
    voxels, paddings, told, shown = [], [], Counter[str](), set()
    loaded: tuple[Path, Any] | None = None
    for part in stack:
        if loaded is None or loaded[0] != part.path:
            loaded = (part.path, read_dataset(part.path))
            check_decodable(Elements(loaded[1]), part.path)
        found = decoded(Elements(loaded[1], part.frame), part.path, part.frame)
        if COLOUR_NOTE in found.notes:
            raise InputError(f"{part.path}: is a colour image, no slice of a volume")
        told.update(found.notes)
        voxels.append(found.pixels)
        paddings.append(found.padding)
        shown.add(found.photometric)
    if len(shown) > 1:
        raise InputError(f"{source}: mixes slices whose large values are shown bright and dark")
    notes = [f"in {count} slices {note}" for note, count in told.items()]
    padded = [p for p in paddings if p is not None]
    stacked = np.stack(voxels)
    if padded:
        _put_out(source, stacked, paddings)
        count = sum(int(p.sum()) for p in padded)
        notes.append(f"{count:,} voxels are padding by its header; they are as dark as the darkest")
    return stacked, notes


def _put_out(
    source: Path, voxels: NDArray[Any], paddings: Sequence[NDArray[np.bool_] | None]
) -> None:
    """Padding becomes the least of what is none: air, in a CT."""
    inside = [v if p is None else v[~p] for v, p in zip(voxels, paddings, strict=True)]
    least = [part.min() for part in inside if part.size]
    if not least:
        raise InputError(f"{source}: is nothing but padding by its header; choose another series")
    for plane, padding in zip(voxels, paddings, strict=True):
        if padding is not None:
            plane[padding] = min(least)


def _positions(stack: list[Slice]) -> Floats:
    """Where the first pixel of each slice lies, (n, 3) mm; InputError where one does not say."""
    positions = []
    for part in stack:
        position = part.position
        if position is None:
            which = f"frame {part.frame + 1} " if part.of_many else ""
            raise InputError(
                f"{part.path}: {which}lacks Image Position (Patient) (0020,0032), so nobody can say"
                " how far it is from the next; export the series again"
            )
        positions.append(position)
    points = np.array(positions)
    if stack[0].of_many and np.ptp(points, axis=0).max() < 1e-3:
        raise InputError(
            f"{stack[0].path}: its {len(stack)} frames have one position; nobody can say how far"
            " they are apart; export them as single slices"
        )
    return points
