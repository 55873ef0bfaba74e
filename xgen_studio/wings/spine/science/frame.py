"""The frame of one vertebral body: where it is, and which way is up, left and back for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """Right-handed axes in the patient (LPS mm).

    origin  (3,) mm, the middle of the body
    axes    (3, 3), rows: unit vectors to the vertebra's left, to its back, and up, along the
            normal between its endplates
    """

    origin: Floats
    axes: Floats

    @property
    def left(self) -> Floats:
        """Unit vector to the vertebra's left."""
        return self.axes[0]

    @property
    def back(self) -> Floats:
        """Unit vector to its back."""
        return self.axes[1]

    @property
    def up(self) -> Floats:
        """Unit vector towards the head, normal to the endplates."""
        return self.axes[2]

    def to_local(self, mm: ArrayLike) -> Floats:
        """Points (..., 3) LPS mm as (..., 3) mm to the left, to the back, up."""
        return np.asarray((np.asarray(mm, dtype=np.float64) - self.origin) @ self.axes.T)

    def to_patient(self, local: ArrayLike) -> Floats:
        """Points (..., 3) mm left, back, up as LPS mm."""
        return np.asarray(np.asarray(local, dtype=np.float64) @ self.axes + self.origin)


def frame_of(origin: ArrayLike, up: ArrayLike, back: ArrayLike) -> Frame:
    """The frame with this `up`; `back` is made square to it. ValueError where they are parallel."""
    w = np.asarray(up, dtype=np.float64)
    w = w / np.linalg.norm(w)
    p = np.asarray(back, dtype=np.float64)
    p = p - (p @ w) * w
    if np.linalg.norm(p) < 1e-6:
        raise ValueError("up and back are parallel")
    p = p / np.linalg.norm(p)
    return Frame(np.asarray(origin, dtype=np.float64), np.stack([np.cross(p, w), p, w]))
