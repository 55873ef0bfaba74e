"""Propose the vertebral bodies of a CT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import CallError
from xgen_studio.imaging import Volume, make_folder, read_volume
from xgen_studio.imaging.geometry import Triple, triple
from xgen_studio.networks.memory import memory_guard
from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.spine.science.proposal import bodies_of, named, on_grid, see
from xgen_studio.wings.spine.science.proposer import checked
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
    names, notes = named(found, anchors, naming.top, naming.extra)
    labels = on_grid(found, names, ct)
    centres = {name: triple(found.centres[i]) for i, name in enumerate(names)}
    doubts = {names[number - 1]: said for number, said in found.doubts.items()}
    version = bundle.network_card(METHOD).sha256[:8]
    return Mask(labels, centres, doubts, notes, f"proposed by {bundle.name} ({version}), unedited")
