"""What the numbers and words of other tools' label maps mean in VerSe's.

`level_of` reads a vertebra's name however a tool spells it; `decide` tells from the numbers alone
which tool's they are: by the numbers, by their order along the spine, and by what grows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

import numpy as np

from xgen_studio.wings.spine.science.levels import LABELS, NAMES, ORDER

_FIRST_TO_TWELFTH = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth"),
)
_REGIONS = {"cervical": "C", "thoracic": "T", "dorsal": "T", "lumbar": "L"}
_LETTERS = {"C": "C", "T": "T", "TH": "T", "D": "T", "L": "L", "S": "S"}
_LEVEL = re.compile(r"(?<![A-Z0-9])(C|TH|T|D|L|S)\s?0?(\d{1,2})(?![A-Z0-9])", re.IGNORECASE)
_IN_WORDS = re.compile(
    r"(cervical|thoracic|dorsal|lumbar)\W+(?:vertebrae?|vertebral body|spine)?\W*(\d{1,2})"
    rf"|({'|'.join(_FIRST_TO_TWELFTH)})\W+(cervical|thoracic|dorsal|lumbar)",
    re.IGNORECASE,
)
# what lies at a level and is no vertebra
_NOT_A_VERTEBRA = re.compile(
    r"dis[ck]|canal|cord|endplate|end plate|nerve|root|\brib|costa|muscle|foramen|ivd|process"
    r"|lesion|fracture|facet",
    re.IGNORECASE,
)
_BODIES = re.compile(r"vertebra(e|l)?[ _](body|bodies)|corpus|\bbod(y|ies)\b", re.IGNORECASE)


class Subregion(IntEnum):
    """Parts of a vertebra in `SpineLabels.subregions`; 0 is none or not told."""

    BODY = 1
    ARCH = 2
    SPINOUS = 3
    TRANSVERSE = 4  # SPINEPS calls them costal
    SUPERIOR_ARTICULAR = 5
    INFERIOR_ARTICULAR = 6


# SPINEPS and TPTBox (Möller 2024): 49 is the body's border, 50 the body; some versions write one
# of the two alone. Left and right are one class here.
SPINEPS_SUBREGIONS = {
    41: Subregion.ARCH,
    42: Subregion.SPINOUS,
    43: Subregion.TRANSVERSE,
    44: Subregion.TRANSVERSE,
    45: Subregion.SUPERIOR_ARTICULAR,
    46: Subregion.SUPERIOR_ARTICULAR,
    47: Subregion.INFERIOR_ARTICULAR,
    48: Subregion.INFERIOR_ARTICULAR,
    49: Subregion.BODY,
    50: Subregion.BODY,
}

_USUAL = [name for name in ORDER if name not in ("T13", "L6", "S1")]
_UPWARD = _USUAL[::-1]  # L5, L4, ... C1
TABLES: dict[str, dict[int, str]] = {
    "verse": dict(NAMES),
    "spineps": dict(NAMES),
    # TotalSegmentator 2, task `total`: 26 vertebrae_S1, 27 vertebrae_L5 ... 50 vertebrae_C1
    "totalsegmentator": {26: "S1", **{27 + k: name for k, name in enumerate(_UPWARD)}},
    # TotalSegmentator 1: 18 vertebrae_L5 ... 41 vertebrae_C1
    "totalsegmentator-1": {18 + k: name for k, name in enumerate(_UPWARD)},
    "totalspineseg": {
        **{10 + n: f"C{n}" for n in range(1, 8)},
        **{20 + n: f"T{n}" for n in range(1, 13)},
        **{40 + n: f"L{n}" for n in range(1, 7)},
        50: "S1",
    },
}
IN_WORDS = {
    "verse": "VerSe numbers (1-7 C1-C7, 8-19 T1-T12, 20-25 L1-L6, 28 T13; CTSpine1K's are the"
    " same)",
    "spineps": "SPINEPS instances (VerSe numbers; 100 more for discs, 200 more for endplates)",
    "totalsegmentator": "TotalSegmentator 2 numbers (26 S1, 27 L5 to 50 C1)",
    "totalsegmentator-1": "TotalSegmentator 1 numbers (18 L5 to 41 C1)",
    "totalspineseg": "TotalSpineSeg numbers (11-17 C1-C7, 21-32 T1-T12, 41-46 L1-L6)",
    "unnamed": "vertebrae without names",
    "subregions": "SPINEPS subregions",
}
SCHEMES = (*TABLES, "unnamed")  # what a caller may ask for
# centres of neighbouring cervical vertebrae are 14 to 20 mm apart, thoracolumbar ones 20 to 40
CERVICAL_STEP_MM = 22.0
GROWS_UP = -0.7  # `growth` of a spine that is turned round

Key = TypeVar("Key")


@dataclass(frozen=True)
class Numbers:
    """What stands in a label map: by id the height of its centre (mm, growing to the head), and its
    volume in ml."""

    height: Mapping[int, float]
    volume: Mapping[int, float]

    @property
    def ids(self) -> frozenset[int]:
        """The ids without the background's 0."""
        return frozenset(self.height)

    def downward(self, order: Iterable[int]) -> float:
        """Share of the steps from one id to the next of `order` that go to the feet, 0 to 1; 0.5
        where fewer than two of them are there."""
        z = [self.height[i] for i in order if i in self.height]
        return float(np.mean(np.diff(z) < 0)) if len(z) > 1 else 0.5

    def same_place(self, one: int, other: int) -> bool:
        """Whether two ids have their centre at one height, as bodies and discs of a whole spine."""
        return abs(self.height[one] - self.height[other]) < CERVICAL_STEP_MM / 2

    def growth(self, ids: Iterable[int]) -> float:
        """Correlation of volume with the way to the feet, -1 to 1: vertebrae grow that way. Those
        at the ends, which the scan may cut, are left out. 0 for fewer than six: the five lumbar
        ones are of one size (of 44 healthy lumbar spines 3 grow to the head)."""
        among = sorted((i for i in ids if i in self.height), key=lambda i: -self.height[i])[1:-1]
        volumes = [self.volume[i] for i in among]
        if len(among) < 4 or np.std(volumes) == 0:
            return 0.0
        return float(np.corrcoef(volumes, [-self.height[i] for i in among])[0, 1])


