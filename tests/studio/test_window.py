"""The real window with the real worker: what a user does, and what must come of it."""

import subprocess
import sys

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.studio.driving import pixels, wait_for
from xgen_studio.tasks.asks import Devices

RIGHT, CTRL = Qt.MouseButton.RightButton, Qt.KeyboardModifier.ControlModifier


def test_a_stroke_paints_the_label_in_hand_and_undo_takes_it_back(window, mouse):
    page = window.page
    before = page.document.mask.copy()
    page.easel.use(label=3, radius=4)
    mouse.drag([(40 + i, 100) for i in range(0, 60, 3)])
    assert (page.document.mask[100, 40:97] == 3).all()
    assert page.document.history.names[-1] == "Paint femur"
    QTest.keyClick(page.drawing, Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(page.document.mask, before)


def test_right_drag_and_ctrl_erase(window, mouse):
    page = window.page
    page.easel.use(label=3, radius=5)
    for i, (button, modifiers) in enumerate(
        [(RIGHT, Qt.KeyboardModifier.NoModifier), (Qt.MouseButton.LeftButton, CTRL)]
    ):
        at = (144, 110 + 20 * i)
        assert page.document.mask[at[1], at[0]]
        mouse.click(at, button, modifiers)
        assert page.document.mask[at[1], at[0]] == 0


def test_escape_takes_a_running_stroke_back(window, mouse):
    page = window.page
    before = page.document.mask.copy()
    page.easel.use(label=3, radius=6)
    mouse.drag([(20, 20), (90, 90)], release=False)
    assert (page.document.mask != before).any()
    QTest.keyClick(page.drawing, Qt.Key.Key_Escape)
    np.testing.assert_array_equal(page.document.mask, before)
    mouse.release((90, 90))
    assert page.document.history.names == []


def test_keys_take_tools_and_an_outline_fills_itself(window, mouse):
    page = window.page
    page.easel.use(label=6)
    QTest.keyClick(page.drawing, Qt.Key.Key_O)
    assert page.actions_["tool.lasso"].isChecked()
    assert not page.actions_["tool.brush"].isChecked()
    t = np.linspace(0, 2 * np.pi, 60)
    mouse.drag([(140 + 25 * np.cos(a), 60 + 20 * np.sin(a)) for a in t])
    area = (page.document.mask == 6).sum()
    assert abs(area - np.pi * 25 * 20) < 60
    QTest.keyClick(page.drawing, Qt.Key.Key_G)
    page.easel.use(label=5)
    for corner in ((10, 10), (60, 10), (60, 60), (10, 60)):
        mouse.click(corner)
    QTest.keyClick(page.drawing, Qt.Key.Key_Return)
    assert (page.document.mask == 5)[10:60, 10:60].all()


def test_the_status_names_what_is_under_the_pointer(window, mouse):
    mouse.hover((144.5, 120.5))
    assert wait_for(lambda: "column 144" in window.probe.text())
    assert "tibia" in window.probe.text()


def test_the_radiograph_follows_a_stroke_and_can_be_kept_and_undone(window, mouse):
    page = window.page
    assert wait_for(lambda: page.picture() is not None)
    first = page.picture()
    assert first.pixels.shape == page.document.shape
    shown = pixels(page.outcome)
    assert shown.std() > 20
    previews = []
    page.live.shown.connect(lambda result: previews.append(result.final))
    page.easel.use(label=3, radius=12)
    mouse.drag([(100 + i, 70) for i in range(40)], release=False)
    assert wait_for(lambda: False in previews)
    mouse.release((139, 70))
    assert wait_for(lambda: page.picture() is not None and page.picture() is not first)
    assert not np.array_equal(page.picture().pixels, first.pixels)
    assert page.picture().provenance["synthetic"] is True
    page.keep()
    assert page.document.picture is not None
    page.document.history.undo()
    assert page.document.picture is None


def test_the_same_mask_and_seed_give_the_same_picture_again(window):
    page = window.page
    assert wait_for(lambda: page.picture() is not None)
    first = page.picture()
    page.live.again()
    assert wait_for(lambda: page.picture() is not None and page.picture() is not first)
    np.testing.assert_array_equal(first.pixels, page.picture().pixels)


def test_a_worker_that_dies_is_said_and_started_again(window, mouse):
    page = window.page
    assert wait_for(lambda: page.picture() is not None)
    first = page.picture()
    window.engine._process.kill()
    assert wait_for(lambda: "ended" in page.panel.state.text())
    page.easel.use(label=3, radius=8)
    mouse.drag([(100, 60), (130, 60)])
    assert wait_for(lambda: page.picture() is not None and page.picture() is not first)


def test_the_window_loads_no_heavy_library():
    code = (
        "import os, sys; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from xgen_studio.studio.window import Window\n"
        "window = Window(); window.show(); app.processEvents()\n"
        "heavy = ('torch', 'SimpleITK', 'sklearn', 'pgmpy', 'scipy', 'skimage')\n"
        "print([m for m in heavy if m in sys.modules])\n"
        "window.close()\n"
    )
    # a spawned worker imports the main module: -c has none
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_a_worker_s_death_is_heard_even_when_something_is_sent_first(window):
    assert wait_for(lambda: window.engine.ready_now)
    heard = []
    window.engine.died.connect(lambda: heard.append(1))
    process = window.engine._process
    process.kill()
    process.join(5)
    window.engine.ask(Devices(), window.page.panel._devices)  # before the loop delivers the news
    assert heard == [1] and window.engine.running
    assert wait_for(lambda: window.page.picture() is not None)
