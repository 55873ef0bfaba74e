"""The model bundles of this installation."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.diffusion.bundle import Bundle, read_bundle
from xgen_studio.errors import CallError
from xgen_studio.paths import CARD, bundle_folders


def open_bundle(model: str) -> Bundle:
    """The bundle of that name, or in that folder; CallError says which there are."""
    folders = bundle_folders()
    if model in folders:
        return read_bundle(folders[model])
    if (Path(model) / CARD).is_file():
        return read_bundle(Path(model))
    there = ", ".join(folders) or "none (models/ is empty)"
    raise CallError(f"no model is called '{model}'; there is {there}")
