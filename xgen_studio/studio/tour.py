"""The tour of a first start: a few sentences, each beside what it speaks of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from xgen_studio.studio.words import Words

ROOM = 8  # px around what is spoken of


@dataclass(frozen=True)
class Stop:
    """One sentence and the widget it belongs to."""

    text: str
    widget: Callable[[], QWidget]


class Tour(QWidget):
    """Darkens the window but for one widget. Enter or a click goes on, Esc ends it."""

    def __init__(self, window: QWidget, stops: list[Stop], ended: Callable[[], object]) -> None:
        super().__init__(window)
        self.stops, self._ended, self.at = stops, ended, 0
        self.box = QFrame(self)
        self.box.setAutoFillBackground(True)
        self.box.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = Words()
        self.text.setWordWrap(True)
        self.text.setFixedWidth(300)
        self.next, skip = QPushButton("Next"), QPushButton("Skip the tour")
        self.next.clicked.connect(self.go_on)
        skip.clicked.connect(self.end)
        self.count = Words()
        self.count.setProperty("role", "faint")
        line = QHBoxLayout()
        line.addWidget(self.count)
        line.addStretch()
        line.addWidget(skip)
        line.addWidget(self.next)
        column = QVBoxLayout(self.box)
        column.addWidget(self.text)
        column.addLayout(line)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.resize(window.size())
        self._show()
        self.show()
        self.raise_()
        self.setFocus()

    def _spot(self) -> QRect:
        widget = self.stops[self.at].widget()
        corner = widget.mapTo(self.window(), QPoint(0, 0))
        return QRect(corner, widget.size()).adjusted(-ROOM, -ROOM, ROOM, ROOM)

    def _show(self) -> None:
        stop, last = self.stops[self.at], self.at == len(self.stops) - 1
        self.text.setText(stop.text)
        self.count.setText(f"{self.at + 1} of {len(self.stops)}")
        self.next.setText("Start" if last else "Next")
        self.box.adjustSize()
        spot, size = self._spot(), self.box.size()
        middle = spot.center().y() - size.height() // 2
        if spot.left() > size.width() + 30:
            place = QPoint(spot.left() - size.width() - 16, middle)
        elif self.width() - spot.right() > size.width() + 30:
            place = QPoint(spot.right() + 16, middle)
        elif self.height() - spot.bottom() > size.height() + 30:
            place = QPoint(spot.center().x() - size.width() // 2, spot.bottom() + 16)
        else:
            place = QPoint(spot.center().x() - size.width() // 2, spot.center().y())
        x = min(max(place.x(), 10), self.width() - size.width() - 10)
        y = min(max(place.y(), 10), self.height() - size.height() - 10)
        self.box.move(x, y)
        self.update()

    def follow(self) -> None:
        """The window has another size."""
        self.resize(self.window().size())
        self._show()

    def go_on(self) -> None:
        """The next sentence, or the end."""
        if self.at + 1 < len(self.stops):
            self.at += 1
            self._show()
        else:
            self.end()

    def end(self) -> None:
        """Give the window back."""
        if self.isHidden():
            return
        self.hide()
        self.deleteLater()
        self._ended()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.go_on()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.go_on()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dark, spot = QPainterPath(), QPainterPath()
        dark.addRect(QRectF(self.rect()))
        spot.addRoundedRect(QRectF(self._spot()), 8, 8)
        painter.fillPath(dark.subtracted(spot), QColor(0, 0, 0, 150))
        painter.setPen(QPen(QColor("#4c9be8"), 2))
        painter.drawPath(spot)
