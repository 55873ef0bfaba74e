"""What is drawn over one hand: labels, the edges of the field by their cost, the mean hand as a
ghost, the worst bone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from xgen_studio.studio.canvas import Canvas, Layer
from xgen_studio.wings.hand.pages.colours import of_cost, of_landmark
from xgen_studio.wings.hand.science.gate import Gate, Screening
from xgen_studio.wings.hand.science.landmarks import FINGERS, NAMES
from xgen_studio.wings.hand.science.measures import bone_z, edge_costs
from xgen_studio.wings.hand.science.norms import BONES

GHOST = QColor(255, 255, 255, 110)
WORST = QColor(255, 70, 60)
ABSENT_RING = 9.0  # px, about the place where a landmark without a peak is expected


@dataclass
class Shown:
    """Which parts of the overlay are on."""

    labels: bool = True
    names: bool = False
    edges: bool = False
    ghost: bool = False
    bones: bool = True


class HandPicture(Layer):
    """A screening over a canvas; `selected` is a landmark, `dragged` where it is held."""

    def __init__(self) -> None:
        self.shown = Shown()
        self.hand: Screening | None = None
        self.gate: Gate | None = None
        self.selected: int | None = None
        self.dragged: tuple[float, float] | None = None
        self._costs = np.zeros(0)
        self._ghost = np.zeros((0, 2))

    def put(self, hand: Screening | None, gate: Gate | None) -> None:
        """Show another hand, or the same judged anew."""
        self.hand, self.gate = hand, gate
        self.dragged = None
        self._ghost, self._costs = np.zeros((0, 2)), np.zeros(0)
        if hand is None or gate is None or np.isnan(hand.landmarks).any():
            return
        shape = gate.norms.shape
        onto, _ = shape.robust_fit(hand.landmarks, hand.labels.peaks >= 0)
        back = np.linalg.inv(onto[:, :2])
        self._ghost = (shape.mean - onto[:, 2]) @ back.T
        framed = hand.landmarks @ onto[:, :2].T + onto[:, 2]
        self._costs = edge_costs(framed, gate.norms)

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        hand, gate = self.hand, self.gate
        if hand is None or gate is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

        def at(point: np.ndarray) -> QPointF:
            return QPointF(*canvas.view.to_widget(float(point[0]), float(point[1])))

        points = hand.landmarks
        if self.shown.ghost and len(self._ghost):
            painter.setPen(QPen(GHOST, 1.4, Qt.PenStyle.DashLine))
            for finger in FINGERS:
                for a, b in itertools.pairwise(finger):
                    painter.drawLine(at(self._ghost[a]), at(self._ghost[b]))
            for point in self._ghost:
                painter.drawEllipse(at(point), 3, 3)
        if self.shown.edges and len(self._costs):
            for (a, b), cost in zip(gate.norms.edges, self._costs, strict=True):
                painter.setPen(QPen(of_cost(float(cost) / 8), 1.6))
                painter.drawLine(at(points[a]), at(points[b]))
        if self.shown.bones and not np.isnan(points).any():
            self._paint_bones(painter, hand, gate, at)
        if self.shown.labels:
            self._paint_labels(painter, hand, at)
        for place in hand.spare:
            centre = at(place)
            painter.setPen(QPen(QColor(255, 60, 50), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolygon([centre + QPointF(*d) for d in ((0, -8), (8, 0), (0, 8), (-8, 0))])

    def _paint_bones(self, painter: QPainter, hand: Screening, gate: Gate, at) -> None:  # type: ignore[no-untyped-def]
        limit = next((c.limit for c in gate.checks if c.code == "BONE"), None)
        if limit is None:
            return
        z = bone_z(hand.landmarks, gate.norms)
        for (a, b), value in zip(BONES, z, strict=True):
            if abs(value) > limit:
                painter.setPen(QPen(WORST, 3.5))
                painter.drawLine(at(hand.landmarks[a]), at(hand.landmarks[b]))

    def _paint_labels(self, painter: QPainter, hand: Screening, at) -> None:  # type: ignore[no-untyped-def]
        for landmark, point in enumerate(hand.landmarks):
            if np.isnan(point).any():
                continue
            chosen = landmark == self.selected
            place = at(np.array(self.dragged)) if chosen and self.dragged else at(point)
            colour = QColor(255, 255, 255) if chosen else of_landmark(landmark)
            painter.setPen(QPen(QColor(0, 0, 0, 210), 1.2))
            absent = hand.labels.peaks[landmark] < 0
            if absent:  # where the others let it be expected
                painter.setPen(QPen(WORST, 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush if absent else colour)
            radius = ABSENT_RING if absent else 6.0 if chosen else 4.0
            painter.drawEllipse(place, radius, radius)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if self.shown.names or chosen or absent:
                text = f"{landmark} {NAMES[landmark]}" if chosen else str(landmark)
                painter.setPen(QColor(0, 0, 0))
                painter.drawText(place + QPointF(9, 6), text)
                painter.setPen(colour)
                painter.drawText(place + QPointF(8, 5), text)
