"""The wings of the house: those that are built in, and those that other packages bring.

Another package brings one through the entry point group `xgen_studio.wings`, whose value is the
place of its manifest ('module:WING').
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from xgen_studio.errors import CallError
from xgen_studio.wing import Wing, resolve

BUILT_IN = ("knee", "hand", "spine")
GROUP = "xgen_studio.wings"


@cache
def _found() -> tuple[tuple[Wing, ...], tuple[str, ...]]:
    """All wings, and what is wrong with those of other packages, which are left out for it."""
    found = {name: resolve(f"xgen_studio.wings.{name}.wing:WING") for name in BUILT_IN}
    troubles = []
    for entry in entry_points(group=GROUP):
        where = f"the wing '{entry.name}' ({entry.value}) of another package"
        try:
            wing = resolve(entry.value)
        except Exception as error:  # whatever its module does must not take the house down
            troubles.append(f"{where} cannot be loaded: {error}")
            continue
        if not isinstance(wing, Wing):
            troubles.append(f"{where} is no Wing, but a {type(wing).__name__}")
        elif wing.name in found:
            troubles.append(f"{where} is called '{wing.name}', as another wing is; rename it")
        else:
            found[wing.name] = wing
    return tuple(found.values()), tuple(troubles)


def wings() -> tuple[Wing, ...]:
    """All wings, in the order the studio shows them."""
    return _found()[0]


def troubles() -> tuple[str, ...]:
    """Wings of other packages that were left out, and why."""
    return _found()[1]


def forget() -> None:
    """Look for wings anew the next time: other packages may be installed now."""
    _found.cache_clear()


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
