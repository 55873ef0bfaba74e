"""Driving a window as a person does: raw mouse and key events, waiting, looking at pixels."""

import gc
import time

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QAction, QImage, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from xgen_studio.studio.engine.protocol import DONE, Ended, Failed, Stepped, Told


class Mouse:
    """Raw mouse events at picture coordinates, as the window system sends them."""

    def __init__(self, canvas):
        self.canvas = canvas

    def send(self, kind, point, button, buttons, modifiers):
        at = QPointF(*self.canvas.view.to_widget(*point))
        event = QMouseEvent(kind, at, self.canvas.mapToGlobal(at), button, buttons, modifiers)
        QApplication.sendEvent(self.canvas, event)

    def drag(
        self,
        points,
        button=Qt.MouseButton.LeftButton,
        modifiers=Qt.KeyboardModifier.NoModifier,
        release=True,
    ):
        self.send(QEvent.Type.MouseButtonPress, points[0], button, button, modifiers)
        for point in points[1:]:
            self.move(point, button, modifiers)
            QApplication.processEvents()
        if release:
            self.release(points[-1], button, modifiers)

    def move(
        self, point, button=Qt.MouseButton.LeftButton, modifiers=Qt.KeyboardModifier.NoModifier
    ):
        none = Qt.MouseButton.NoButton
        self.send(QEvent.Type.MouseMove, point, none, button, modifiers)

    def release(
        self, point, button=Qt.MouseButton.LeftButton, modifiers=Qt.KeyboardModifier.NoModifier
    ):
        none = Qt.MouseButton.NoButton
        self.send(QEvent.Type.MouseButtonRelease, point, button, none, modifiers)

    def click(
        self, point, button=Qt.MouseButton.LeftButton, modifiers=Qt.KeyboardModifier.NoModifier
    ):
        self.drag([point], button, modifiers)

    def hover(self, point):
        none = Qt.MouseButton.NoButton
        self.send(QEvent.Type.MouseMove, point, none, none, Qt.KeyboardModifier.NoModifier)


def held():
    """How many widgets Qt has, and how many objects of Python stand for widgets and actions."""
    wrappers = sum(issubclass(type(thing), (QWidget, QAction)) for thing in gc.get_objects())
    return len(QApplication.allWidgets()), wrappers


def on_screen(window):
    """What the screen shows of a window now, without painting it again; (H, W, 3) uint8."""
    return _array(window.screen().grabWindow(window.winId()))


def pixels(widget):
    """A widget painted anew, (H, W, 3) uint8."""
    return _array(widget.grab())


def _array(pixmap):
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def wait_for(condition, seconds=60.0):
    """Run the event loop until the condition holds; False when the time is up."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)
    return bool(condition())


def press(widget, key, modifiers=Qt.KeyboardModifier.NoModifier):
    """A key goes down and up."""
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(widget, QKeyEvent(kind, key, modifiers))


class FakeEngine(QObject):
    """Keeps what it is asked; the test answers."""

    ready, died = Signal(), Signal()

    def __init__(self):
        super().__init__()
        self.asked, self.said, self._hears = [], [], []

    def start(self):
        pass

    def ask(self, ask, heard):
        self.asked.append(ask)
        self._hears.append(heard)
        return len(self.asked)

    def cancel(self, number):
        self.said.append(("cancel", number))

    def hold(self, number, held):
        self.said.append(("hold", number, held))

    def stop_live(self):
        self.said.append(("stop",))

    def _answer(self, answer):
        self._hears[answer.number - 1](answer)

    def tell(self, what, number=0):
        self._answer(Told(number or len(self.asked), what))

    def step(self, done, total, number=0):
        self._answer(Stepped(number or len(self.asked), done, total))

    def end(self, how=DONE, number=0):
        self._answer(Ended(number or len(self.asked), how))

    def fail(self, message, number=0):
        self._answer(Failed(number or len(self.asked), message))
