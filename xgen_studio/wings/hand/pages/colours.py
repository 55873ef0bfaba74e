"""The colours of decisions and costs: told apart by brightness, too, and never alone."""

from __future__ import annotations

from PySide6.QtGui import QColor

from xgen_studio.wings.hand.tasks.overlay import colour_of

STATE = {
    "accepted": QColor("#35a764"),
    "rejected": QColor("#d9534a"),
    "accepted by hand": QColor("#3b8ee0"),
    "rejected by hand": QColor("#b04ac2"),
}
SIGN = {
    "accepted": "✓",
    "rejected": "✗",
    "accepted by hand": "✓ by hand",
    "rejected by hand": "✗ by hand",
}


def of_landmark(landmark: int) -> QColor:
    """The colour of a landmark's finger."""
    return QColor(*colour_of(landmark))


def of_cost(share: float) -> QColor:
    """From green (0: as usual) over yellow to red (1: at the limit or beyond)."""
    share = min(max(share, 0.0), 1.0)
    return QColor.fromHsvF((1 - share) * 0.36, 0.85, 0.95)
