"""The model bundles of this installation."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.diffusion.bundle import CARD, Bundle, read_bundle
from xgen_studio.errors import CallError
from xgen_studio.paths import model_folders


def bundle_folders() -> dict[str, Path]:
    """Folder of every bundle found, by name; the first of a name wins."""
    found: dict[str, Path] = {}
    for parent in model_folders():
        for card in sorted(parent.glob(f"*/{CARD}")):
            found.setdefault(card.parent.name, card.parent)
    return found


def open_bundle(model: str) -> Bundle:
    """The bundle of that name, or in that folder; CallError says which there are."""
    folders = bundle_folders()
    if model in folders:
        return read_bundle(folders[model])
    if (Path(model) / CARD).is_file():
        return read_bundle(Path(model))
    there = ", ".join(folders) or "none (models/ is empty)"
    raise CallError(f"no model is called '{model}'; there is {there}")
