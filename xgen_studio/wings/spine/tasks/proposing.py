"""Propose the vertebral bodies of a CT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Volume, make_folder, read_volume
from xgen_studio.imaging.geometry import Triple, triple
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.spine.science.body import NoBodyError, Sampler, measure
from xgen_studio.wings.spine.science.counting import likely_names
from xgen_studio.wings.spine.science.frame import Floats
from xgen_studio.wings.spine.science.prior import shipped_prior
from xgen_studio.wings.spine.science.proposal import Proposed, bodies_of, on_grid, see, share_of
from xgen_studio.wings.spine.science.proposal_names import named
from xgen_studio.wings.spine.science.proposer import checked
from xgen_studio.wings.spine.science.shape import numbers_of
from xgen_studio.wings.spine.tasks.asks import BodiesProposed, Naming, ProposeBodies

METHOD = "bodies"


@dataclass(frozen=True, eq=False)
class Mask:
    """A proposed mask on a CT's grid: VerSe labels, centres and doubts by level, notes, and where
    it comes from."""

    labels: NDArray[np.uint8]
    centres: dict[str, Triple]
    doubts: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    source: str


def propose(ask: ProposeBodies, bench: Bench) -> Iterator[BodiesProposed]:
    """The task behind `ProposeBodies`."""
    ct = read_volume(ask.scan).to_lps()
    mask = proposed_mask(ct, ask.naming, ask.model, ask.device, bench)
    path = make_folder(ask.folder) / "labels.npy"
    np.save(path, mask.labels)
    yield BodiesProposed(path, mask.centres, mask.doubts, mask.notes, mask.source)


def proposed_mask(ct: Volume, naming: Naming, model: str, device: str, bench: Bench) -> Mask:
    """Bodies of a CT in LPS order, named. InputError where none is seen, or names disagree."""
    bundle = open_bundle(model)
    if METHOD not in bundle.methods:
        raise CallError(f"{bundle.name}: proposes no vertebrae; a model with '{METHOD}' does")
    where = bench.device(device)
    network = bench.kept(
        ("proposer", str(bundle.folder), str(where)),
        lambda: checked(bundle.model(METHOD, where), bundle.name),
    )
    with memory_guard(where):
        seen = see(network, ct, lambda done, total: bench.report(done, total, "looking"))
    found = bodies_of(seen)
    anchors = {level: np.array(point) for level, point in naming.anchors.items()}
    names, notes = named(found, anchors, naming.top, naming.extra, lambda: _guessed(found))
    labels = on_grid(found, names, ct)
    centres = {name: triple(found.centres[i]) for i, name in enumerate(names)}
    doubts = {names[number - 1]: said for number, said in found.doubts.items()}
    version = bundle.network_card(METHOD).sha256[:8]
    return Mask(labels, centres, doubts, notes, f"proposed by {bundle.name} ({version})")


def _guessed(found: Proposed) -> tuple[str, str]:
    """The likeliest name of the lowest body by the sizes of all, and what to say of it."""
    count = len(found.centres)
    sizes: list[Floats | None] = [None] * count
    for number in range(count, 0, -1):
        if number in found.doubts and number not in (1, count):
            break  # two in one, or one that is missing: above it the count may be wrong
        sizes[number - 1] = _size(found, number)
    likely = likely_names(sizes, shipped_prior())
    if not likely:
        raise InputError(
            f"{count} bodies are seen, more than T1 to L5; name one (--anchor or"
            " --top), and T13 or L6 where there is one (--extra)"
        )
    names, share = likely[0]
    others = ", ".join(f"{other[-1]} {100 * p:.0f} %" for other, p in likely[1:3] if p > 0.02)
    text = (
        f"numbering uncertain: no sacrum and no anchor says which vertebra is which; by their sizes"
        f" the lowest is {names[-1]} ({100 * share:.0f} % of what sizes leave open"
        + (f"; else {others}" if others else "")
        + "). Name one vertebra to be sure"
    )
    return names[-1], text


def _size(found: Proposed, number: int) -> Floats | None:
    """Log depth, width and height of a proposed body; None where it cannot be measured, or the
    border of the scan may cut it."""
    if number in (1, len(found.centres)) or number in found.doubts:
        return None
    up = found.centres[number - 2] - found.centres[number]
    try:
        sampler = Sampler.from_soft(found.grid, share_of(found, number))
        return numbers_of(measure(sampler, up))[:3]
    except NoBodyError:
        return None
