"""`Mask`: an integer label image on the grid of an image or a volume, read from PNG or NIfTI."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging import geometry
from xgen_studio.imaging.formats.content import RASTER, Kind, existing_file, kind_of
from xgen_studio.imaging.formats.raster import open_raster
from xgen_studio.imaging.geometry import Floats
from xgen_studio.imaging.image import Image, Volume
from xgen_studio.imaging.labels import MAX_ID, LabelTable
from xgen_studio.imaging.reading import read_grid, unforeseen

Encoding = Literal["ids", "grey levels"]

# Mei 2024's 0, 0.5 and 1 as integers: white in 8 or 16 bits, and half of it rounded down or
# up. Some programs write 254 for white.
GREY_LEVELS = {
    white: {0: 0, white // 2: 1, (white + 1) // 2: 1, white: 2} for white in (255, 254, 65_535)
}
GREY_LEVELS[65_535] |= {127 * 257: 1, 128 * 257: 1}  # 8 bits stretched to 16
# More classes than any label set in use (TotalSegmentator: 117); beyond it, it is a photograph.
MAX_CLASSES = 150
ENCODING_KEY = "MaskEncoding"  # PNG text that our own masks carry, so nothing is guessed
GRID_TOLERANCE_MM = 0.1


@dataclass(frozen=True, eq=False)
class Mask:
    """Integer class ids on a grid; 0 is the background.

    labels     (H, W) or (D, H, W), uint8 or uint16; every id is in `table`
    table      what the ids mean
    spacing    (x, y) or (x, y, z) mm, or None where the file does not say
    origin     (x, y, z) mm, LPS, of the first element's centre, or None
    direction  3x3, columns: directions of growing x, y, z, or None
    encoding   how the file stored the classes: 'ids', or 'grey levels' 0, 0.5, 1 for 0, 1, 2
    """

    labels: NDArray[Any]
    table: LabelTable
    spacing: tuple[float, ...] | None = None
    origin: tuple[float, float, float] | None = None
    direction: Floats | None = None
    encoding: Encoding = "ids"
    source: Path | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = str(self.source or "mask")
        put = object.__setattr__
        put(self, "labels", _checked_labels(self.labels, self.table, name))
        if self.spacing is not None:
            spacing = geometry.checked_spacing(self.spacing, self.labels.ndim, name)
            put(self, "spacing", spacing)
        if self.origin is not None:
            put(self, "origin", geometry.checked_origin(self.origin, name))
        if self.direction is not None:
            put(self, "direction", geometry.checked_direction(self.direction, name))

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (D, H, W)."""
        return self.labels.shape

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how it was read."""
        return tuple(self.meta.get("notes", ()))

    @property
    def present(self) -> tuple[int, ...]:
        """The class ids that occur, ascending, without the background."""
        return tuple(int(i) for i in np.unique(self.labels) if i)

    def as_picture(self) -> Mask:
        """Itself where it is flat; InputError where it is a stack of slices."""
        if self.labels.ndim == 3:
            depth, height, width = self.labels.shape
            raise InputError(
                f"{self.source or 'mask'}: is a volume of {width} x {height} x {depth} voxels, and"
                " the mask of one picture is needed; take one slice of it"
            )
        return self

    def resized(self, shape: Sequence[int]) -> Mask:
        """Nearest neighbour to `shape`: no class is invented, the extent in mm stays."""
        if len(shape) != self.labels.ndim or min(shape) < 1:
            raise InputError(f"mask of shape {self.shape}: cannot be resized to {tuple(shape)}")
        scale = [old / new for old, new in zip(self.shape, shape, strict=True)]
        nearest = [
            np.floor((np.arange(n) + 0.5) * s).astype(np.intp)
            for n, s in zip(shape, scale, strict=True)
        ]
        labels = self.labels[np.ix_(*nearest)]
        if self.spacing is None:
            return replace(self, labels=labels, origin=None)
        old = np.array(self.spacing)
        new = old * scale[::-1]
        origin = self.origin
        if origin is not None:
            shift = np.zeros(3)
            shift[: old.size] = (new - old) / 2
            x, y, z = origin + (np.eye(3) if self.direction is None else self.direction) @ shift
            origin = (float(x), float(y), float(z))
        return replace(self, labels=labels, spacing=tuple(new.tolist()), origin=origin)

    def to_lps(self) -> Mask:
        """A 3-D mask with axes swapped and flipped like `Volume.to_lps`; nothing is resampled."""
        spacing, origin, direction = self.grid()
        labels, new_spacing, new_origin, new_direction = geometry.reoriented_to_lps(
            self.labels, spacing, origin, direction
        )
        return replace(
            self, labels=labels, spacing=new_spacing, origin=new_origin, direction=new_direction
        )

    def resampled(self, spacing: ArrayLike) -> Mask:
        """A 3-D mask by nearest neighbour on the grid that `Volume.resampled(spacing)` gives."""
        from xgen_studio.imaging.itk import resampled

        old, origin, direction = self.grid()
        wanted = geometry.checked_spacing(spacing, 3, str(self.source or "mask"))
        labels, new_origin = resampled(self.labels, old, origin, direction, wanted, nearest=True)
        return replace(self, labels=labels, spacing=wanted, origin=new_origin)

    def check_fits(self, image: Image | Volume) -> None:
        """InputError when the mask does not lie on the grid of `image`, as far as both say it."""
        shape: tuple[int, ...] = image.shape
        mine, its = self.source or "mask", image.source or "image"
        if self.shape != shape:
            raise InputError(
                f"{mine}: is {self.shape}, {its} is {shape}; use the mask of this image"
            )
        if self.spacing and image.spacing and self.origin and image.origin:
            if self.direction is None or image.direction is None:
                return
            far = [n - 1 for n in (1, *shape)[-3:]]
            ends = [
                geometry.index_to_mm([[0, 0, 0], far], _three(s), o, d)
                for s, o, d in (
                    (self.spacing, self.origin, self.direction),
                    (image.spacing, image.origin, image.direction),
                )
            ]
            off = float(np.abs(ends[0] - ends[1]).max())
            if off > GRID_TOLERANCE_MM:
                raise InputError(
                    f"{mine}: lies up to {off:.1f} mm beside {its}; use the mask of this image"
                )

    def grid(self) -> tuple[tuple[float, ...], tuple[float, float, float], Floats]:
        """Spacing, origin and direction of a 3-D mask; InputError where it lacks a spacing."""
        if self.labels.ndim != 3 or self.spacing is None:
            raise InputError(f"{self.source or 'mask'}: is no 3-D mask with a known spacing")
        direction = np.eye(3) if self.direction is None else self.direction
        return self.spacing, self.origin or (0.0, 0.0, 0.0), direction


def read_mask(path: str | os.PathLike[str], table: LabelTable | None = None) -> Mask:
    """The mask in a PNG, TIFF or BMP (H, W), or in a NIfTI, MHA or NRRD file (H, W) or (D, H, W).

    Values are class ids, unless they are all of the grey levels 0, 0.5, 1 (8 bits: 0, 127 or 128,
    255; 16 bits likewise), which become ids 0, 1, 2; `encoding` says which. A table that holds
    such ids settles it; one with a single label takes the only non-zero level, whatever it is.
    Without a table the ids found get names like 'label 7'. Raises InputError for a colour picture,
    ids that are not in `table`, an empty mask, NaN or fractions, and all that `read_image` refuses.
    """
    file = existing_file(path)
    with unforeseen(file):
        return _read(file, table)


def _read(file: Path, table: LabelTable | None) -> Mask:
    kind = kind_of(file)
    if kind == "dicom":
        raise InputError(f"{file}: masks are not read from DICOM; save it as PNG or NIfTI")
    notes: tuple[str, ...]
    spacing: tuple[float, ...] | None
    if kind in RASTER:
        values, trusted, notes = _picture_values(file, kind)
        spacing = origin = direction = None
    else:
        grid, trusted = read_grid(file, kind), False
        if min(grid.array.shape) == 1:  # a flat mask that knows its place
            grid = grid.flat()
        flat = len(grid.array) == 1
        values, notes = grid.array[0] if flat else grid.array, grid.notes
        spacing = grid.spacing[:2] if flat and grid.spacing else grid.spacing
        origin, direction = geometry.triple(grid.origin), grid.direction
    labels, encoding = _classes(values, table, file, trusted)
    if not labels.any():
        raise InputError(f"{file}: is empty, it marks nothing but background; draw something first")
    found = _checked_ids(labels, str(file))
    if table is None:
        if len(found) > MAX_CLASSES:
            raise InputError(
                f"{file}: has {len(found)} different values, a picture rather than a mask; "
                "save the class ids instead"
            )
        table = LabelTable.of(found.tolist())
    meta = {"notes": list(notes)} if notes else {}
    return Mask(labels, table, spacing, origin, direction, encoding, file, meta)


def _picture_values(file: Path, kind: Kind) -> tuple[NDArray[Any], bool, tuple[str, ...]]:
    """Stored values (H, W), whether our own note or a palette's colours call them ids, and what is
    to be told.

    The rows of a palette of colours are ids; those of a palette of greys are an accident of the
    program that made it, and the greys are the values.
    """
    raster = open_raster(file, kind)
    if raster.lossy:
        raise InputError(f"{file}: JPEG blurs class ids; save the mask as PNG")
    if raster.transparent:
        raise InputError(
            f"{file}: is partly transparent, so what it marks is not clear; save it without"
            " transparency"
        )
    if raster.palette is not None and not raster.grey_palette:
        return raster.values, True, ("the rows of its colour palette are taken for class ids",)
    values, from_colour = raster.grey()
    if from_colour:
        raise InputError(
            f"{file}: is a colour picture, not a mask; save the class ids as an 8-bit grey PNG"
        )
    if raster.photometric == "MONOCHROME1" and _grey_levels(np.unique(values)):
        # greys mean what is shown; ids mean what is stored, whatever colour they are shown in
        values = (2**raster.bits - 1 - values).astype(values.dtype)
    elif raster.photometric == "MONOCHROME1":
        said = "its values are taken for ids as they are stored, not as they are shown"
        return values, False, (*raster.notes, said)
    return values, raster.texts.get(ENCODING_KEY) == "ids", raster.notes


def _classes(
    values: NDArray[Any], table: LabelTable | None, file: Path, trusted: bool
) -> tuple[NDArray[Any], Encoding]:
    """Class ids and how they were stored. Float 0 and 1 without 0.5 are ids, not grey levels."""
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        raise InputError(f"{file}: holds NaN or infinite values, not class ids; export it again")
    found = np.unique(values)
    if trusted:
        return values, "ids"
    if np.issubdtype(values.dtype, np.floating) and 0.5 in found and set(found) <= {0, 0.5, 1}:
        return (values * 2).astype(np.uint8), "grey levels"
    levels = _grey_levels(found)
    if levels and not any(table is not None and i in table for i in levels if i):
        if table is not None and len(table) == 1 and len(found) <= 2:
            return np.where(values > 0, table.ids[0], 0), "grey levels"
        ids = np.zeros(int(found[-1]) + 1, dtype=np.uint8)
        ids[found.astype(np.intp)] = [levels[int(value)] for value in found]
        return ids[values if values.dtype.kind == "u" else values.astype(np.uint16)], "grey levels"
    return values, "ids"


def _grey_levels(found: NDArray[Any]) -> dict[int, int]:
    """The id of each grey level when the values found are such levels, else nothing."""
    for levels in GREY_LEVELS.values():
        if set(found.tolist()) <= set(levels):
            return {int(value): levels[int(value)] for value in found}
    return {}


def _checked_labels(labels: ArrayLike, table: LabelTable, name: str) -> NDArray[Any]:
    array = np.asarray(labels)
    if array.ndim not in (2, 3) or array.size == 0:
        raise InputError(f"{name}: a mask is a filled 2-D or 3-D array, not of shape {array.shape}")
    found = _checked_ids(array, name)
    unknown = [int(i) for i in found if i and int(i) not in table]
    if unknown:
        shown = ", ".join(map(str, unknown[:5])) + (" ..." if len(unknown) > 5 else "")
        known = ", ".join(f"{label.id} {label.name}" for label in list(table)[:8])
        raise InputError(f"{name}: label ids {shown} are not in the table ({known}); relabel it")
    return array.astype(np.uint8 if found[-1] <= 255 else np.uint16, copy=False)


def _checked_ids(labels: NDArray[Any], name: str) -> NDArray[Any]:
    """The different values in `labels`, ascending; InputError where one cannot be a class id."""
    found = np.unique(labels)
    if not np.array_equal(found, np.rint(found)) or found[0] < 0 or found[-1] > MAX_ID:
        raise InputError(
            f"{name}: holds values from {found[0]} to {found[-1]} that are no class ids "
            f"(whole numbers 0..{MAX_ID}); export it again"
        )
    return found


def _three(spacing: Sequence[float]) -> tuple[float, ...]:
    """A 2-D spacing with any third value, for index arithmetic within the plane."""
    return tuple(spacing) if len(spacing) == 3 else (*spacing, 1.0)
