"""Start the studio."""

from __future__ import annotations

import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from xgen_studio.studio.theme import apply_theme
from xgen_studio.studio.window import Window

SWITCH_INTERVAL = 0.0005  # s: a busy thread hands the interpreter to the window sooner


def run(theme: str = "system") -> int:
    """Open the window; returns the exit code when it closes."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication(["xgen"])
    app.setApplicationName("XGen Studio")
    apply_theme(app, theme)
    window = Window()
    window.resize(1280, 800)
    window.show()
    QTimer.singleShot(0, window.offer_recovery)
    return app.exec()
