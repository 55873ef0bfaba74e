"""Colours of grades, and what else the page's pictures share."""

from __future__ import annotations

from PySide6.QtGui import QColor

from xgen_studio.wings.spine.tasks.report_drawings import colour_of

REAL, HEALTHY = QColor("#3ec6ff"), QColor("#ffb020")  # outlines on grey
WARNING, WARNING_ON_LIGHT = QColor("#e0a030"), QColor("#985700")
LETTERS = {"wedge": "W", "biconcave": "B", "crush": "C", "": ""}


def grade_colour(grade: int | None) -> QColor:
    """The report's colour of a grade; grey where there is none."""
    return QColor(*colour_of(grade))
