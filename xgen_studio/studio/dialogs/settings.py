"""Settings: each holds at once; there is nothing to confirm."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.fields import WholeField
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.words import Words


class SettingsDialog(QDialog):
    """Theme, live drawing, memory for undo."""

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        now = settings.now
        self.theme = QComboBox()
        for title, value in (("As the desktop", "system"), ("Dark", "dark"), ("Light", "light")):
            self.theme.addItem(title, value)
        self.theme.setCurrentIndex(self.theme.findData(now.theme))
        self.preview = WholeField(minimum=1, maximum=8, value=now.preview_steps)
        self.preview.setToolTip("More is closer to the finished picture, and slower")
        self.memory = WholeField(minimum=16, maximum=16_384, value=now.history_mib, suffix=" MiB")
        self.memory.setSingleStep(64)
        tour = QPushButton("Show the tour at the next start")
        tour.clicked.connect(lambda: settings.put(tour_seen=False))
        form = QFormLayout()
        form.addRow("Theme", self.theme)
        form.addRow("Evaluations of a preview", self.preview)
        form.addRow("Memory for undo", self.memory)
        form.addRow("", tour)
        where = Words(f"Kept in {settings.file}")
        where.setProperty("role", "faint")
        where.setWordWrap(True)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(where)
        column.addWidget(close)
        self.resize(420, 240)
        self.theme.currentIndexChanged.connect(lambda: settings.put(theme=self.theme.currentData()))
        self.preview.valueChanged.connect(lambda value: settings.put(preview_steps=value))
        self.memory.valueChanged.connect(lambda value: settings.put(history_mib=value))
