"""Zoom, pan, and painting only what changed."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from tests.studio.driving import on_screen, pixels, wait_for
from xgen_studio.document import Document
from xgen_studio.document.regions import round_segment
from xgen_studio.studio.canvas import Canvas, HeatLayer, MaskLayer, Viewport
from xgen_studio.studio.canvas.scale_bar import round_length
from xgen_studio.wings.knee.science.labels import TABLE


def test_zooming_keeps_the_point_under_the_pointer():
    view = Viewport(288, 160, (0.5, 0.8), zoom=2.0, left=13.0, top=-7.0)
    before = view.to_picture(100, 50)
    view.zoom_at(100, 50, 1.7)
    assert view.to_picture(100, 50) == pytest.approx(before)
    assert view.zoom == pytest.approx(3.4)


def test_millimetres_are_equally_long_both_ways():
    view = Viewport(100, 100, (0.5, 1.0), zoom=2.0)
    assert view.scale == (2.0, 4.0)
    assert view.mm == 4.0
    assert view.to_picture(*view.to_widget(12.5, 80)) == pytest.approx((12.5, 80))


def test_fitting_shows_all_and_panning_never_loses_the_picture():
    view = Viewport(288, 160)
    view.fit(800, 600)
    (x0, y0), (x1, y1) = view.to_widget(0, 0), view.to_widget(288, 160)
    assert 0 <= x0 < x1 <= 800 and 0 <= y0 < y1 <= 600
    assert (x0 + x1) / 2 == pytest.approx(400)
    view.pan(1e6, -1e6)
    view.keep_visible(800, 600)
    assert view.left <= 800 - 40 and view.top + view.size[1] >= 40


@pytest.mark.parametrize(
    ("most", "length"), [(7.3, 5), (1.99, 1), (23, 20), (0.07, 0.05), (50, 50)]
)
def test_scale_bars_have_round_lengths(most, length):
    assert round_length(most) == pytest.approx(length)


@pytest.fixture
def painted(qtbot):
    document = Document((160, 288), TABLE, "knee")
    canvas = Canvas(288, 160)
    qtbot.addWidget(canvas)
    canvas.resize(641, 397)
    layer = MaskLayer(document.mask)
    layer.put_labels(document.labels)
    canvas.layers.append(layer)
    canvas.picture.put(np.random.default_rng(0).random((160, 288)).astype(np.float32))
    document.mask_touched.connect(canvas.mask_touched)
    canvas.show()
    qtbot.waitExposed(canvas)
    return document, canvas


@pytest.mark.parametrize("factor", [1.0, 0.37, 2.9, 11.3])
def test_what_is_painted_piece_by_piece_equals_a_picture_painted_at_once(painted, factor):
    document, canvas = painted
    canvas.zoom_to(canvas.view.zoom * factor)
    wait_for(lambda: canvas.resting)
    QApplication.processEvents()
    rng = np.random.default_rng(1)
    document.begin_stroke(3)
    for _ in range(12):
        ends = rng.uniform((0, 0), (288, 160), (2, 2))
        document.paint(round_segment(tuple(ends[0]), tuple(ends[1]), 6, document.shape))
        QApplication.processEvents()  # a small part of the widget is painted
    pieces = on_screen(canvas)
    canvas.update()
    QApplication.processEvents()
    whole = on_screen(canvas)
    assert (whole != 0).any()
    # Qt samples from where its clip begins: grey values may differ by one level, and a screen
    # pixel whose middle lies on the edge between two mask pixels may take either
    apart = np.abs(pieces.astype(int) - whole).max(-1)
    assert (apart > 1).sum() <= 1e-4 * apart.size


def test_a_label_shows_in_its_colour_and_a_hidden_one_not_at_all(painted):
    document, canvas = painted
    canvas.picture.put(np.zeros((160, 288), np.float32))
    canvas.layer(MaskLayer).set_opacity(1.0)
    document.fill(round_segment((144, 80), (144, 80), 30, document.shape), 3, "femur")
    x, y = map(int, canvas.view.to_widget(144, 80))
    assert tuple(pixels(canvas)[y, x]) == document.state(3).label.colour
    document.change_label(3, "Hide femur", visible=False)
    canvas.layer(MaskLayer).put_labels(document.labels)
    assert tuple(pixels(canvas)[y, x]) == (0, 0, 0)


def wheel(canvas, at, turns, modifiers=Qt.KeyboardModifier.NoModifier):
    event = QWheelEvent(
        QPointF(*at),
        canvas.mapToGlobal(QPointF(*at)),
        QPoint(),
        QPoint(0, 120 * turns),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_the_wheel_zooms_at_the_pointer_and_with_shift_resizes_the_brush(painted):
    _, canvas = painted
    before, zoom = canvas.view.to_picture(222, 111), canvas.view.zoom
    wheel(canvas, (222, 111), 2)
    assert canvas.view.zoom == pytest.approx(zoom * 1.44)
    assert canvas.view.to_picture(222, 111) == pytest.approx(before)
    heard = []
    canvas.brush_resized.connect(heard.append)
    wheel(canvas, (222, 111), -1, Qt.KeyboardModifier.ShiftModifier)
    assert heard == [-1] and canvas.view.zoom == pytest.approx(zoom * 1.44)


def test_a_heatmap_lies_over_the_mask_with_its_opacity(painted):
    document, canvas = painted
    canvas.picture.put(np.zeros((160, 288), np.float32))
    document.fill(round_segment((144, 80), (144, 80), 30, document.shape), 3, "femur")
    plain = pixels(canvas)
    heat = np.zeros((160, 288), np.float32)
    heat[70:90, 134:154] = 1
    glow = HeatLayer()
    glow.put(heat)
    glow.set_opacity(1.0)
    canvas.layers.append(glow)
    x, y = map(int, canvas.view.to_widget(144, 80))
    assert pixels(canvas)[y, x, 0] == 255 and tuple(plain[y, x]) != tuple(pixels(canvas)[y, x])
    glow.set_opacity(0.0)
    np.testing.assert_array_equal(pixels(canvas), plain)
