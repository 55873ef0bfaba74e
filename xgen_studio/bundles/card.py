"""What a card says of one network, and how cards of before are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class NetworkCard:
    """One network of a bundle."""

    file: str
    sha256: str
    architecture: str
    options: dict[str, Any] = field(default_factory=dict)
    kind: str = "denoiser"  # how it is loaded, see `kinds`
    process: str = "edm"
    process_options: dict[str, Any] = field(default_factory=dict)
    steps: int = 0  # training steps behind the weights
    examples: int = 0  # training examples seen
    unconditional: float = 0.0  # share of examples trained without condition


def bundle_card(table: dict[str, Any]) -> dict[str, Any]:
    """A card's table as it is read today. Cards of before said `regression = true`, and nothing of
    autoencoders and localisers, whose architecture is their kind."""
    networks = table.get("networks")
    if not isinstance(networks, dict):
        return table
    today = {}
    for name, card in networks.items():
        if isinstance(card, dict) and "kind" not in card:
            card = dict(card)
            own = card.get("architecture")
            usual = own if own in ("vae", "localiser") else "denoiser"
            card["kind"] = "regression" if card.pop("regression", False) is True else usual
        today[name] = card
    return {**table, "networks": today}
