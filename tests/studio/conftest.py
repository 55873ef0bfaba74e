"""The real window, offscreen, with settings of its own; nothing may be left running."""

import os
import time

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from xgen_studio.imaging import write_png8
from xgen_studio.jobs.screen import screen_folder
from xgen_studio.studio.theme import apply_theme


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """No test touches the user's journal or recent files, and none waits for an answer."""
    if QApplication.instance() is not None:  # windows of earlier tests, which no loop deleted
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    monkeypatch.setenv("XGEN_STATE", str(tmp_path / "state"))
    discard = QMessageBox.StandardButton.Discard
    monkeypatch.setattr(QMessageBox, "question", lambda *_args, **_kwargs: discard)


@pytest.fixture
def window(qtbot):
    """The main window, 1280 x 800."""
    from xgen_studio.studio.window import Window

    apply_theme(QApplication.instance(), "dark")
    window = Window()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    return window


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
        none = Qt.MouseButton.NoButton
        self.send(QEvent.Type.MouseButtonPress, points[0], button, button, modifiers)
        for point in points[1:]:
            self.send(QEvent.Type.MouseMove, point, none, button, modifiers)
            QApplication.processEvents()
        if release:
            self.release(points[-1], button, modifiers)

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


@pytest.fixture
def mouse(window):
    """The mouse over the drawing."""
    return Mouse(window.page.drawing)


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


@pytest.fixture
def place(window):
    """The hand workspace."""
    window.show_workspace("hand")
    return window._places["hand"]


@pytest.fixture
def page(place, pairs, qtbot):
    """The review of six screened hands: four sound, one has a spurious blob, one lacks a finger."""
    screen_folder(pairs[0], "calibrated", pairs[0])
    place.page.run.open_folder(pairs[0])
    return place.page


@pytest.fixture
def marks(place, tmp_path):
    """The landmark page with a radiograph of 400 x 500 px."""
    rng = np.random.default_rng(0)
    write_png8(tmp_path / "hand.png", rng.random((500, 400)))
    place.tabs.setCurrentIndex(1)
    place.landmarks.open(tmp_path / "hand.png")
    place.landmarks.canvas.resize(900, 700)
    place.landmarks.canvas.fit()
    return place.landmarks
