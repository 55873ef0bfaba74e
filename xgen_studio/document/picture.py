"""The picture under a mask, and what made it; labels as the user has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging import Label

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class LabelState:
    """A label as the user has it: shown or hidden, locked or free."""

    label: Label
    visible: bool = True
    locked: bool = False


@dataclass(frozen=True)
class Made:
    """One walk of a model: the mask (H, W) it followed, its provenance, and the region (H, W) it
    was held to, or None where it drew the whole picture."""

    mask: Pixels
    provenance: dict[str, Any]
    region: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Picture:
    """The radiograph under the mask: grey values (H, W) in [0, 1] and where they come from.

    `recipe` holds the walks that made it, oldest first: one that drew it all, or began from `base`
    (the opened pixels), and then those that drew regions anew. It is empty where the picture was
    opened; `source` then names the file.
    """

    pixels: NDArray[np.float32]
    recipe: tuple[Made, ...] = ()
    base: NDArray[np.float32] | None = None
    source: str = ""
    synthetic: bool = False  # an opened file that says it is synthetic

    @property
    def provenance(self) -> dict[str, Any] | None:
        """That of the last walk, or None where the picture was opened."""
        return self.recipe[-1].provenance if self.recipe else None

    @property
    def labels(self) -> Pixels | None:
        """The mask that the picture shows: of its walks, each where it drew. None where it was
        opened, or drawn into an opened picture in part."""
        if not self.recipe or self.base is not None:
            return None
        shown = self.recipe[0].mask.copy()
        for made in self.recipe[1:]:
            shown = made.mask if made.region is None else np.where(made.region, made.mask, shown)
        return shown

    @property
    def nbytes(self) -> int:
        """Bytes it keeps."""
        arrays = [self.pixels, self.base, *(a for m in self.recipe for a in (m.mask, m.region))]
        return sum(array.nbytes for array in arrays if array is not None)
