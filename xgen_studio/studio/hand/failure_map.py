"""Where hands fail: the mean hand, each landmark as large and red as it is often at fault."""

from __future__ import annotations

import itertools

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from xgen_studio.anatomy.hand.landmarks import FINGERS, NAMES
from xgen_studio.jobs.review import Review
from xgen_studio.studio.hand.colours import of_cost


class FailureMap(QWidget):
    """Hover a landmark for its share."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(220)
        self.setMouseTracking(True)
        self.setAccessibleName("failure map on the mean hand")
        self._mean = np.zeros((0, 2))
        self._share = np.zeros(0)

    def show_review(self, review: Review | None) -> None:
        """Count anew."""
        if review is None:
            self._mean = np.zeros((0, 2))
        else:
            self._mean, self._share = review.gate.norms.shape.mean, review.failures()
        self.update()

    def _places(self) -> list[QPointF]:
        low, high = self._mean.min(0), self._mean.max(0)
        scale = min((self.width() - 40) / (high - low)[0], (self.height() - 40) / (high - low)[1])
        middle = (low + high) / 2
        return [
            QPointF(self.width() / 2 + (x - middle[0]) * scale,
                    self.height() / 2 + (y - middle[1]) * scale)
            for x, y in self._mean
        ]  # fmt: skip

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self._mean):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        at = self._places()
        line = QColor(self.palette().mid().color())
        painter.setPen(QPen(line, 1.5))
        for finger in FINGERS:
            for a, b in itertools.pairwise(finger):
                painter.drawLine(at[a], at[b])
        top = max(float(self._share.max()), 1e-9)
        for place, share in zip(at, self._share, strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(of_cost(float(share) / top) if share > 0 else line)
            radius = 3 + 9 * np.sqrt(float(share) / top)
            painter.drawEllipse(place, radius, radius)

    def mouseMoveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if not len(self._mean):
            return
        point = event.position()
        off = [(place - point).manhattanLength() for place in self._places()]
        nearest = int(np.argmin(off))
        text = f"{NAMES[nearest]}: at fault in {100 * self._share[nearest]:.1f} % of rejected hands"
        QToolTip.showText(event.globalPosition().toPoint(), text if off[nearest] < 16 else "", self)