@dataclass(frozen=True)
class Numbering:
    """Which tool's numbers they are.

    scheme   a key of `TABLES`, 'unnamed' or 'subregions'
    levels   name by id; for 'unnamed' empty
    reason   the rule that decided, a sentence where others were possible
    """

    scheme: str
    levels: Mapping[int, str] = field(default_factory=dict)
    reason: str = ""


def level_of(text: str) -> str | None:
    """The level that a name means: 'vertebrae_L1', 'Th12', 'L1 vertebral body', 'Third lumbar
    vertebra', 'sacrum' (S1). None where it means none, several (a disc), or another structure."""
    plain = text.replace("_", " ").strip()
    if _NOT_A_VERTEBRA.search(plain):
        return None
    found = {f"{_LETTERS[m[1].upper()]}{int(m[2])}" for m in _LEVEL.finditer(plain)}
    for m in _IN_WORDS.finditer(plain):
        if m[1]:
            found.add(f"{_REGIONS[m[1].lower()]}{int(m[2])}")
        else:
            number = _FIRST_TO_TWELFTH.index(m[3].lower()) + 1
            found.add(f"{_REGIONS[m[4].lower()]}{number}")
    if not found and re.search(r"\bsacrum\b", plain, re.IGNORECASE):
        return "S1"
    return found.pop() if len(found) == 1 and found <= set(ORDER) else None


def means_bodies(text: str) -> bool:
    """Whether a name means vertebral bodies of no told level: 'vertebrae_body'."""
    return (
        level_of(text) is None
        and _BODIES.search(text) is not None
        and not re.search("dis[ck]", text)
    )


def decide(numbers: Numbers) -> Numbering:
    """Which tool's numbers these are, and the rule that said so.

    Above 28 the numbers themselves tell. Up to 28: numbers that grow to the feet are VerSe's, and
    1, 2, 3 ... at distances that no neck has are unnamed; numbers that grow to the head are
    TotalSegmentator's where they fit, unless the vertebrae grow to the head too, which is a VerSe
    map upside down; 1, 2, 3 ... that grow to the head are unnamed, counted from the lowest.
    """
    ids = numbers.ids
    if max(ids) > 28:
        return _large(numbers)
    if ids <= {1} or (ids == {1, 2} and numbers.same_place(1, 2)):
        return Numbering("unnamed", reason="one number for all vertebrae; they are told apart")
    if len(ids) > 1 and ids <= {26, 27, 28}:
        return _total("26, 27 and 28 alone are S1, L5 and L4: VerSe has no 27, and no T13 at S1")
    consecutive = ids == set(range(1, len(ids) + 1))
    if numbers.downward(_verse_order(ids)) >= 0.5:
        return _unless_too_far(numbers, ids, Numbering("verse", NAMES))
    if consecutive:
        return Numbering("unnamed", reason="1 is the lowest")
    grows = numbers.growth(ids)
    if ids <= set(TABLES["totalsegmentator-1"]) and grows > GROWS_UP:
        said = "the numbers grow to the head, and the vertebrae do not"
        return Numbering("totalsegmentator-1", TABLES["totalsegmentator-1"], said)
    said = "numbers and vertebrae both grow to the head: a VerSe map upside down"
    return Numbering("verse", NAMES, said)


