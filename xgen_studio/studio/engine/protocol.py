"""The words between window and worker, all plain data. Light: both sides import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.imaging import Mask


@dataclass(frozen=True)
class Draw:
    """Draw a mask. A preview runs to its end; a finished sample gives way to whatever is newer."""

    number: int            # of the request, rising
    model: str
    mask: Mask
    final: bool
    method: str | None = None
    sampler: str | None = None  # None: the model's own
    steps: int | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"


@dataclass(frozen=True)
class Stop:
    """Leave whatever is running."""


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its libraries."""


@dataclass(frozen=True)
class Stepped:
    """A finished sample is on its way."""

    number: int
    done: int
    total: int


@dataclass(frozen=True)
class Drawn:
    """A picture (H, W) in [0, 1]; `provenance` makes it again."""

    number: int
    final: bool
    pixels: NDArray[np.float32]
    provenance: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Failed:
    """One sentence: what is wrong and what to do."""

    number: int
    message: str


@dataclass(frozen=True)
class Open:
    """Read a radiograph, propose its mask, fit both to a grid (rows, columns).

    A failure answers with the number negated: drawings have numbers of their own.
    """

    number: int
    path: str
    model: str
    grid: tuple[int, int]


@dataclass(frozen=True)
class Opened:
    """The answer to `Open`: see `jobs.opening.OpenedRadiograph`."""

    number: int
    path: str
    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing: tuple[float, float] | None
    doubt: str
