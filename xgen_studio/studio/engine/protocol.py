"""The words between window and worker, all plain data. Light: both sides import it.

Requests are answered at once, between two steps of whatever runs: `Draw`, `Open`, `Propose`,
`Again`, `Look`, `Locate`.
A `Series`, `HandRun` or `ScreenFolder` is long: it runs when nothing else is asked, reports how far
it is, and can be paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document import Picture
from xgen_studio.imaging import Mask

if TYPE_CHECKING:
    from xgen_studio.anatomy.hand.gate import Screening

Pixels = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Draw:
    """Draw a mask. A preview runs to its end; a finished sample gives way to whatever is newer.

    With `base` and `region` only that region of the base picture is drawn anew.
    """

    number: int  # of the request, rising
    model: str
    mask: Mask
    final: bool
    method: str | None = None
    sampler: str | None = None  # None: the model's own
    steps: int | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    base: Pixels | None = None
    region: Bools | None = None


@dataclass(frozen=True)
class Stop:
    """Leave the drawing that is running."""


@dataclass(frozen=True)
class Open:
    """Read a radiograph, propose its mask, fit both to a grid (rows, columns)."""

    number: int
    path: str
    model: str
    grid: tuple[int, int]


@dataclass(frozen=True)
class Propose:
    """Propose the mask of a picture (H, W) in [0, 1] that lies on the model's grid."""

    number: int
    pixels: Pixels
    model: str


@dataclass(frozen=True)
class Again:
    """Make a picture again from its recipe."""

    number: int
    picture: Picture


@dataclass(frozen=True)
class Look:
    """Say which devices there are."""

    number: int


@dataclass(frozen=True)
class Series:
    """One picture for each seed, as `draw` says; with `folder` they are written there."""

    number: int
    draw: Draw
    seeds: tuple[int, ...]
    folder: str = ""


@dataclass(frozen=True)
class HandRun:
    """Draw a hand for each seed into the folder and judge it; `shape`: 'drawn' or 'free'."""

    number: int
    model: str
    seeds: tuple[int, ...]
    folder: str
    gate: str = "calibrated"
    shape: str = "drawn"
    sampler: str | None = None
    steps: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class ScreenFolder:
    """Judge the pairs of a folder; the answer is in its `screening.json`."""

    number: int
    folder: str
    gate: str = "calibrated"


@dataclass(frozen=True)
class Locate:
    """Find the landmarks of a radiograph."""

    number: int
    path: str
    model: str


@dataclass(frozen=True)
class Pause:
    """Hold the running series, or let it go on."""

    number: int
    held: bool


@dataclass(frozen=True)
class Cancel:
    """Leave a series; what is finished is kept."""

    number: int


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its libraries."""


@dataclass(frozen=True)
class Drawn:
    """The answer to `Draw`: a picture (H, W) in [0, 1]; `provenance` makes it again."""

    number: int
    final: bool
    pixels: Pixels
    provenance: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Stepped:
    """A drawing or series is on its way."""

    number: int
    done: int
    total: int


@dataclass(frozen=True)
class Opened:
    """The answer to `Open`: see `jobs.opening.OpenedRadiograph`."""

    number: int
    path: str
    pixels: Pixels
    labels: NDArray[np.uint8]
    spacing: tuple[float, float] | None
    doubt: str
    synthetic: bool


@dataclass(frozen=True)
class Proposed:
    """The answer to `Propose`: label ids, and what makes them doubtful, if anything."""

    number: int
    labels: NDArray[np.uint8]
    doubt: str


@dataclass(frozen=True)
class HandJudged:
    """A hand of a `HandRun` lies in the folder, and this is its judgement."""

    number: int
    folder: str
    screening: Screening


@dataclass(frozen=True)
class LocatedHand:
    """The answer to `Locate`: see `anatomy.hand.localising.Located`."""

    number: int
    path: str
    points: NDArray[np.float64]
    flipped: bool
    doubt: str


@dataclass(frozen=True)
class Remade:
    """The answer to `Again`."""

    number: int
    equal: bool
    largest_difference: float


@dataclass(frozen=True)
class DeviceFound:
    """A device: its name in calls, its title, free and whole memory in bytes (None: not known)."""

    name: str
    title: str
    free: int | None
    total: int | None


@dataclass(frozen=True)
class Devices:
    """The answer to `Look`."""

    number: int
    found: tuple[DeviceFound, ...]


@dataclass(frozen=True)
class Ended:
    """A series is over: 'done' or 'cancelled'."""

    number: int
    how: str


@dataclass(frozen=True)
class Failed:
    """One sentence: what is wrong and what to do."""

    number: int
    message: str


Request = Draw | Open | Propose | Again | Look | Locate
Long = Series | HandRun | ScreenFolder
Message = Request | Stop | Long | Pause | Cancel
Answer = (
    Drawn
    | Stepped
    | Opened
    | Proposed
    | Remade
    | Devices
    | HandJudged
    | LocatedHand
    | Ended
    | Failed
)
