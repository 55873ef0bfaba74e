"""Variations: the same drawing by other seeds, side by side, to keep or to discard."""

from __future__ import annotations

import random

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.document import Picture
from xgen_studio.studio.engine.live import Live
from xgen_studio.studio.engine.queue import Job, JobQueue
from xgen_studio.studio.fields import WholeField
from xgen_studio.studio.icons import icon
from xgen_studio.tasks.drawing import Series

MOST = 60  # pictures kept in the strip
HEIGHT = 92  # px of a thumbnail
PICTURE = Qt.ItemDataRole.UserRole


class VariationStrip(QWidget):
    """Thumbnails in a row; the chosen one is shown large, Y keeps it, N discards it."""

    chosen = Signal(object)  # Picture
    discarded = Signal()  # the one that was chosen

    def __init__(self, live: Live, queue: JobQueue) -> None:
        super().__init__()
        self.live, self.queue = live, queue
        self.count = WholeField(minimum=1, maximum=24, value=6)
        self.count.setAccessibleName("how many variations")
        self.more = QPushButton(icon("dice"), "Vary")
        self.more.setToolTip("Draw the same mask by other seeds (V)")
        self.discard_one = QPushButton("Discard")
        self.discard_one.setToolTip("Discard the chosen variation (N)")
        self.discard_all = QPushButton("Discard all")
        self.list = QListWidget()
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(4)
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setFixedHeight(HEIGHT + 44)
        self.list.setAccessibleName("variations")
        side = QVBoxLayout()
        top = QHBoxLayout()
        top.addWidget(self.count)
        top.addWidget(self.more, 1)
        side.addLayout(top)
        side.addWidget(self.discard_one)
        side.addWidget(self.discard_all)
        side.addStretch()
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 4, 8, 4)
        line.addLayout(side)
        self.setMaximumHeight(HEIGHT + 60)
        line.addWidget(self.list, 1)
        self.more.clicked.connect(self.vary)
        self.discard_one.clicked.connect(self.discard)
        self.discard_all.clicked.connect(self.list.clear)
        self.list.currentItemChanged.connect(self._choose)

    def vary(self) -> Job:
        """Draw the document by as many other seeds."""
        n = self.count.value()
        asked = self.live.request(final=True)
        seeds = tuple(random.sample(range(1, 10**6), n))
        series = Series(asked.draw.drawing, asked.draw.mask, n, seeds, asked.draw.edit)
        job = Job(f"{n} variations", series, n, owner=self)
        job.on_told = lambda drawn: self.add(asked.picture(drawn))
        return self.queue.add(job)

    def add(self, picture: Picture) -> None:
        """Append a thumbnail; the oldest go when there are too many."""
        pixels = np.ascontiguousarray((picture.pixels.clip(0, 1) * 255).astype(np.uint8))
        height, width = pixels.shape
        image = QImage(pixels.data, width, height, width, QImage.Format.Format_Grayscale8)
        scaled = QPixmap.fromImage(image).scaledToHeight(
            HEIGHT, Qt.TransformationMode.SmoothTransformation
        )
        self.list.setIconSize(QSize(scaled.width(), HEIGHT))
        seed = (picture.provenance or {}).get("seed")
        item = QListWidgetItem(QIcon(scaled), f"seed {seed}")
        item.setData(PICTURE, picture)
        item.setToolTip(f"Seed {seed}. Y keeps it, N discards it.")
        self.list.addItem(item)
        while self.list.count() > MOST:
            self.list.takeItem(0)

    def discard(self) -> None:
        """Take the chosen variation away."""
        row = self.list.currentRow()
        if row >= 0:
            self.list.blockSignals(True)
            self.list.takeItem(row)
            self.list.blockSignals(False)
            self.unchoose()
            self.discarded.emit()

    def close_strip(self) -> None:
        """Its document goes: nobody waits for its variations."""
        self.queue.leave(self)

    def current(self) -> Picture | None:
        """The chosen variation."""
        item = self.list.currentItem()
        return item.data(PICTURE) if item else None

    def unchoose(self) -> None:
        """The live picture is shown again."""
        self.list.blockSignals(True)
        self.list.setCurrentItem(None)
        self.list.clearSelection()
        self.list.blockSignals(False)

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(PICTURE))
