"""Start the studio."""

from __future__ import annotations

import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from xgen_studio.studio.recovery import offer_recovery
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.theme import apply_theme
from xgen_studio.studio.window import Window

SWITCH_INTERVAL = 0.0005  # s: a busy thread hands the interpreter to the window sooner


def run() -> int:
    """Open the window; returns the exit code when it closes."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication(["xgen"])
    app.setApplicationName("XGen Studio")
    settings = Settings()
    apply_theme(app, settings.now.theme)
    window = Window(settings)
    if not settings.now.layout.get("window"):
        room = window.screen().availableSize()
        wide, high = max(1280, round(room.width() * 0.8)), max(800, round(room.height() * 0.8))
        window.resize(min(room.width(), wide), min(room.height(), high))
    window.show()
    QTimer.singleShot(0, lambda: begin(window))
    return app.exec()


def begin(window: Window) -> None:
    """What a killed window left comes first; then, once, the tour."""
    offer_recovery(window)
    if not window.settings.now.tour_seen:
        window.start_tour()
