"""Names for the bodies of a proposal: counted from an anchor, the sacrum, or a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.levels import above, below
from xgen_studio.wings.spine.science.proposal import Proposed

MISSED = 60.0  # mm from a body's middle that a point in its vertebra does not lie


def named(
    proposed: Proposed,
    anchors: Mapping[str, Floats] | None = None,
    top: str | None = None,
    extra: Sequence[str] = (),
    guess: Callable[[], tuple[str, str]] | None = None,
) -> tuple[list[str], tuple[str, ...]]:
    """Names of the bodies from head to feet, and notes on how sure they are.

    `anchors` are points (LPS mm) that lie in named vertebrae; `top` names the highest; with
    neither, a sacrum that is seen makes the lowest L5, and else `guess` gives the name of the
    lowest and what to say of it. `extra` holds T13 or L6 where the patient has them. InputError
    where two anchors disagree, names run out, or nothing says which vertebra is which.
    """
    count = len(proposed.centres)
    notes: tuple[str, ...] = ()
    starts: dict[str, int] = {}
    if top is not None:
        starts[top] = 0
    for level, point in (anchors or {}).items():
        far = np.linalg.norm(proposed.centres - point, axis=1)
        if far.min() > MISSED:
            raise InputError(f"--anchor {level}: no vertebra is near this point (x,y,z, mm, LPS)")
        starts[level] = int(far.argmin())
    if not starts and proposed.sacrum is not None:
        starts["L5"] = count - 1
        notes = ("numbered from the sacrum upwards: the lowest body is taken as L5",)
    elif not starts:
        if guess is None:
            raise InputError(
                "nothing says which vertebra is which; name one (--anchor LEVEL=x,y,z or --top)"
            )
        level, said = guess()
        starts[level], notes = count - 1, (said,)
    sequences = {level: _run(level, at, count, extra) for level, at in starts.items()}
    first, *others = sequences.items()
    for level, names in others:
        if names != first[1]:
            raise InputError(
                f"{first[0]} and {level} disagree: counted from {first[0]}, the body at {level} is"
                f" {first[1][starts[level]]}; name T13 or L6 if there is one, or correct an anchor"
            )
    return first[1], notes


def _run(level: str, at: int, count: int, extra: Sequence[str]) -> list[str]:
    """Names of `count` vertebrae of which number `at` is `level`."""
    names = [level]
    for _ in range(at):
        higher = above(names[0], extra)
        if higher is None:
            raise InputError(f"{level} cannot be the vertebra number {at + 1} from the top")
        names.insert(0, higher)
    while len(names) < count:
        lower = below(names[-1], extra)
        if lower is None:
            raise InputError(f"{level} cannot be number {at + 1} of {count}: names run out below")
        names.append(lower)
    return names
