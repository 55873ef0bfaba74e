"""Three linked planes: what they show of a labelled volume, and painting on each of them."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel

from tests.studio.driving import Mouse, pixels, press, wait_for
from xgen_studio.document import VolumeWork
from xgen_studio.imaging import Label, LabelTable, Volume
from xgen_studio.studio.canvas.planes import PRESETS, Planes
from xgen_studio.studio.canvas.slice_layers import outlines
from xgen_studio.studio.canvas.slice_view import MAXIMUM, MEAN, Plane
from xgen_studio.studio.tools import Brush, CentreTool, Fill, Lasso, Wand, easels

TABLE = LabelTable([Label(19, "T12", (255, 0, 0)), Label(20, "L1", (0, 255, 0))])
SHAPE = (20, 60, 80)  # 4 mm slices, 1 x 2 mm pixels


@pytest.fixture
def work():
    rng = np.random.default_rng(1)
    voxels = rng.integers(0, 100, SHAPE).astype(np.int16)
    voxels[4:9, 10:30, 50:70] += 700
    return VolumeWork.over(Volume(voxels, (1.0, 2.0, 4.0), (-40.0, 5.0, -300.0)), TABLE, "spine")


@pytest.fixture
def planes(qtbot, work):
    made = Planes()
    qtbot.addWidget(made)
    made.lay(work)
    made.resize(1000, 800)
    made.show()
    qtbot.waitExposed(made)
    made.cursor_at.go_to({0: 6, 1: 20, 2: 60})
    return made


def wheel(view, turn, modifiers=Qt.KeyboardModifier.NoModifier):
    at = QPointF(view.width() / 2, view.height() / 2)
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    turned = QPoint(0, round(120 * turn))
    place = view.mapToGlobal(at)
    event = QWheelEvent(at, place, QPoint(), turned, none, modifiers, phase, False)
    QApplication.sendEvent(view, event)


def double_click(view):
    at = QPointF(view.rect().center())
    kind, left = QEvent.Type.MouseButtonDblClick, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), left, left, none))


def colour_at(view, x, y):
    """(r, g, b) that is shown at a point in picture pixels."""
    column, row = view.view.to_widget(x, y)
    return tuple(pixels(view)[int(row), int(column)].tolist())


def test_the_wheel_goes_through_slices_and_ctrl_zooms(planes):
    view, moved = planes.views[Plane.SAGITTAL], []
    planes.cursor_moved.connect(moved.append)
    wheel(view, 2)
    wheel(view, -0.5)  # half a step of a fine wheel
    assert planes.cursor_at.at == (6, 20, 62)
    wheel(view, -0.5)
    assert planes.cursor_at.at == (6, 20, 61) and moved[-1] == (6, 20, 61)
    zoom = view.view.zoom
    wheel(view, 1, Qt.KeyboardModifier.ControlModifier)
    assert view.view.zoom > zoom and planes.cursor_at.at == (6, 20, 61)


def test_a_brush_on_any_plane_paints_the_voxels_under_it(planes, work):
    for plane, index in ((Plane.AXIAL, 6), (Plane.CORONAL, 20), (Plane.SAGITTAL, 60)):
        view = planes.views[plane]
        tools = {p: Brush(e) for p, e in easels(work, planes.views).items()}
        tools[plane].easel.use(radius=4.5, label=20)
        planes.use_tools(tools)
        Mouse(view).drag([view.middle()])
        z, y, x = np.nonzero(work.mask)
        assert set((z, y, x)[plane.normal]) == {index}, plane
        mm = np.stack([(z - 6) * 4.0, (y - 20) * 2.0, (x - 60) * 1.0])
        far = np.sqrt((mm**2).sum(0))
        assert far.max() <= 4.5 and len(z) >= 0.8 * np.pi * 4.5**2 / np.prod(view.view.spacing)
        assert work.history.undo() == "Paint L1" and not work.mask.any()


def test_a_ball_reaches_the_other_slices_and_all_planes_show_it(planes, work):
    brushes = easels(work, planes.views)
    brushes[Plane.CORONAL].use(ball=True, radius=9.0, label=20)
    assert all(e.ball and e.radius == 9.0 and e.label == 20 for e in brushes.values())
    planes.set_opacity(1.0)
    planes.set_lines(False)
    view = planes.views[Plane.AXIAL]
    planes.use_tools({p: Brush(e) for p, e in brushes.items()})
    Mouse(view).click(view.middle())
    assert (work.mask == 20).any((1, 2)).sum() == 5  # 18 mm of 4 mm slices
    for plane, view in planes.views.items():
        x, y = view.middle()
        off = 6 / view.view.spacing[0]
        assert colour_at(view, x + off, y) == (0, 255, 0), plane
        assert colour_at(view, x + 2 * off, y) != (0, 255, 0), plane


def test_what_is_shown_is_what_lies_in_the_mask_after_any_edits(planes, work):
    rng = np.random.default_rng(2)
    brushes = easels(work, planes.views)
    planes.use_tools({p: Brush(e) for p, e in brushes.items()})
    for i in range(30):
        plane = list(Plane)[i % 3]
        view = planes.views[plane]
        brushes[plane].use(radius=float(rng.uniform(1, 12)), ball=bool(rng.random() < 0.5))
        brushes[plane].use(label=int(rng.choice([19, 20])))
        ends = rng.uniform((0, 0), (view.view.columns, view.view.rows), (2, 2))
        button = Qt.MouseButton.RightButton if rng.random() < 0.2 else Qt.MouseButton.LeftButton
        Mouse(view).drag([tuple(e) for e in ends], button)
        if rng.random() < 0.3:
            work.history.undo()
        if rng.random() < 0.3:
            planes.cursor_at.go_to(dict(enumerate(rng.integers(0, SHAPE).tolist())))
        for plane, view in planes.views.items():
            shown = planes._masks[plane].mask
            np.testing.assert_array_equal(shown, view.slice_of(work.mask), plane.name)
    assert len(work.history) > 8 and work.mask.any()


def test_painting_keeps_to_grey_values_and_flat_tools_to_their_slice(planes, work):
    view = planes.views[Plane.CORONAL]
    brushes = easels(work, planes.views)
    easel = brushes[Plane.CORONAL]
    easel.use(limits=(600.0, 2000.0), label=20)
    mouse = Mouse(view)
    view.use_tool(Lasso(easel))
    mouse.drag([(45, 8), (75, 8), (75, 19), (45, 19)])
    expected = np.zeros(SHAPE, bool)
    expected[4:9, 20, 50:70] = True
    np.testing.assert_array_equal(work.mask == 20, expected)
    easel.use(limits=None, label=19)
    view.use_tool(Fill(easel))
    mouse.click((60.5, 20 - 6.5))
    np.testing.assert_array_equal(work.mask == 19, expected)
    work.history.go_to(0)
    view.use_tool(Wand(easel))
    mouse.click((60.5, 20 - 6.5))
    inside = work.mask == 19
    assert inside.sum() > 90 and not (inside & ~expected).any()


def test_escape_takes_a_stroke_back_and_undo_ends_it(planes, work):
    view = planes.views[Plane.SAGITTAL]
    planes.use_tools({p: Brush(e) for p, e in easels(work, planes.views).items()})
    mouse = Mouse(view)
    mouse.drag([(20, 10), (30, 12)], release=False)
    assert work.mask.any()
    press(view, Qt.Key.Key_Escape)
    mouse.release((30, 12))
    assert not work.mask.any() and len(work.history) == 0
    mouse.drag([(20, 10), (30, 12)], release=False)
    assert work.history.undo() == "Paint T12" and not work.mask.any()


def test_a_slab_is_the_mean_or_maximum_around_the_slice(planes, work):
    voxels = work.scan.voxels
    for plane, low, high in (
        (Plane.AXIAL, 5, 8),
        (Plane.SAGITTAL, 55, 67),
        (Plane.CORONAL, 18, 24),
    ):
        for at in (0, 1, -1):  # the slab is gathered once, and then moved
            planes.cursor_at.go_to({0: 6, 1: 20, 2: 60})
            planes.cursor_at.go(plane.normal, (6, 20, 60)[plane.normal] + at)
            thick = np.take(voxels, range(low + at, high + at), plane.normal)
            planes.set_slab(MAXIMUM, 12.0)
            shown = planes.views[plane].picture.pixels
            expected = thick.max(plane.normal)
            np.testing.assert_array_equal(shown, expected[::-1] if plane.down == 0 else expected)
            planes.set_slab(MEAN, 12.0)
            shown = planes.views[plane].picture.pixels
            expected = thick.mean(plane.normal)
            np.testing.assert_allclose(
                shown, expected[::-1] if plane.down == 0 else expected, rtol=1e-5
            )


def test_presets_drags_and_inversion_go_to_all_planes(planes):
    changed = []
    planes.window_changed.connect(lambda low, high: changed.append((low, high)))
    planes.show_preset(PRESETS[0])
    assert PRESETS[0].title == "Bone  400 / 1800" and changed[-1] == (-500, 1300)
    view = planes.views[Plane.CORONAL]
    shift, right = Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.RightButton
    Mouse(view).drag([(20, 5), (50, 5)], right, shift)
    windows = {(v.picture.low, v.picture.high) for v in planes.views.values()}
    assert windows == {changed[-1]} and changed[-1][1] - changed[-1][0] > 1900
    planes.show_preset(PRESETS[2])
    before = colour_at(view, 60.5, 13.5)
    planes.set_inverted(True)
    after = colour_at(view, 60.5, 13.5)
    assert before == (255, 255, 255) and after == (0, 0, 0)


def test_a_double_click_shows_one_plane_alone_and_all_again(planes):
    planes.set_beside(QLabel("report"))
    view = planes.views[Plane.SAGITTAL]
    small = view.width()
    double_click(view)
    wait_for(lambda: view.width() > 1.9 * small, 2)
    assert view.width() == planes.width() and view.height() == planes.height()
    assert not planes.views[Plane.AXIAL].isVisible() and not planes.beside.isVisible()
    double_click(view)
    wait_for(lambda: view.width() == small, 2)
    assert view.width() == small and planes.beside.isVisible()


def test_two_dabs_of_a_brush_do_not_enlarge(planes, work):
    planes.use_tools({p: Brush(e) for p, e in easels(work, planes.views).items()})
    double_click(planes.views[Plane.AXIAL])
    assert planes.alone is None and work.editor.active


def test_a_centre_is_dragged_within_the_plane_and_keeps_its_depth(planes, work):
    at = tuple(work.grid.index_to_mm((6, 20, 60)).tolist())
    work.put_centres({19: at}, "Centre")
    view = planes.views[Plane.SAGITTAL]
    assert planes.centres_of(Plane.SAGITTAL).seen()[19] == (20.5, 13.5, 1.0)
    wheel(view, 3)  # 3 mm beside it
    assert planes.centres_of(Plane.SAGITTAL).seen()[19][2] == pytest.approx(0.8)
    view.use_tool(CentreTool(work, planes.centres_of(Plane.SAGITTAL)))
    Mouse(view).drag([(20.5, 13.5), (26.0, 11.0), (30.5, 9.5)])
    np.testing.assert_allclose(work.grid.mm_to_index(work.centres[19]), (10, 30, 60), atol=1e-6)
    assert work.history.names == ["Centre", "Move T12"] and planes.cursor_at.at == (6, 20, 63)
    Mouse(view).click((5.5, 3.5))
    assert planes.cursor_at.at == (16, 5, 63) and work.history.count == 2


def test_a_name_stands_beside_its_centre_until_its_label_is_hidden(planes, work):
    planes.set_lines(False)
    view = planes.views[Plane.CORONAL]
    bare = pixels(view)
    work.put_centres({19: tuple(work.grid.index_to_mm((6, 20, 30)).tolist())}, "Centre")
    named = pixels(view)
    x, y = (round(v) for v in view.view.to_widget(30.5, 13.5))
    changed = (named != bare).any(-1)
    assert changed[y - 8 : y + 8, x + 8 : x + 40].any() and named[y, x].tolist() == [255, 0, 0]
    work.change_label(19, "Hide", visible=False)
    np.testing.assert_array_equal(pixels(view), bare)


def test_outlines_run_along_the_borders_of_voxels():
    labels = np.zeros((9, 12), np.uint8)
    labels[2:5, 3:9] = 4
    labels[4, 5:7] = 0
    labels[8, 11] = 7
    found = outlines(labels)
    lines = {tuple(line) for line in found[4].tolist()}
    assert lines == {
        (3, 2, 9, 2), (3, 5, 5, 5), (7, 5, 9, 5), (5, 4, 7, 4),
        (3, 2, 3, 5), (9, 2, 9, 5), (5, 4, 5, 5), (7, 4, 7, 5),
    }  # fmt: skip
    assert len(found[7]) == 4 and set(found) == {4, 7}


def test_outlined_labels_leave_the_picture_inside_free(planes, work):
    view = planes.views[Plane.AXIAL]
    planes.set_lines(False)
    wait_for(lambda: view.resting, 2)
    bare = pixels(view)
    work.mask[6, 10:30, 50:70] = 20
    planes.refresh((slice(6, 7), slice(10, 30), slice(50, 70)))
    planes.set_outlined(True)
    drawn = pixels(view)
    changed = (drawn != bare).any(-1)
    x0, y0 = view.view.to_widget(52, 12)
    x1, y1 = view.view.to_widget(68, 28)
    assert changed.any() and not changed[int(y0) : int(y1), int(x0) : int(x1)].any()
    column, row = (round(v) for v in view.view.to_widget(60, 10))
    assert drawn[row - 1 : row + 2, column, 1].max() == 255


def test_another_work_is_followed_and_the_one_before_is_not(planes, work, qtbot):
    other = VolumeWork.over(Volume(np.zeros((5, 6, 7), np.int16), (1.0, 1.0, 1.0)), TABLE, "spine")
    planes.lay(other)
    assert planes.views[Plane.AXIAL].view.columns == 7 and planes.cursor_at.at == (2, 3, 3)
    work.mask[...] = 0
    work.put_mask(np.full(SHAPE, 20, np.uint8), "x")  # heard by nobody
    other.put_mask(np.full((5, 6, 7), 19, np.uint8), "x")
    assert (planes._masks[Plane.CORONAL].mask == 19).all()
    planes.lay(None)
    assert planes.volume.shape == (1, 1, 1)


def test_without_its_scan_a_mask_is_shown_on_black(planes, work):
    without = VolumeWork(work.grid, TABLE, "spine")
    without.mask[6] = 20
    planes.lay(without)
    planes.set_opacity(1.0)
    planes.set_lines(False)
    planes.cursor_at.go_to({0: 6})
    assert colour_at(planes.views[Plane.AXIAL], 10.5, 10.5) == (0, 255, 0)
