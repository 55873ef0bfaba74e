"""`Grid`: what a file holds before it is called image, volume or mask, and its way to a picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.errors import InputError
from xgen_studio.imaging.geometry import Floats, axis_codes, closest_axes, index_to_mm

# Index axes x and y of a picture as radiologists look at it, by the world axis along its normal
# (0 L, 1 P, 2 S): world axis and sign. Sagittal and coronal pictures have the head on top.
_LOOK = {0: ((1, 1), (2, -1)), 1: ((0, 1), (2, -1)), 2: ((0, 1), (1, 1))}

UNITS_MM = {
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers"), 1e-3),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-6),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1e3),
}


# A grid may be squared up where no voxel moves by more than this share of the smallest spacing ...
SQUARE_TOLERANCE = 0.5
TELL_FROM = 1e-3  # ... and it is told from here, mm


@dataclass(frozen=True, eq=False)
class Grid:
    """An array and its place.

    array (z, y, x); spacing (x, y, z) mm or None where the file does not say; origin (3,) and
    direction (3, 3) LPS; modality '' where the file has none; notes: what a user should know of
    how it was read. A flat file is one slice whose third axis is made up.
    """

    array: NDArray[Any]
    spacing: tuple[float, float, float] | None
    origin: Floats
    direction: Floats
    modality: str = ""
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    source: Path = field(default_factory=Path)

    def told(self, *notes: str) -> Grid:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note)))

    def flat(self) -> Grid:
        """One slice as it is looked at: array (1, H, W); axes swapped and flipped, not resampled.

        An axial slice has the patient's left on the right and the back below, a coronal one the
        head above, a sagittal one the front on the left. InputError where it is a volume.
        """
        thick = [k for k, n in enumerate(self.array.shape[::-1]) if n > 1]
        if len(thick) > 2:
            raise InputError(
                f"{self.source}: is a volume of {' x '.join(map(str, self.array.shape[::-1]))}"
                " voxels, and one picture is needed; take one slice of it"
            )
        axes, _ = closest_axes(self.direction)
        thin = [k for k in range(3) if k not in thick]
        # of several axes of one voxel the third is the normal, as in every flat file
        normal = max(thin)
        order, signs = [0, 0, normal], [1, 1, 1]
        for place, (world, sign) in enumerate(_LOOK[axes[normal]]):
            order[place] = axes.index(world)
            signs[place] = sign if self.direction[world, order[place]] >= 0 else -sign
        if order == [0, 1, 2] and signs == [1, 1, 1]:
            return self
        sizes = self.array.shape[::-1]
        corner = [0 if s > 0 else sizes[k] - 1 for k, s in zip(order, signs, strict=True)]
        index = [0, 0, 0]
        for k, at in zip(order, corner, strict=True):
            index[k] = at
        spacing = self.spacing or (1.0, 1.0, 1.0)
        turned = self.array.transpose([2 - k for k in order[::-1]])
        turned = turned[tuple(slice(None, None, s) for s in signs[::-1])]
        said = f"turned to the usual view; it is stored as {axis_codes(self.direction)}"
        return replace(
            self,
            array=np.ascontiguousarray(turned),
            spacing=(spacing[order[0]], spacing[order[1]], spacing[order[2]])
            if self.spacing
            else None,
            origin=index_to_mm(index[::-1], spacing, self.origin, self.direction),
            direction=self.direction[:, order] * np.array(signs),
        ).told(said)


def off_square_note(moved: float) -> str:
    """What is said where the axes of a file are not quite square; `moved` in mm."""
    return (
        f"its axes are not quite square; the nearest rotation is taken, which moves no voxel by"
        f" more than {moved:.3g} mm"
    )


def unit_note(mm: float) -> str:
    """What is said where the lengths of a file are in another unit than mm."""
    return f"its header gives lengths in units of {mm:g} mm; they are shown in mm"
