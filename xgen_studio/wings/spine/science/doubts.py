"""What is doubtful of a mask or a scan: a kind that a program reads, a sentence for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "stray",  # pieces of a label away from its vertebra
    "order",  # swapped, or numbers that do not descend
    "missing",  # a level without a mask between others
    "merged",  # two vertebrae in one label
    "duplicate",  # one label at two places of the spine
    "volume",  # too large or too small beside its neighbours
    "partial",  # cut by the border of the scan
    "grid",  # mask and CT are sampled differently
    "upside down",  # the head is where the feet should be
    "mirrored",  # the CT fits the mask only when it is flipped
    "no CT",  # intensities that are no HU
    "metal",
    "thick slices",
]
KINDS = get_args(Kind)


@dataclass(frozen=True)
class Doubt:
    """One thing to look at. `level` is '' where it concerns the whole scan."""

    level: str
    kind: Kind
    said: str
