"""Pictures leave the window: export, a series into a folder, drag and drop."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QInputDialog

from xgen_studio.document import Picture
from xgen_studio.errors import InputError
from xgen_studio.imaging import write_png16
from xgen_studio.jobs.export import export_document, provenance_of
from xgen_studio.studio.dialogs.export import ExportDialog
from xgen_studio.studio.engine.queue import QueuedSeries

if TYPE_CHECKING:
    from xgen_studio.studio.knee.page import KneePage

MOST = 10_000  # pictures of a series


def write_picture(page: KneePage, folder: Path) -> Path | None:
    """Write the radiograph that is shown into a folder, for dragging it out."""
    picture = page.picture()
    if picture is None:
        return None
    provenance = provenance_of(picture) or {}
    path = folder / f"knee-{provenance.get('seed') or provenance.get('method', 'picture')}.png"
    write_png16(path, picture.pixels, provenance or None, page.document.spacing)
    return path


def ask_export(page: KneePage) -> ExportDialog:
    """Open the export dialog."""
    page.settle()
    document, shown = page.document.snapshot(), page.picture()
    pictures = {}
    if shown is not None:
        pictures["the radiograph that is shown"] = shown
    if document.picture is not None and document.picture is not shown:
        kind = "kept" if document.picture.recipe else "opened"
        pictures[f"the radiograph that was {kind}"] = document.picture

    def export(
        folder: Path,
        name: str,
        formats: list[str],
        spacing: tuple[float, float] | None,
        picture: Picture | None,
    ) -> str:
        try:
            export_document(document, folder, name, formats, picture, spacing)
        except InputError as error:
            return str(error)
        return ""

    dialog = ExportDialog("knee", Path.home(), document.spacing, pictures, export, page)
    dialog.open()
    return dialog


def ask_series(page: KneePage) -> QueuedSeries | None:
    """Ask how many and where, and queue them."""
    count, good = QInputDialog.getInt(
        page, "Draw many", "How many pictures of this mask?", 20, 1, MOST
    )
    folder = QFileDialog.getExistingDirectory(page, "Folder for the pictures") if good else ""
    if not folder:
        return None
    first = random.randrange(1, 10**6)
    own = Path(folder) / f"knee-{first}"  # a folder of its own: nothing is overwritten
    page.docks["Jobs"].show()
    page.docks["Jobs"].raise_()
    return page.queue.add(
        QueuedSeries(
            f"{count} pictures",
            str(own),
            request=page.live.request(final=True),
            seeds=tuple(range(first, first + count)),
        )
    )
