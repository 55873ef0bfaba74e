"""Setting landmarks: a click places the next one, a drag moves one, arrow keys nudge it."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from xgen_studio.studio.canvas import Canvas, Tool, Touch
from xgen_studio.wings.hand.pages.colours import of_landmark
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import COUNT, NAMES, Points
from xgen_studio.wings.hand.science.norms import BONES
from xgen_studio.wings.hand.science.order import Order
from xgen_studio.wings.hand.tasks.landmark_set import LandmarkSet

GRIP = 10.0  # widget px about a landmark that a press takes, and a drag moves
DOT = 4.0  # widget px: the dot itself
TREMOR = 3.0  # widget px that a hand moves while it clicks
FINE, COARSE = 0.25, 1.0  # px of the picture that an arrow key moves; with Shift the finer
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class LandmarkSignals(QObject):
    """What the tool tells its page."""

    changed = Signal()  # the landmarks
    selected = Signal(object)  # a landmark or None


class LandmarkTool(Tool):
    """Edits a `LandmarkSet`. Annotations have pixel centres at whole numbers, the canvas edges."""

    def __init__(self, work: LandmarkSet) -> None:
        self.work = work
        self.signals = LandmarkSignals()
        self.flipped = False  # the picture is shown mirrored; landmarks stay those of the file
        self.selected: int | None = None
        self.order = Order()  # what a click sets
        self.expected = np.full((COUNT, 2), np.nan)  # where it is likely, as `seen`
        self._before: Annotation | None = None  # while a button is down
        self._pressed = (0.0, 0.0)  # where it went down
        self._near_press: int | None = None  # the landmark under it
        self._moved = False

    def select(self, landmark: int | None) -> None:
        """Take a landmark in hand; if it is absent, a click then sets it."""
        if landmark is not None and self.work.now.states[landmark] is State.ABSENT:
            self.order.choose(landmark)
        self._take(landmark)

    def begin(self) -> None:
        """With other landmarks, of this hand or another: a click sets the first absent one."""
        self.order.begin(self.work.now)
        self._take(self.order.due)

    def follow(self, before: Annotation) -> None:
        """After undo or redo: a click sets what was taken back."""
        if self.order.follow(before, self.work.now):
            self._take(self.order.due)

    def _take(self, landmark: int | None) -> None:
        self.selected = landmark
        self.signals.selected.emit(landmark)

    def seen(self, canvas: Canvas) -> Points:
        """Where the landmarks (37, 2) lie in the picture as it is shown, edges at whole numbers."""
        points = self.work.now.points + 0.5
        if self.flipped:
            points[:, 0] = canvas.view.columns - points[:, 0]
        return points

    @staticmethod
    def _within(canvas: Canvas, x: float, y: float) -> tuple[float, float]:
        """A point of the picture (edges at whole numbers) as one of the file, never outside."""
        view = canvas.view
        return min(max(x, 0.0), view.columns) - 0.5, min(max(y, 0.0), view.rows) - 0.5

    def press(self, canvas: Canvas, touch: Touch) -> None:
        if canvas.picture.pixels is None:
            return
        near = self._near(canvas, touch)
        if touch.buttons & Qt.MouseButton.RightButton:
            if near is not None:
                self.select(near)
                self.toggle_occluded()
        else:
            self._pressed, self._near_press, self._moved = touch.point, near, False
            self._before = self.work.now
        canvas.update()

    def _way(self, canvas: Canvas, touch: Touch) -> float:
        """How far, widget px, the pointer is from where the button went down."""
        off = np.subtract(touch.point, self._pressed) * canvas.view.scale
        return math.hypot(*off)

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._before is None:
            return
        if not self._moved and self._way(canvas, touch) < TREMOR:
            return
        landmark = self._near_press
        if not self._moved:
            self._moved = True
            if landmark is not None:
                self.select(landmark)
        if landmark is None:
            return
        # the landmark keeps its way from the pointer: taken hold of, it does not jump
        x, y = self._before.points[landmark] + 0.5
        across = (touch.x - self._pressed[0]) * (-1 if self.flipped else 1)
        place = self._within(canvas, x + across, y + touch.y - self._pressed[1])
        state = self._before.states[landmark]
        self.work.preview(self._before.put(landmark, place, state))
        canvas.update()

    def let_go(self) -> None:
        """End a drag that is under way, where it is: something else changes the landmarks."""
        before, self._before = self._before, None
        if before is not None and self.work.now is not before:
            self.work.drop(before)

    def release(self, canvas: Canvas, touch: Touch) -> None:
        if self._before is None:
            return
        self.let_go()
        if self._moved:
            self.signals.changed.emit()
        elif self.order.due is None or self._near(canvas, touch, DOT) is not None:
            self._take(self._near_press)
        else:  # landmarks 2 and 3 lie so close that a click near one must be able to set the other
            self._place(canvas, touch)
        canvas.update()

    def _place(self, canvas: Canvas, touch: Touch) -> None:
        due, view = self.order.due, canvas.view
        if due is None or not (0 <= touch.x <= view.columns and 0 <= touch.y <= view.rows):
            return  # a click beside the picture
        x = view.columns - touch.x if self.flipped else touch.x
        place = self._within(canvas, x, touch.y)
        self.work.say(self.work.now.put(due, place), f"Place {NAMES[due]}")
        self.order.go_on(self.work.now, due)
        self._take(self.order.due)
        self.signals.changed.emit()

    def key(self, canvas: Canvas, event: QKeyEvent) -> bool:
        step = ARROWS.get(Qt.Key(event.key()))
        if step is None or self.selected is None:
            return False
        state = self.work.now.states[self.selected]
        if state is State.ABSENT:
            return False
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        way = np.array(step) * (-1 if self.flipped else 1, 1)
        x, y = self.work.now.points[self.selected] + way * (FINE if fine else COARSE)
        self.work.say(self.work.now.put(self.selected, (x, y), state))
        self.signals.changed.emit()
        canvas.update()
        return True

    def toggle_occluded(self) -> None:
        """The landmark in hand is seen, or only guessed."""
        if self.selected is None or self.work.now.states[self.selected] is State.ABSENT:
            return
        x, y = self.work.now.points[self.selected]
        seen = self.work.now.states[self.selected] is State.PLACED
        state = State.OCCLUDED if seen else State.PLACED
        self.work.say(self.work.now.put(self.selected, (x, y), state))
        self.signals.changed.emit()

    def remove(self) -> None:
        """The landmark in hand is absent; one that is already is left out."""
        if self.selected is None:
            return
        if self.work.now.states[self.selected] is State.ABSENT:
            if self.selected not in self.work.now.left_out:
                self.work.say(self.work.now.leaving_out(self.selected))
            self.order.go_on(self.work.now, self.selected)
        else:
            self.work.say(self.work.now.without(self.selected))
            self.order.take_away(self.selected)
        self._take(self.order.due)
        self.signals.changed.emit()

    def _near(self, canvas: Canvas, touch: Touch, reach: float = GRIP) -> int | None:
        off = (self.seen(canvas) - touch.point) * canvas.view.scale
        far = np.hypot(*off.T)
        if np.isnan(far).all():
            return None
        nearest = int(np.nanargmin(far))
        return nearest if far[nearest] < reach else None

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        points, states = self.seen(canvas), self.work.now.states
        there = ~np.isnan(points[:, 0])
        at = [
            QPointF(*canvas.view.to_widget(x, y)) if ok else None
            for (x, y), ok in zip(points.tolist(), there, strict=True)
        ]
        painter.setPen(QPen(QColor(255, 255, 255, 70), 1.2))
        for a, b in BONES:
            one, other = at[a], at[b]
            if one is not None and other is not None:
                painter.drawLine(one, other)
        for landmark, place in enumerate(at):
            if place is None:
                continue
            chosen = landmark == self.selected
            colour = QColor(255, 255, 255) if chosen else of_landmark(landmark)
            hollow = states[landmark] is State.OCCLUDED
            painter.setPen(QPen(colour if hollow else QColor(0, 0, 0, 210), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush if hollow else colour)
            painter.drawEllipse(place, 6.0 if chosen else 4.0, 6.0 if chosen else 4.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if chosen:
                canvas.tag(painter, place, f"{landmark} {NAMES[landmark]}")
        due = self.order.due
        if due is not None and not np.isnan(self.expected[due]).any():
            x, y = self.expected[due].tolist()
            painter.setPen(QPen(QColor(255, 255, 255, 150), 1.4, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(*canvas.view.to_widget(x, y)), 14.0, 14.0)
        if canvas.picture.pixels is not None and not self.work.now.complete:
            canvas.tag(painter, QPointF(canvas.width() / 2, 34), self._help(), centred=True)

    def _help(self) -> str:
        """What the next click does."""
        due = self.order.due
        if due is not None:
            delete = " (Delete: leave it out)" if due == self.selected else ""
            return f"Click: {due} {NAMES[due]}{delete}"
        absent = [n for n, s in enumerate(self.work.now.states) if s is State.ABSENT]
        return f"Left out: {', '.join(map(str, absent))}; choose one in the list to set it"
