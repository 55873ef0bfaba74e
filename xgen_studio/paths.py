"""Where things lie: the package's own data, model bundles, the user's data."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MODELS = PACKAGE / "models"  # the bundles that are shipped
CARD = "model.toml"  # of a model bundle


def model_folders() -> list[Path]:
    """Folders that hold model bundles: `XGEN_MODELS` (colon-separated) before the shipped ones."""
    extra = [Path(p) for p in os.environ.get("XGEN_MODELS", "").split(os.pathsep) if p]
    return [*extra, MODELS]


def missing_model_folders() -> list[Path]:
    """Those of `XGEN_MODELS` that are not there: a shipped model of the same name would stand in
    for one of theirs, and nobody would know."""
    return [folder for folder in model_folders() if not folder.is_dir()]


def bundle_folders() -> dict[str, Path]:
    """Folder of every model bundle found, by name; the first of a name wins."""
    found: dict[str, Path] = {}
    for parent in model_folders():
        for card in sorted(parent.glob(f"*/{CARD}")):
            found.setdefault(card.parent.name, card.parent)
    return found


def shared_data() -> Path | None:
    """The folder of real data: `XGEN_DATA`, else ../shared/data beside the checkout, else None."""
    named = os.environ.get("XGEN_DATA")
    if named:
        return Path(named)
    beside = PACKAGE.parent.parent / "shared" / "data"
    return beside if beside.is_dir() else None
