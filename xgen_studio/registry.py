"""The wings of the house: those that are built in, and those that other packages bring.

Another package brings one through the entry point group `xgen_studio.wings`, whose value is the
place of its manifest ('module:WING').
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from xgen_studio.errors import CallError
from xgen_studio.wing import Wing, resolve

BUILT_IN = ("knee", "hand")
GROUP = "xgen_studio.wings"


@cache
def wings() -> tuple[Wing, ...]:
    """All wings, in the order the studio shows them."""
    places = [f"xgen_studio.wings.{name}.wing:WING" for name in BUILT_IN]
    places += [entry.value for entry in entry_points(group=GROUP)]
    found = {wing.name: wing for wing in map(resolve, places)}
    return tuple(found.values())


def wing(name: str) -> Wing:
    """The wing of that name; CallError says which there are."""
    for one in wings():
        if one.name == name:
            return one
    raise CallError(f"no wing is called '{name}'; there is {', '.join(w.name for w in wings())}")


def registered(what: str) -> dict[str, str]:
    """All that wings register of a kind ('data_sets', 'learners', 'preparations', ...): places by
    name."""
    return {key: place for one in wings() for key, place in getattr(one, what).items()}
