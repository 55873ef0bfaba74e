"""The real window, offscreen, with settings of its own; nothing may be left running."""

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from tests.studio.driving import Mouse
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


@pytest.fixture
def mouse(window):
    """The mouse over the drawing."""
    return Mouse(window.page.drawing)
