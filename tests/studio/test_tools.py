"""Shapes, measures, rules of painting, pens."""

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QInputDevice, QKeySequence, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from tests.studio.driving import FakeEngine, Mouse
from xgen_studio.document import Document, Picture
from xgen_studio.imaging import Label, LabelTable
from xgen_studio.studio.panels.labels import LabelPanel
from xgen_studio.studio.shortcuts import label_keys
from xgen_studio.studio.tools import Angle, Easel, Ruler, ShapeTool
from xgen_studio.studio.tools.measure import angle, length
from xgen_studio.wings.knee.pages.documents import new_document
from xgen_studio.wings.knee.science.labels import FEMUR, LEG, TIBIA
from xgen_studio.wings.knee.science.templates import templates

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def empty(window):
    """The page of an empty knee."""
    window.desk.put(new_document(), None)
    return window.page


def drop(page, index=0):
    page.tools.drop_shape(templates(page.document.shape)[index])
    return page.drawing.tool


def test_a_whole_knee_is_dropped_moved_and_placed_as_one_change(empty):
    tool, mouse = drop(empty), Mouse(empty.drawing)
    assert isinstance(tool, ShapeTool)
    assert {LEG, FEMUR, TIBIA} <= set(np.unique(empty.document.mask))
    rows, columns = np.nonzero(empty.document.mask == TIBIA)
    inside = (float(columns.mean()), float(rows.mean()))
    mouse.drag([inside, (inside[0] + 4, inside[1]), (inside[0] + 9, inside[1])])
    _, moved = np.nonzero(empty.document.mask == TIBIA)
    assert moved.mean() == pytest.approx(columns.mean() + 9, abs=0.3)
    assert len(empty.document.history) == 0
    QTest.keyClick(empty.drawing, Qt.Key.Key_Return)
    assert empty.document.history.names == ["Place whole knee"]
    assert empty.actions_["tool.brush"].isChecked()
    empty.tools.undo()
    assert not empty.document.mask.any()


def test_pulling_the_edge_bends_it_there_and_not_on_the_far_side(empty):
    tool, mouse = drop(empty, 2), Mouse(empty.drawing)  # the femur
    before = empty.document.mask.copy()
    points = tool.parts[0].points
    lowest = points[points[:, 1].argmax()]
    mouse.drag([tuple(lowest), (lowest[0], lowest[1] + 3), (lowest[0], lowest[1] + 10)])
    column = int(lowest[0])
    depth = [
        int(np.flatnonzero(m[:, column] == FEMUR).max()) for m in (before, empty.document.mask)
    ]
    assert depth[1] == pytest.approx(depth[0] + 10, abs=1.5)
    np.testing.assert_array_equal(empty.document.mask[:20], before[:20])
    QTest.keyClick(empty.drawing, Qt.Key.Key_Escape)
    assert not empty.document.mask.any() and len(empty.document.history) == 0


def test_mirroring_a_shape_swaps_its_sides_and_another_tool_places_it(empty):
    drop(empty)
    left = (empty.document.mask == 5)[:, :144].sum()
    QTest.keyClick(empty.drawing, Qt.Key.Key_X)
    assert left > 0 and (empty.document.mask == 5)[:, 144:].sum() == pytest.approx(left, rel=0.05)
    QTest.keyClick(empty.drawing, Qt.Key.Key_E)
    assert empty.document.history.names == ["Place whole knee"]


