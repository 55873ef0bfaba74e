"""What a training began with, so that a model's card can count all that is behind it."""

from __future__ import annotations

import json
from pathlib import Path

from xgen_studio.bundles import read_bundle
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
    origin = json.loads(path.read_text(encoding="utf-8"))
    return int(origin["steps"]), int(origin["examples"])
