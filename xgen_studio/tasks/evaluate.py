"""Evaluate a model on held-out data as its wing does; the table, in one form for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from xgen_studio.bundles import Bundle, open_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import atomic_write, make_folder, write_json
from xgen_studio.paths import CARD
from xgen_studio.registry import wing
from xgen_studio.tasks.asks import Evaluate
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.bundling import write_measured
from xgen_studio.tasks.targets import check_free
from xgen_studio.wing import resolve

TABLE, TEXT = "table.json", "table.md"


@dataclass(frozen=True)
class Evaluation:
    """What was measured: as numbers, as Markdown, and in words for the model's card."""

    table: dict[str, Any]
    text: str
    measured: dict[str, str]


def evaluate(ask: Evaluate, bench: Bench) -> Iterator[Evaluation]:
    """Measure, write the tables, and tell them."""
    bundle = open_bundle(ask.model)
    own = wing(bundle.anatomy)
    if not own.evaluate:
        raise InputError(f"{bundle.name}: no evaluation is known for the {own.name}")
    known = {option.name for option in own.evaluate_options}
    for name in ask.values:
        if name not in known:
            raise CallError(f"{bundle.name}: is a model of the {own.name}; leave out --{name}")
    check_free([ask.out / TABLE, ask.out / TEXT, *sorted(ask.out.glob("*.png"))], ask.overwrite)
    measure: Callable[[Evaluate, Bundle, Bench], Evaluation] = resolve(own.evaluate)
    found = measure(ask, bundle, bench)
    make_folder(ask.out)
    write_json(ask.out / TABLE, found.table)
    with atomic_write(ask.out / TEXT) as temporary:
        temporary.write_text(found.text, encoding="utf-8")
    if ask.record:
        record(bundle, found)
    yield found


def weights_of(bundle: Bundle) -> dict[str, str]:
    """The SHA-256 of every network of a bundle."""
    return {name: card.sha256 for name, card in bundle.networks.items()}


def record(bundle: Bundle, found: Evaluation) -> None:
    """Write figures into the bundle's card, as `xgen models` and the studio show them.

    CallError where they are of other weights than the bundle holds by now.
    """
    if weights_of(open_bundle(str(bundle.folder))) != weights_of(bundle):
        raise CallError(f"{bundle.folder / CARD}: the table was measured with other weights")
    write_measured(bundle.folder, found.measured)
