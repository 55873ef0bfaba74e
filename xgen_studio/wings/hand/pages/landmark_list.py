"""The 37 landmarks as a list: which are placed, occluded, absent, and which is in hand."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QListWidget

from xgen_studio.wings.hand.pages.colours import of_landmark
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import NAMES

DOT = 14  # px of the signs


def _dot(colour: QColor, state: State, left_out: bool) -> QIcon:
    """Full, hollow where the landmark is occluded, crossed where it was left out, nothing where it
    is absent otherwise."""
    picture = QPixmap(DOT, DOT)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    if left_out:
        painter.setPen(QPen(colour, 1.6))
        painter.drawLine(3, 3, DOT - 4, DOT - 4)
        painter.drawLine(3, DOT - 4, DOT - 4, 3)
    elif state is not State.ABSENT:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour.darker(140), 1.4))
        painter.setBrush(colour if state is State.PLACED else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(2, 2, DOT - 5, DOT - 5)
    painter.end()
    return QIcon(picture)


class LandmarkList(QListWidget):
    """A row for each landmark."""

    chosen = Signal(int)  # a landmark, by the user

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("landmarks")
        self.addItems([f"{number} {name}" for number, name in enumerate(NAMES)])
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.sizeHintForColumn(0) + DOT + bar + 8)  # whole names
        self.currentRowChanged.connect(self._row_changed)

    def _row_changed(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(row)

    def show_states(self, now: Annotation) -> None:
        """Follow the landmarks as they are set."""
        palette = self.palette()
        for landmark, state in enumerate(now.states):
            absent, left_out = state is State.ABSENT, landmark in now.left_out
            item = self.item(landmark)
            item.setIcon(_dot(of_landmark(landmark), state, left_out))
            item.setForeground((palette.placeholderText() if absent else palette.text()).color())
            item.setToolTip("left out" if left_out else state.name.lower())

    def take(self, landmark: int | None) -> None:
        """Show which landmark is in hand."""
        with QSignalBlocker(self):
            self.setCurrentRow(-1 if landmark is None else landmark)
