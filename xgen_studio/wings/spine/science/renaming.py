"""Names that a reader corrects: one vertebra is another, and all others follow."""

from __future__ import annotations

from collections.abc import Iterable

from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.levels import RARE, above, below, in_order


def renamed(present: Iterable[str], level: str, new: str) -> dict[str, str]:
    """New names by old ones where `level` is `new`: the others are counted from it both ways.

    T13 and L6 are counted only where `new` is one of them: naming a vertebra T13 says that there is
    one, naming a T13 L1 that there is none. InputError where the count leaves the spine.
    """
    names = in_order(set(present) | {level})
    at = names.index(level)
    extra = {new} & set(RARE)
    found = {level: new}
    for others, step in ((names[at + 1 :], below), (names[:at][::-1], above)):
        name: str | None = new
        for other in others:
            name = step(name, extra) if name is not None else None
            if name is None:
                raise InputError(
                    f"if {level} is {new}, there are more vertebrae than the spine has on that"
                    " side; name a T13 or an L6 first, or take a piece of the mask away"
                )
            found[other] = name
    return {old: name for old, name in found.items() if old != name}


def neighbour(level: str, step: int) -> str:
    """The name one up (-1) or down (1), for all names to follow; InputError at the spine's ends."""
    name = above(level) if step < 0 else below(level)
    if name is None:
        raise InputError(f"there is no name {'above' if step < 0 else 'below'} {level}")
    return name