def test_undo_takes_a_floating_shape_away(empty):
    drop(empty)
    QTest.keyClick(empty.drawing, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not empty.document.mask.any()
    assert empty.actions_["tool.brush"].isChecked()


def test_saving_settles_a_floating_shape(empty, window, tmp_path):
    drop(empty)
    window.desk.file = tmp_path / "a.xgen"
    assert window.desk.save()
    assert empty.document.history.names == ["Place whole knee"]
    assert not empty.document.history.modified


def test_a_locked_label_is_safe_from_a_shape(empty):
    empty.document.mask[60:70, 100:110] = TIBIA
    empty.easel.use(label=TIBIA)
    empty.actions_["label.lock"].trigger()
    drop(empty, 1)  # the leg
    assert (empty.document.mask[60:70, 100:110] == TIBIA).all()
    assert (empty.document.mask == LEG).any()


def test_mirrored_painting_paints_both_sides_alike(empty):
    empty.easel.use(label=FEMUR, radius=6)
    empty.brush_bar.mirror.setChecked(True)
    Mouse(empty.drawing).drag([(40, 30), (60, 55)])
    mask = empty.document.mask
    assert (mask == FEMUR).sum() > 300
    np.testing.assert_array_equal(mask, mask[:, ::-1])


def test_painting_by_grey_values_stops_at_them(empty):
    ramp = np.tile(np.linspace(0, 1, 288, dtype=np.float32), (160, 1))
    empty.document.put_picture(Picture(ramp), "Open")
    empty.brush_bar.limited.setChecked(True)
    empty.brush_bar.low.setValue(0.4)
    empty.brush_bar.high.setValue(0.6)
    empty.easel.use(label=FEMUR, radius=20)
    Mouse(empty.drawing).drag([(20, 80), (270, 80)])
    columns = np.flatnonzero((empty.document.mask == FEMUR).any(0))
    assert ramp[0, columns.min()] >= 0.4 and ramp[0, columns.max()] <= 0.6
    assert columns.size > 50


def test_alt_click_takes_the_label_and_alt_drag_sizes_the_brush(window, mouse):
    page = window.page
    page.easel.use(label=LEG, radius=8)
    mouse.click((144.5, 120.5), modifiers=ALT)
    assert page.easel.label == TIBIA
    mouse.drag([(50, 50), (53, 50), (57, 50)], modifiers=ALT)
    assert page.easel.radius == pytest.approx(15, abs=0.01)
    assert len(page.document.history) == 0


def test_growing_and_shrinking_a_label_moves_its_edge(window):
    page = window.page
    page.easel.use(label=FEMUR)
    area = (page.document.mask == FEMUR).sum()
    page.actions_["label.grow"].trigger()
    assert (page.document.mask == FEMUR).sum() > area
    page.tools.undo()
    page.actions_["label.shrink"].trigger()
    assert (page.document.mask == FEMUR).sum() < area


def test_the_ruler_speaks_in_millimetres_only_when_they_are_known(window, mouse):
    page = window.page
    page.actions_["tool.ruler"].setChecked(True)
    tool = page.drawing.tool
    assert isinstance(tool, Ruler)
    mouse.drag([(10, 10), (20, 20), (40, 50)])
    assert tool.words(page.drawing) == "50.0 px"
    page.drawing.view.spacing, page.drawing.spacing_known = (0.5, 2.0), True
    a, b = tool.points
    assert length(page.drawing, a, b) == f"{math.hypot(30 * 0.5, 40 * 2.0):.1f} mm"
    assert angle(page.drawing, (10, 0), (0, 0), (10, 10)) == pytest.approx(
        math.degrees(math.atan2(20, 5)), abs=1e-6
    )
    page.actions_["tool.angle"].setChecked(True)
    assert isinstance(page.drawing.tool, Angle)


def pen(canvas, kind, point, pressure, held=Qt.MouseButton.LeftButton):
    device = QPointingDevice(
        "pen",
        7,
        QInputDevice.DeviceType.Stylus,
        QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Pressure,
        1,
        1,
    )
    at = QPointF(*canvas.view.to_widget(*point))
    down = kind != QEvent.Type.TabletRelease
    button = Qt.MouseButton.LeftButton
    event = QTabletEvent(
        kind,
        device,
        at,
        canvas.mapToGlobal(at),
        pressure,
        0,
        0,
        0,
        0,
        0,
        Qt.KeyboardModifier.NoModifier,
        Qt.MouseButton.NoButton if kind == QEvent.Type.TabletMove else button,
        held if down else Qt.MouseButton.NoButton,
    )
    QApplication.sendEvent(canvas, event)


def test_a_pen_paints_as_wide_as_it_is_pressed_and_without_gaps(empty):
    empty.easel.use(label=FEMUR, radius=20)
    canvas = empty.drawing
    pen(canvas, QEvent.Type.TabletPress, (60, 80), 0.2)
    pen(canvas, QEvent.Type.TabletMove, (220, 80), 1.0)  # one event: the way between is filled
    pen(canvas, QEvent.Type.TabletRelease, (220, 80), 0.0)
    width = (empty.document.mask == FEMUR).sum(0)
    assert (width[60:220] > 0).all()
    assert width[62] == pytest.approx(8, abs=3) and width[218] == pytest.approx(40, abs=3)
    assert (np.diff(width[62:218].astype(int)) >= 0).all()
    assert empty.document.history.names == ["Paint femur"]


def test_a_pen_told_again_as_the_mouse_paints_one_stroke_that_one_undo_takes_back(empty):
    canvas, mouse = empty.drawing, Mouse(empty.drawing)
    empty.easel.use(label=FEMUR, radius=6)
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for start in (60, 61):  # the second within the time of an echo of the first
        pen(canvas, QEvent.Type.TabletPress, (start, 80), 0.5)
        mouse.send(QEvent.Type.MouseButtonPress, (start, 80), button, button, none)
        for x in range(start, 140, 10):
            pen(canvas, QEvent.Type.TabletMove, (x, 80), 0.5)
            mouse.move((x, 80))
        pen(canvas, QEvent.Type.TabletRelease, (140, 80), 0.0)
        mouse.release((140, 80))
        assert len(empty.document.history.names) == 1 and empty.document.mask[80, 120] == FEMUR
        empty.document.history.undo()
        assert not empty.document.mask.any()


def test_a_pen_whose_release_was_lost_paints_nothing_while_it_hovers_elsewhere(empty):
    canvas = empty.drawing
    empty.easel.use(label=FEMUR, radius=6)
    pen(canvas, QEvent.Type.TabletPress, (60, 80), 0.5)
    pen(canvas, QEvent.Type.TabletMove, (70, 80), 0.5)
    before = empty.document.mask.copy()
    for at in ((200, 20), (220, 30)):
        pen(canvas, QEvent.Type.TabletMove, at, 0.0, Qt.MouseButton.NoButton)
    np.testing.assert_array_equal(empty.document.mask, before)
    assert empty.document.history.names == ["Paint femur"]
    pen(canvas, QEvent.Type.TabletPress, (220, 30), 0.5)
    assert not empty.document.mask[55, 140]  # nor is there a line across


def test_another_tool_or_save_ends_a_running_stroke(empty):
    empty.easel.use(label=FEMUR, radius=6)
    mouse = Mouse(empty.drawing)
    mouse.drag([(40, 30), (80, 55)], release=False)
    QTest.keyClick(empty.drawing, Qt.Key.Key_G)
    assert not empty.easel.in_stroke and empty.document.history.names == ["Paint femur"]
    mouse.release((80, 55))
    empty.tools.undo()
    assert not empty.document.mask.any()


def test_nothing_comes_between_the_parts_of_a_stroke(empty):
    empty.easel.use(label=FEMUR, radius=6)
    mouse = Mouse(empty.drawing)
    mouse.drag([(40, 30), (80, 30)], release=False)
    empty.actions_["label.grow"].trigger()
    assert empty.document.history.names == ["Paint femur", "Grow femur"]
    mouse.release((80, 30))
    drop(empty)
    empty.actions_["label.grow"].trigger()  # places the shape first
    assert empty.document.history.names[2] == "Place whole knee"
    empty.document.history.go_to(0)
    assert not empty.document.mask.any()
    drop(empty)
    empty.document.history.redo()  # a change of its own: nothing is left to redo
    assert empty.document.history.names == ["Place whole knee"]
    empty.document.history.go_to(0)
    assert not empty.document.mask.any()


def test_a_locked_label_neither_grows_nor_shrinks(window):
    page = window.page
    page.easel.use(label=FEMUR)
    page.actions_["label.lock"].trigger()
    before = page.document.mask.copy()
    for how in ("grow", "shrink", "smooth"):
        page.actions_[f"label.{how}"].trigger()
    np.testing.assert_array_equal(page.document.mask, before)


def test_two_quick_dabs_are_two_strokes(empty):
    empty.easel.use(label=FEMUR, radius=3)
    mouse, none = Mouse(empty.drawing), Qt.KeyboardModifier.NoModifier
    left = Qt.MouseButton.LeftButton
    mouse.click((40, 40))
    mouse.send(QEvent.Type.MouseButtonDblClick, (60, 40), left, left, none)
    mouse.release((60, 40))
    assert len(empty.document.history) == 2 and empty.document.mask[40, 60] == FEMUR


def test_a_tool_stays_in_hand_when_its_key_is_pressed_again(empty):
    for _ in range(2):
        QTest.keyClick(empty.drawing, Qt.Key.Key_B)
        assert empty.actions_["tool.brush"].isChecked()


def test_letters_typed_in_a_number_field_still_take_tools(empty):
    empty.panel.seed.setFocus()
    QTest.keyClick(empty.panel.seed, Qt.Key.Key_E)
    assert empty.actions_["tool.eraser"].isChecked()


def test_peeking_hides_the_mask_for_a_moment_and_never_shows_a_hidden_one(empty):
    empty.actions_["mask.toggle"].trigger()
    QTest.keyPress(empty.drawing, Qt.Key.Key_H)
    QTest.keyRelease(empty.drawing, Qt.Key.Key_H)
    assert not empty.mask_layer.visible


def test_a_moving_shape_is_told_as_one_change(empty):
    tool = drop(empty)
    heard = []
    empty.document.mask_touched.connect(lambda _box: heard.append(empty.document.mask.any()))
    tool._all(lambda points: points + 2)
    assert heard == [True]


def test_another_button_does_not_end_a_stroke_and_a_lost_release_does(empty):
    empty.easel.use(label=FEMUR, radius=4)
    mouse, none = Mouse(empty.drawing), Qt.KeyboardModifier.NoModifier
    left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
    mouse.drag([(40, 30), (60, 30)], release=False)
    mouse.send(QEvent.Type.MouseButtonPress, (60, 30), right, left | right, none)
    mouse.send(QEvent.Type.MouseButtonRelease, (60, 30), right, left, none)
    mouse.send(QEvent.Type.MouseMove, (90, 30), Qt.MouseButton.NoButton, left, none)
    assert empty.easel.in_stroke and empty.document.mask[30, 88] == FEMUR
    mouse.hover((100, 60))  # no button is down: its release went to a dialog
    assert not empty.easel.in_stroke and empty.document.history.names == ["Paint femur"]
    mouse.drag([(40, 90), (60, 90)])
    assert len(empty.document.history) == 2


def test_sizing_the_brush_does_not_outlive_a_change_of_tools(empty):
    empty.easel.use(label=FEMUR, radius=8)
    mouse = Mouse(empty.drawing)
    mouse.drag([(50, 50), (55, 50)], modifiers=ALT, release=False)
    for key in (Qt.Key.Key_G, Qt.Key.Key_B):
        QTest.keyClick(empty.drawing, key)
    radius = empty.easel.radius
    mouse.drag([(40, 30), (80, 30)])
    assert empty.easel.radius == radius and empty.document.history.names == ["Paint femur"]


def test_moving_a_shape_never_asks_for_the_mask_without_it(empty):
    tool = drop(empty)
    engine = empty.live.engine = FakeEngine()
    empty.live._ready = True
    for _ in range(3):
        tool._all(lambda points: points + 3)
    assert engine.asked and not any(ask.final for ask in engine.asked)
    assert all(ask.mask.labels.any() for ask in engine.asked)


def test_peeking_ends_when_the_window_loses_the_keyboard(empty):
    QTest.keyPress(empty.drawing, Qt.Key.Key_H)
    assert empty.mask_layer.peeking
    QApplication.sendEvent(empty.drawing, QFocusEvent(QEvent.Type.FocusOut))
    assert not empty.mask_layer.peeking


def test_seventy_one_labels_scroll_and_only_nine_have_a_key(empty, qtbot):
    """As many as whole-body masks have: the dock stays, and no key is shown that does nothing."""
    many = LabelTable(Label(i, f"organ {i}", (i, 3 * i, 200)) for i in range(1, 72))
    panel = LabelPanel(Easel(Document((20, 20), many, "knee")))
    qtbot.addWidget(panel)
    panel.resize(panel.sizeHint())
    panel.show()
    qtbot.waitExposed(panel)
    assert panel.height() < 400 and panel.verticalScrollBar().maximum() > 1000
    panel.ensureWidgetVisible(panel._buttons[71])
    last = panel._buttons[71]
    assert panel.viewport().rect().contains(last.mapTo(panel.viewport(), last.rect().center()))
    shown = [label.text() for label in panel.findChildren(QLabel) if label.text()]
    assert shown == [f"Alt+{n}" for n in range(1, 10)]
    for text in shown:
        assert QKeySequence(text).toString() == text
    assert label_keys(10) == () and label_keys(71) == ()
    assert not panel.horizontalScrollBar().isVisible()


def test_showing_only_one_label_is_taken_back_at_once(empty):
    before = len(empty.document.history)
    empty.labels.show_only(FEMUR)
    assert [s.label.id for s in empty.document.labels if s.visible] == [FEMUR]
    assert len(empty.document.history) == before + 1
    empty.document.history.undo()
    assert all(s.visible for s in empty.document.labels)
