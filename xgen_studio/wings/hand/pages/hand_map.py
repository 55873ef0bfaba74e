"""The mean hand as a small map of the landmarks: where runs fail, or which landmark is due."""

from __future__ import annotations

import itertools

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from xgen_studio.wings.hand.pages.colours import STATE, of_landmark
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import COUNT, FINGERS, NAMES, Points
from xgen_studio.wings.hand.tasks.review import Review

MARGIN = 20.0  # px
REACH = 16.0  # px about a landmark in which the mouse means it


class HandMap(QWidget):
    """The mean hand's landmarks, joined along the fingers. Hovering one names it."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setAccessibleName(title)
        self._mean: Points | None = None

    def sizeHint(self) -> QSize:
        return QSize(200, 240)

    def at(self) -> list[QPointF]:
        """Where the landmarks lie in the widget; none without a hand."""
        if self._mean is None:
            return []
        low, high = self._mean.min(0), self._mean.max(0)
        room = np.array([self.width(), self.height()]) - 2 * MARGIN
        scale = float((room / (high - low)).min())
        places = (self._mean - (low + high) / 2) * scale + (self.width() / 2, self.height() / 2)
        return [QPointF(x, y) for x, y in places.tolist()]

    def paintEvent(self, event: QPaintEvent) -> None:
        at = self.at()
        if not at:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().mid().color(), 1.5))
        for finger in FINGERS:
            for a, b in itertools.pairwise(finger):
                painter.drawLine(at[a], at[b])
        self.paint_landmarks(painter, at)

    def paint_landmarks(self, painter: QPainter, at: list[QPointF]) -> None:
        """The landmarks, over the fingers' lines."""
        raise NotImplementedError

    def words(self, landmark: int) -> str:
        """What hovering a landmark says."""
        return f"{landmark} {NAMES[landmark]}"

    def under(self, point: QPointF) -> int | None:
        """The landmark that the mouse means."""
        off = [(place - point).manhattanLength() for place in self.at()]
        return int(np.argmin(off)) if off and min(off) < REACH else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        landmark = self.under(event.position())
        text = self.words(landmark) if landmark is not None else ""
        QToolTip.showText(event.globalPosition().toPoint(), text, self)


class FailureMap(HandMap):
    """Where rejected hands fail: each landmark as large and red as it is often at fault."""

    def __init__(self) -> None:
        super().__init__("failure map on the mean hand")
        self.setMinimumHeight(160)
        self._share = np.zeros(COUNT)

    def show_review(self, review: Review | None) -> None:
        """Count anew."""
        self._mean = None if review is None else review.gate.norms.shape.mean
        self._share = np.zeros(COUNT) if review is None else review.failures()
        self.update()

    def paint_landmarks(self, painter: QPainter, at: list[QPointF]) -> None:
        top = max(float(self._share.max()), 1e-9)
        painter.setPen(Qt.PenStyle.NoPen)
        for place, share in zip(at, self._share.tolist(), strict=True):
            part = (share / top) ** 0.5
            colour = QColor(STATE["rejected"])
            colour.setAlphaF(0.3 + 0.7 * part)
            painter.setBrush(colour if share > 0 else self.palette().mid().color())
            painter.drawEllipse(place, 3 + 9 * part, 3 + 9 * part)

    def words(self, landmark: int) -> str:
        share = 100 * self._share[landmark]
        return f"{super().words(landmark)}: at fault in {share:.1f} % of rejected hands"


class TemplateMap(HandMap):
    """What the 37 landmarks are: those placed are full, those left out crossed, the one that is due
    is ringed and named."""

    chosen = Signal(int)  # a landmark that was clicked

    def __init__(self) -> None:
        super().__init__("template of the 37 landmarks")
        self.setMinimumHeight(270)
        self._mean = load_gate().norms.shape.mean
        self._now = Annotation.empty()
        self._due: int | None = None

    def show_states(self, now: Annotation, due: int | None) -> None:
        """Follow the landmarks as they are set."""
        self._now, self._due = now, due
        self.update()

    def paint_landmarks(self, painter: QPainter, at: list[QPointF]) -> None:
        for landmark, place in enumerate(at):
            colour = of_landmark(landmark)
            painter.setPen(QPen(colour, 1.4))
            if landmark in self._now.left_out:
                painter.drawLine(place + QPointF(-3, -3), place + QPointF(3, 3))
                painter.drawLine(place + QPointF(-3, 3), place + QPointF(3, -3))
                continue
            hollow = self._now.states[landmark] is not State.PLACED
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else colour)
            painter.drawEllipse(place, 3, 3)
        if self._due is None:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        ink = self.palette().text().color()
        painter.setPen(QPen(ink, 2))
        painter.drawEllipse(at[self._due], 8, 8)
        font = QFont(painter.font())
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(at[self._due] + QPointF(11, -6), str(self._due))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        landmark = self.under(event.position())
        if landmark is not None:
            self.chosen.emit(landmark)
