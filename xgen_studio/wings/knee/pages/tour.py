"""The tour of the knee page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xgen_studio.studio.drawing.page import DrawingPage
from xgen_studio.studio.tour import Stop

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


def stops(window: Window) -> list[Stop]:
    """What is said, and beside what."""
    page = window.page
    assert isinstance(page, DrawingPage)
    return [
        Stop(
            "Paint here: left drag paints, right drag erases. The wheel zooms, Space drags the"
            " picture.",
            lambda: page.drawing,
        ),
        Stop(
            "The radiograph follows your brush, and is finished when you lift it. It is"
            " synthetic, and says so wherever it goes.",
            lambda: page.outcome,
        ),
        Stop(
            "What you paint. The eye hides a label, the lock protects it, a right click"
            " renames it.",
            lambda: page.labels,
        ),
        Stop(
            "How the radiograph is made: quality, arthritis grade, seed. Y keeps a picture,"
            " V draws variations of it.",
            lambda: page.panel,
        ),
        Stop(
            "Ctrl+K finds everything by a few letters. Shapes > Whole knee drops a knee that"
            " you can bend. Try one stroke now.",
            lambda: window.menuBar(),
        ),
    ]
