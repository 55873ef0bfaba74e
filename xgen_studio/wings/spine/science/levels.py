"""The names of vertebrae, their order from head to feet, and their numbers in label maps.

Labels are those of VerSe (Sekuboyina 2021): 1-7 C1-C7, 8-19 T1-T12, 28 T13, 20-25 L1-L6, 26 the
sacrum. Inside the wing no other numbers are used; `labels` reads those of other tools.
"""

from __future__ import annotations

from collections.abc import Iterable

ORDER = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 14)),
    *(f"L{n}" for n in range(1, 7)),
    "S1",
)
LABELS: dict[str, int] = {
    **{f"C{n}": n for n in range(1, 8)},
    **{f"T{n}": 7 + n for n in range(1, 13)},
    "T13": 28,
    **{f"L{n}": 19 + n for n in range(1, 7)},
    "S1": 26,
}
NAMES: dict[int, str] = {label: name for name, label in LABELS.items()}
RARE = ("T13", "L6")  # most patients have neither: names advance past them
GRADED = tuple(f"T{n}" for n in range(1, 13)) + ("T13",) + tuple(f"L{n}" for n in range(1, 7))
GENANT = tuple(f"T{n}" for n in range(4, 13)) + tuple(f"L{n}" for n in range(1, 5))  # Genant 1993


def place(level: str) -> float:
    """Where a level stands along a usual spine: C1 is 0, each vertebra below one more. T13 and L6,
    which most do not have, share a step with the vertebra above: T12.5, L5.5."""
    usual = [name for name in ORDER if name not in RARE]
    if level in RARE:
        return usual.index("T12" if level == "T13" else "L5") + 0.5
    return float(usual.index(level))


def below(level: str, present: Iterable[str] = ()) -> str | None:
    """The next name towards the feet; T13 and L6 only where `present` holds them."""
    return _step(level, 1, set(present))


def above(level: str, present: Iterable[str] = ()) -> str | None:
    """The next name towards the head; T13 and L6 only where `present` holds them."""
    return _step(level, -1, set(present))


def _step(level: str, by: int, present: set[str]) -> str | None:
    names = [n for n in ORDER if n not in RARE or n in present or n == level]
    at = names.index(level) + by
    return names[at] if 0 <= at < len(names) else None


def in_order(levels: Iterable[str]) -> list[str]:
    """Names from head to feet."""
    return sorted(levels, key=ORDER.index)
