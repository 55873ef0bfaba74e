"""What a training began with, so that a model's card can count all that is behind it."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.bundles import read_bundle
from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import file_hash, write_json
from xgen_studio.paths import CARD

ORIGIN = "origin.json"


def note_origin(run: Path, weights: Path) -> None:
    """Write down the weights a run starts from, and the training its bundle says is behind them."""
    steps = examples = 0
    if (weights.parent / CARD).is_file():
        for card in read_bundle(weights.parent).networks.values():
            if card.file == weights.name:
                steps, examples = card.steps, card.examples
    origin = {"weights_sha256": file_hash(weights), "steps": steps, "examples": examples}
    write_json(run / ORIGIN, origin)


def behind(run: Path) -> tuple[int, int]:
    """Steps and examples before the run's own first step."""
    path = run / ORIGIN
    if not path.is_file():
        return 0, 0
    origin = read_json(path)
    try:
        return int(origin["steps"]), int(origin["examples"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: does not say what the run began with; remove it") from error
