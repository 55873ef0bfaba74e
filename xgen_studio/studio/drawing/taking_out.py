"""Pictures leave the window: export, a series into a folder, drag and drop."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog

from xgen_studio.document import Picture
from xgen_studio.errors import InputError
from xgen_studio.imaging import write_png16
from xgen_studio.imaging.names import is_plain
from xgen_studio.studio.dialogs.count import ask_count
from xgen_studio.studio.dialogs.export import ExportDialog
from xgen_studio.studio.engine.queue import Job
from xgen_studio.tasks.drawing import Series
from xgen_studio.tasks.export import export_document, provenance_of

if TYPE_CHECKING:
    from xgen_studio.studio.drawing.page import DrawingPage

MOST = 10_000  # pictures of a series


def write_picture(page: DrawingPage, folder: Path) -> Path | None:
    """Write the picture that is shown into a folder, for dragging it out."""
    picture = page.picture()
    if picture is None:
        return None
    provenance = provenance_of(picture) or {}
    path = folder / f"{page.setup.name}-{_suffix(provenance)}.png"
    write_png16(path, picture.pixels, provenance or None, page.document.spacing)
    return path


def ask_export(page: DrawingPage) -> ExportDialog:
    """Open the export dialog."""
    page.settle()
    noun = page.setup.noun
    document, shown = page.document.snapshot(), page.picture()
    pictures = {}
    if shown is not None:
        pictures[f"the {noun} that is shown"] = shown
    if document.picture is not None and document.picture is not shown:
        kind = "kept" if document.picture.recipe else "opened"
        pictures[f"the {noun} that was {kind}"] = document.picture

    def export(
        folder: Path,
        name: str,
        formats: list[str],
        spacing: tuple[float, float] | None,
        picture: Picture | None,
        burned_in: bool,
    ) -> str:
        try:
            export_document(document, folder, name, formats, picture, spacing, burned_in)
        except InputError as error:
            return str(error)
        return ""

    dialog = ExportDialog(page.setup.name, Path.home(), document.spacing, pictures, export, page)
    dialog.open()
    return dialog


def ask_series(page: DrawingPage) -> Job | None:
    """Ask how many and where, and queue them."""
    count = ask_count("Draw many", "How many pictures of this mask?", 20, MOST, page)
    folder = QFileDialog.getExistingDirectory(page, "Folder for the pictures") if count else ""
    if not count or not folder:
        return None
    first = random.randrange(1, 10**6)
    # a folder of its own: nothing is overwritten
    own = Path(folder) / f"{page.setup.name}-{first}"
    page.docks["Jobs"].show()
    page.docks["Jobs"].raise_()
    asked = page.live.request(final=True).draw
    drawing = replace(asked.drawing, seed=first)
    series = Series(drawing, asked.mask, count, edit=asked.edit, folder=own)
    return page.queue.add(Job(f"{count} pictures", series, count, folder=str(own)))


def _suffix(provenance: Mapping[str, Any]) -> str:
    """What tells a file from others of the same drawing; never more than a plain word."""
    seed = provenance.get("seed")
    return str(seed) if is_plain(str(seed)) else "picture"
