"""The tour of the spine page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xgen_studio.studio.tour import Stop
from xgen_studio.wings.spine.pages.page import SpinePage

if TYPE_CHECKING:
    from xgen_studio.studio.window import Window


def stops(window: Window) -> list[Stop]:
    """What is said, and beside what."""
    page = window.page
    assert isinstance(page, SpinePage)
    return [
        Stop(
            "Open a CT, then its mask, or let the vertebral bodies be proposed: mark one vertebra"
            " and name it, the others are counted from it.",
            lambda: page.tabs,
        ),
        Stop(
            "Three planes follow one cursor. Click a vertebra to choose it; a right click says that"
            " it is another one, and all names follow.",
            lambda: page.stack,
        ),
        Stop(
            "Grade, type (W wedge, B biconcave, C crush) and the loss of the worst third in per"
            " cent with its interval. A triangle: look closer.",
            lambda: page.strip,
        ),
        Stop(
            "The brush is as large as it says in mm, a disc or a ball, and may be held to HU. What"
            " you mend is measured again by itself.",
            lambda: page.brush_bar,
        ),
        Stop(
            "Why it has this grade, and what lowers the confidence. You may overrule it with a"
            " reason, which the report keeps. All can be undone.",
            lambda: page.card,
        ),
    ]