def _large(numbers: Numbers) -> Numbering:
    """Ids above 28 are among them."""
    ids = numbers.ids
    low = {i for i in ids if i <= 28}
    total = [i for i in range(50, 25, -1) if i in ids]
    # discs and endplates: nothing of SPINEPS's instances lies between 29 and 99
    if low and not any(29 <= i <= 99 for i in ids) and any(100 < i <= 228 for i in ids):
        if numbers.downward(_verse_order(low)) < 0.5 and min(low) == 1:
            said = "1 is the lowest, discs are 201 and above, as SPIDER counts"
            return Numbering("unnamed", reason=said)
        return _unless_too_far(numbers, low, Numbering("spineps", NAMES))
    body = ids & {49, 50}
    if body and {41, 42} & ids and not any(27 <= i <= 39 for i in ids):
        heights = [numbers.height[i] for i in ids if 41 <= i <= 50]
        if max(heights) - min(heights) < 60 and not _along(numbers, total):
            return Numbering("subregions", reason="41 to 50 lie beside each other")
    spine = TABLES["totalspineseg"]
    named = [i for i in spine if i in ids]
    if len(named) > 1 and numbers.downward(named) >= 0.75 and not any(33 <= i <= 40 for i in ids):
        return Numbering("totalspineseg", spine)
    if total:
        return _total("")
    return Numbering("unnamed", reason="the numbers are no tool's that is known")


def _unless_too_far(numbers: Numbers, ids: Iterable[int], named: Numbering) -> Numbering:
    """`named`, but unnamed where the numbers of C1 to C7 stand apart as no cervical vertebrae do:
    bodies of a lumbar spine counted from 1, or instances that SPINEPS has not named yet."""
    neck = sorted(i for i in ids if i <= 7)
    steps = [numbers.height[i] - numbers.height[i + 1] for i in neck if i + 1 in neck]
    if not steps or float(np.median(steps)) <= CERVICAL_STEP_MM:
        return named
    said = (
        f"{neck[0]} to {neck[-1]} stand {np.median(steps):.0f} mm apart, which no cervical"
        " vertebrae do"
    )
    return Numbering("unnamed", reason=said)


def _total(reason: str) -> Numbering:
    return Numbering("totalsegmentator", TABLES["totalsegmentator"], reason)


def _along(numbers: Numbers, order: list[int]) -> bool:
    """Whether each of them lies clearly below the one before, as vertebrae do."""
    z = [numbers.height[i] for i in order]
    return bool(np.all(np.diff(z) < -8))


def _verse_order(ids: Iterable[int]) -> list[int]:
    known = [i for i in ids if i in NAMES]
    return sorted(known, key=lambda i: ORDER.index(NAMES[i])) + sorted(set(ids) - set(known))


def table_of(names: Mapping[Key, str]) -> dict[Key, str]:
    """Level by id (or file) of what a tool calls it. Where two share a level, the first keeps it;
    TotalSegmentator's S1 goes before the rest of the sacrum."""
    table: dict[Key, str] = {}
    for key, text in sorted(names.items(), key=lambda item: "sacrum" in item[1].lower()):
        level = level_of(text)
        if level is not None and level not in table.values():
            table[key] = level
    return table


def label_lookup(levels: Mapping[int, str], largest: int) -> np.ndarray:
    """(largest + 1,) uint8: VerSe's label by id, 0 for what is no vertebra."""
    lookup = np.zeros(largest + 1, dtype=np.uint8)
    for id, level in levels.items():
        if 0 < id <= largest:
            lookup[id] = LABELS[level]
    return lookup
