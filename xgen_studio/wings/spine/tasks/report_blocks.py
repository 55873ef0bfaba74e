"""What a report is put together from: pictures that it is given, blocks that it is laid out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.spine.tasks.report_drawings import Drawing


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels (H, W) or (H, W, 3) uint8, square ones of `mm`."""

    pixels: NDArray[np.uint8]
    mm: float


@dataclass(frozen=True, eq=False)
class Views:
    """One vertebra as it is, as it would be healthy, and the two laid over each other."""

    real: Picture
    healthy: Picture
    overlay: Picture


@dataclass(frozen=True, eq=False)
class Pictures:
    """What the report shows.

    overview  the whole spine; `marks`: (x, y) px of the middle of each vertebra in it
    views     of each level that has them
    """

    overview: Picture | None = None
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    views: Mapping[str, Views] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """A title of `rank` 2 or 3; a `grade` gives it its colour."""

    text: str
    rank: int = 2
    grade: int | None = None


@dataclass(frozen=True)
class Paragraph:
    """A text; its `tone`: '', 'answer' or 'small'."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of texts below a head; `grades` colour the second cell of a row; `widths` are shares."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    grades: tuple[int | None, ...] = ()


@dataclass(frozen=True, eq=False)
class Figure:
    """A drawing with a caption."""

    drawing: Drawing
    caption: str


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures side by side."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, eq=False)
class Beside:
    """A figure and, to its right, blocks."""

    figure: Figure
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Together:
    """Blocks that stay on one page."""

    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Bullets | Table | Figures | Beside | Together
