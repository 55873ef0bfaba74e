"""The main window: workspaces, menus, status."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QLabel, QMainWindow

from xgen_studio.studio.engine import Engine
from xgen_studio.studio.knee.page import KneePage


class Window(QMainWindow):
    """XGen Studio."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("XGen Studio")
        self.engine = Engine(self)
        self.page = KneePage(self.engine, self)
        self.setCentralWidget(self.page)
        self._menus()
        notice = QLabel("Synthetic images for research and teaching, not for diagnosis")
        notice.setProperty("role", "faint")
        self.statusBar().addWidget(self.page.probe, 1)
        self.statusBar().addPermanentWidget(notice)
        QTimer.singleShot(0, self.engine.start)  # after the first paint

    def _menus(self) -> None:
        actions = self.page.actions_
        bar = self.menuBar()
        for title, prefixes in (
            ("&Edit", ("edit.",)), ("&View", ("view.", "mask.")), ("&Tools", ("tool.", "brush.")),
            ("&Label", ("label.",)), ("&Radiograph", ("draw.",)),
        ):  # fmt: skip
            menu = bar.addMenu(title)
            for id, action in actions.by_id.items():
                if id.startswith(prefixes):
                    menu.addAction(action)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.engine.stop()
        super().closeEvent(event)
