"""`Image` and `Volume`: pixel arrays that know their size in mm, their place and their origin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging import geometry
from xgen_studio.imaging.geometry import Floats

PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2")


def checked_pixels(pixels: ArrayLike, ndim: int, name: str) -> NDArray[Any]:
    """`pixels` as a finite float32 or integer array of `ndim` dimensions; InputError otherwise."""
    array = np.asarray(pixels)
    if array.ndim != ndim or array.size == 0:
        raise InputError(f"{name}: needs a filled {ndim}-D array, not one of shape {array.shape}")
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if np.issubdtype(array.dtype, np.integer):
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name}: pixels of type {array.dtype} are not grey values")
    if not np.all(np.isfinite(array)):
        raise InputError(f"{name}: holds NaN or infinite values; replace them before using it")
    return array.astype(np.float32, copy=False)


@dataclass(frozen=True, eq=False)
class Image:
    """A 2-D grey image.

    pixels       (H, W), float32 or integer; intensities after modality rescale (CT: HU)
    spacing      (x, y) mm between pixel centres, or None where the file does not say
    origin       (x, y, z) mm, LPS, of the centre of pixel [0, 0], or None
    direction    3x3, columns: unit vectors along growing x (columns), growing y (rows), normal
    photometric  MONOCHROME2: large values are shown bright; MONOCHROME1: dark
    beam_sign    -1: large values are little X-ray (bone); 1: much (air); 0: the file does not say
    synthetic    the pixels were made by a model
    """

    pixels: NDArray[Any]
    spacing: tuple[float, float] | None = None
    origin: tuple[float, float, float] | None = None
    direction: Floats | None = None
    modality: str = ""
    photometric: str = "MONOCHROME2"
    beam_sign: int = 0
    source: Path | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    synthetic: bool = False

    def __post_init__(self) -> None:
        name = str(self.source or "image")
        put = object.__setattr__
        put(self, "pixels", checked_pixels(self.pixels, 2, name))
        if self.spacing is not None:
            put(self, "spacing", geometry.checked_spacing(self.spacing, 2, name))
        if self.origin is not None:
            put(self, "origin", geometry.checked_origin(self.origin, name))
        if self.direction is not None:
            put(self, "direction", geometry.checked_direction(self.direction, name))
        if self.photometric not in PHOTOMETRIC:
            raise InputError(
                f"{name}: photometric {self.photometric!r} is not one of {PHOTOMETRIC}"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how it was read."""
        return tuple(self.meta.get("notes", ()))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns (H, W)."""
        return (self.pixels.shape[0], self.pixels.shape[1])


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3-D grey image on a rectangular grid.

    voxels     (D, H, W) in z, y, x index order, float32 or integer; CT in HU
    spacing    (x, y, z) mm between voxel centres
    origin     (x, y, z) mm, LPS, of the centre of voxel [0, 0, 0]
    direction  3x3, columns: unit vectors along growing index x, y, z
    synthetic  the voxels, or some of them, were made by a model
    """

    voxels: NDArray[Any]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: Floats = field(default_factory=lambda: np.eye(3))
    modality: str = ""
    source: Path | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    synthetic: bool = False

    def __post_init__(self) -> None:
        name = str(self.source or "volume")
        put = object.__setattr__
        put(self, "voxels", checked_pixels(self.voxels, 3, name))
        put(self, "spacing", geometry.checked_spacing(self.spacing, 3, name))
        put(self, "origin", geometry.checked_origin(self.origin, name))
        put(self, "direction", geometry.checked_direction(self.direction, name))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how it was read, what was left out included."""
        return tuple(self.meta.get("notes", ()))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x: (D, H, W)."""
        depth, height, width = self.voxels.shape
        return (depth, height, width)

    @property
    def axis_codes(self) -> str:
        """Towards what index axes x, y, z grow: 'LPS' for an axial stack from feet to head."""
        return geometry.axis_codes(self.direction)

    def index_to_mm(self, index: ArrayLike) -> Floats:
        """Points (..., 3) x, y, z in mm of the indices (..., 3) in z, y, x order."""
        return geometry.index_to_mm(index, self.spacing, self.origin, self.direction)

    def mm_to_index(self, point: ArrayLike) -> Floats:
        """Fractional indices (..., 3) in z, y, x order of the points (..., 3) x, y, z in mm."""
        return geometry.mm_to_index(point, self.spacing, self.origin, self.direction)

    def to_lps(self) -> Volume:
        """The same voxels, axes swapped and flipped to the closest LPS; nothing is resampled."""
        voxels, spacing, origin, direction = geometry.reoriented_to_lps(
            self.voxels, self.spacing, self.origin, self.direction
        )
        return replace(self, voxels=voxels, spacing=spacing, origin=origin, direction=direction)

    def resampled(self, spacing: ArrayLike) -> Volume:
        """Linear interpolation to `spacing` (x, y, z) mm; same directions, same extent to a voxel.

        Nothing is smoothed before a coarser grid; integer voxels are rounded to their own type.
        """
        from xgen_studio.imaging.itk import resampled

        wanted = geometry.triple(geometry.checked_spacing(spacing, 3, str(self.source or "volume")))
        voxels, origin = resampled(
            self.voxels, self.spacing, self.origin, self.direction, wanted, nearest=False
        )
        return replace(self, voxels=voxels, spacing=wanted, origin=origin)
