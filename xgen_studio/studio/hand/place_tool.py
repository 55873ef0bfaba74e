"""Setting landmarks: a click places the next one, a drag moves one, arrow keys nudge it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from xgen_studio.anatomy.hand.annotation import Annotation, State
from xgen_studio.anatomy.hand.landmarks import NAMES, Points
from xgen_studio.anatomy.hand.norms import BONES
from xgen_studio.jobs.annotating import Annotating
from xgen_studio.studio.canvas import Canvas
from xgen_studio.studio.canvas.canvas import Tool, Touch
from xgen_studio.studio.hand.colours import of_landmark

GRIP = 10.0   # widget px
FINE, COARSE = 0.25, 1.0  # px of the picture that an arrow key moves; with Shift the finer
ARROWS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}  # fmt: skip


class PlaceSignals(QObject):
    """What the tool tells its page."""

    changed = Signal()          # the landmarks
    selected = Signal(object)   # a landmark or None


class Place(Tool):
    """Edits an `Annotating`. Annotations have pixel centres at whole numbers, the canvas edges."""

    def __init__(self, work: Annotating) -> None:
        self.work = work
        self.signals = PlaceSignals()
        self.flipped = False  # the picture is shown mirrored; landmarks stay those of the file
        self.selected: int | None = None
        self._before: Annotation | None = None  # while a button is down
        self._near_press: int | None = None     # the landmark under it
        self._moved = False

    def select(self, landmark: int | None) -> None:
        """Take a landmark in hand; a click then sets it."""
        self.selected = landmark
        self.signals.selected.emit(landmark)

    def seen(self, canvas: Canvas) -> Points:
        """Where the landmarks (37, 2) lie in the picture as it is shown, edges at whole numbers."""
        points = self.work.now.points + 0.5
        if self.flipped:
            points[:, 0] = canvas.view.columns - points[:, 0]
        return points

    def _in_file(self, canvas: Canvas, touch: Touch) -> tuple[float, float]:
        """The landmark of the file that lies under a touch; never outside the picture."""
        view = canvas.view
        x = view.columns - touch.x if self.flipped else touch.x
        x, y = min(max(x, 0.0), float(view.columns)), min(max(touch.y, 0.0), float(view.rows))
        return x - 0.5, y - 0.5

    def press(self, canvas: Canvas, touch: Touch) -> None:
        if canvas.picture.pixels is None:
            return
        near = self._near(canvas, touch)
        right = bool(touch.buttons & Qt.MouseButton.RightButton)
        if right and near is not None:
            self.select(near)
            self.toggle_occluded()
        elif not right:
            self._near_press, self._moved = near, False
            self._before = self.work.now
        canvas.update()

    def _place(self, canvas: Canvas, touch: Touch) -> None:
        now = self.work.now
        free = self.selected is not None and now.states[self.selected] is State.ABSENT
        landmark = self.selected if free else now.next_absent
        if landmark is None:
            return  # all are placed: a click beside them must not move any
        self.work.say(now.put(landmark, self._in_file(canvas, touch)))
        self.select(self.work.now.next_absent)
        self.signals.changed.emit()

    def move(self, canvas: Canvas, touch: Touch) -> None:
        if self._before is None or self._near_press is None:
            return
        if not self._moved:
            self._moved = True
            self.select(self._near_press)
        assert self.selected is not None
        state = self.work.now.states[self.selected]
        self.work.preview(self.work.now.put(self.selected, self._in_file(canvas, touch), state))
        canvas.update()

    def let_go(self) -> None:
        """End a drag that is under way, where it is: something else changes the landmarks."""
        before, self._before = self._before, None
        if before is not None and self._moved:
            self.work.drop(before)

    def release(self, canvas: Canvas, touch: Touch) -> None:
        if self._before is None:
            return
        self.let_go()
        if self._moved:
            self.signals.changed.emit()
        elif self.work.now.complete:
            self.select(self._near_press)
        else:  # landmarks 2 and 3 lie so close that a click near one must be able to set the other
            self._place(canvas, touch)
        canvas.update()

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
        """The landmark in hand is absent."""
        if self.selected is not None:
            self.work.say(self.work.now.without(self.selected))
            self.signals.changed.emit()

    def _near(self, canvas: Canvas, touch: Touch) -> int | None:
        off = (self.seen(canvas) - touch.point) * canvas.view.scale
        far = np.hypot(*off.T)
        if np.isnan(far).all():
            return None
        nearest = int(np.nanargmin(far))
        return nearest if far[nearest] < GRIP else None

    def paint(self, canvas: Canvas, painter: QPainter) -> None:
        points, states = self.seen(canvas), self.work.now.states
        there = ~np.isnan(points[:, 0])
        at = [QPointF(*canvas.view.to_widget(x, y)) if ok else None
              for (x, y), ok in zip(points.tolist(), there, strict=True)]  # fmt: skip
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
        following = self.work.now.next_absent
        if following is not None and canvas.picture.pixels is not None:
            next_ = self.selected if self._free() else following
            canvas.note(painter, f"Click: {next_} {NAMES[next_ or 0]}")

    def _free(self) -> bool:
        return self.selected is not None and self.work.now.states[self.selected] is State.ABSENT
