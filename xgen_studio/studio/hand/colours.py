"""The colours of decisions and costs: told apart by brightness, too, and never alone."""

from __future__ import annotations

from PySide6.QtGui import QColor

STATE = {
    "accepted": QColor("#35a764"),
    "rejected": QColor("#d9534a"),
    "accepted by hand": QColor("#3b8ee0"),
    "rejected by hand": QColor("#b04ac2"),
}
SIGN = {
    "accepted": "✓", "rejected": "✗", "accepted by hand": "✓ by hand",
    "rejected by hand": "✗ by hand",
}  # fmt: skip
FINGERS = tuple(
    QColor(c) for c in ("#f4a742", "#f2e14c", "#67d46f", "#5bc8f2", "#b39bf5")
)  # thumb to little finger
REST = QColor("#f07fa0")  # wrist and carpus


def of_landmark(landmark: int) -> QColor:
    """The colour of a landmark's finger."""
    from xgen_studio.anatomy.hand.landmarks import FINGERS as CHAINS

    for finger, chain in enumerate(CHAINS):
        if landmark in chain[1:]:
            return FINGERS[finger]
    return REST


def of_cost(share: float) -> QColor:
    """From green (0: as usual) over yellow to red (1: at the limit or beyond)."""
    share = min(max(share, 0.0), 1.0)
    return QColor.fromHsvF((1 - share) * 0.36, 0.85, 0.95)
