"""The hand workspace: a run is reviewed, landmarks are set, by mouse and keys."""

import json

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QItemSelectionModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from tests.hands import sound_hands
from tests.studio.conftest import Mouse
from xgen_studio.anatomy.hand.annotation import Annotation, State
from xgen_studio.anatomy.hand.landmarks import COUNT
from xgen_studio.anatomy.hand.reading import read_annotations
from xgen_studio.anatomy.hand.writing import write_table
from xgen_studio.errors import InputError
from xgen_studio.imaging import write_png8, write_png16
from xgen_studio.jobs.review import Review, compared
from xgen_studio.jobs.screen import FILE, read_screening, screen_folder
from xgen_studio.studio.engine.protocol import HandJudged, HandRun, LocatedHand, ScreenFolder
from xgen_studio.studio.hand.comparison import page_of
from xgen_studio.studio.hand.gallery import read_small


@pytest.fixture
def place(window):
    window.show_workspace("hand")
    return window._places["hand"]


@pytest.fixture
def page(place, pairs, qtbot):
    """The review of six screened hands: four sound, one with a spurious blob, one lacks a finger.
    """
    screen_folder(pairs[0], "calibrated", pairs[0])
    place.page.run.open_folder(pairs[0])
    return place.page


def press(widget, key, modifiers=Qt.KeyboardModifier.NoModifier):
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(widget, QKeyEvent(kind, key, modifiers))


# -- review ---------------------------------------------------------------------------------------


def test_a_run_is_shown_with_its_rates_and_reasons(page):
    assert page.gallery.hands.rowCount() == 6
    assert "66.7 %" in page.limits.synthetic.text() and "4 of 6" in page.limits.synthetic.text()
    assert "of 597" in page.limits.real.text()
    reasons = [page.facets.reasons.item(i).text() for i in range(page.facets.reasons.count())]
    assert "Extra peaks   1" in reasons and "nothing: it passes   4" in reasons
    tip = page.gallery.hands.data(page.gallery.hands.index(4), Qt.ItemDataRole.ToolTipRole)
    assert "rejected" in tip and "belong to no landmark" in tip


def test_thumbnails_arrive_and_are_painted(page, qtbot):
    file = str(page.review.folder / "000.png")
    page.gallery.viewport().grab()
    qtbot.waitUntil(lambda: page.gallery.thumbnails.get(file) is not None, timeout=5000)
    picture, own = page.gallery.thumbnails.get(file)
    assert (own.width(), own.height()) == (192, 256) and picture.width() == 132
    grabbed = page.gallery.viewport().grab().toImage()
    rect = page.gallery.visualRect(page.gallery.hands.index(0))
    colours = {grabbed.pixelColor(x, rect.center().y()).name()
               for x in range(rect.left(), rect.right())}  # fmt: skip
    assert "#35a764" in colours  # the frame of an accepted hand


def test_thumbnails_are_read_without_qt(tmp_path):
    """Qt's readers crash on two threads at once."""
    ramp = np.linspace(0, 1, 64)[None].repeat(32, 0).astype(np.float32)
    write_png16(tmp_path / "ramp.png", ramp, {})
    grey, own = read_small(str(tmp_path / "ramp.png"), 16)
    assert own == (64, 32) and grey.shape == (8, 16)
    assert grey[4, 0] < 12 and grey[4, -1] > 243 and (np.diff(grey[4].astype(int)) > 0).all()
    (tmp_path / "cat.png").write_bytes(b"meow")
    assert read_small(str(tmp_path / "cat.png"), 16)[1] == (1, 1)


def test_ticked_reasons_and_states_choose_the_hands(page):
    for i in range(page.facets.reasons.count()):
        item = page.facets.reasons.item(i)
        if item.text().startswith("Extra"):
            item.setCheckState(Qt.CheckState.Checked)
    assert page.gallery.hands.numbers == [4]
    for row, shown in ((0, 1), (0, 6), (2, 4)):  # alone, none, "it passes"
        page.actions_[f"hand.reason{row + 1}"].trigger()
        assert len(page.gallery.hands.numbers) == shown
    page.actions_["hand.reason3"].trigger()
    page.facets.state.setCurrentText("rejected")
    assert page.gallery.hands.numbers == [4, 5]
    page.facets.sort.setCurrentText("missing")
    page.facets.falling.setChecked(True)
    assert page.gallery.hands.numbers == [5, 4]
    page.facets.filter.setText("cat > 3")
    assert page.facets.trouble.isVisibleTo(page.facets)
    assert "no metric" in page.facets.trouble.text()


def test_a_slider_decides_anew_with_the_real_rate_beside(page, qtbot):
    real = page.limits.real.text()
    page.limits.sliders["EXTRA"].setValue(1)  # one extra peak is let pass
    assert "5 of 6" in page.limits.synthetic.text()
    page.limits.sliders["WRIST"].setValue(10)
    assert "0 of 6" in page.limits.synthetic.text() and page.limits.real.text() != real
    qtbot.waitUntil(lambda: "0 accepted" in page.counts.text())
    page.limits.reset.click()
    assert "4 of 6" in page.limits.synthetic.text() and page.limits.real.text() == real


def test_hands_are_accepted_and_rejected_with_undo_and_kept(page, qtbot):
    page.gallery.select(4)
    page.actions_["hand.accept"].trigger()
    assert page.review.accepted()[4]
    qtbot.waitUntil(lambda: (page.review.folder / "review.json").exists(), timeout=3000)
    kept = json.loads((page.review.folder / "review.json").read_text())
    assert kept["marks"]["004"]["accepted"] is True
    page.actions_["hand.undo"].trigger()
    assert not page.review.accepted()[4]
    page.actions_["hand.redo"].trigger()
    page.actions_["hand.leave"].trigger()
    assert page.review.mark_of("004") is None


def test_a_hand_is_looked_at_and_the_next_ones_follow(page):
    page.gallery.opened.emit(4)
    assert page.stack.currentWidget() is page.detail
    assert "rejected" in page.detail.title.text()
    assert "belong to no landmark" in page.detail.why.text()
    rows = {page.detail.table.item(r, 0).text(): page.detail.table.item(r, 1).text()
            for r in range(page.detail.table.rowCount())}  # fmt: skip
    assert rows["Extra peaks"] == "1 peak" and rows["Wrist"].endswith("mm")
    page.actions_["hand.next"].trigger()
    assert page.detail.number == 5
    page.actions_["hand.next"].trigger()
    assert page.detail.number == 5  # the last one
    page.actions_["hand.previous"].trigger()
    page.actions_["hand.gallery"].trigger()
    assert page.gallery.chosen() == [4]


def test_a_label_is_dragged_to_another_peak_and_judged_live(page):
    page.look(0)
    hand = page.review.shown["000"]
    mouse = Mouse(page.detail.canvas)
    page.detail.canvas.resize(500, 600)
    page.detail.canvas.fit()
    mouse.drag([tuple(hand.landmarks[20]), (120, 120), tuple(hand.landmarks[24])])
    moved = page.review.shown["000"]
    assert moved.labels.peaks[20] == hand.labels.peaks[24]
    assert "rejected" in page.detail.title.text() and "moved by hand" in page.detail.why.text()
    page.actions_["hand.undo"].trigger()
    assert "accepted" in page.detail.title.text()


def test_deciding_goes_on_where_the_filter_takes_the_hand_away(page):
    page.facets.state.setCurrentText("rejected")
    page.gallery.select(4)
    page.decide(True)
    assert page.gallery.chosen() == [5]  # the next one has its place
    page.undo()
    page.facets.state.setCurrentText("all hands")
    page.gallery.select(0)
    for row in range(3):
        page.gallery.selectionModel().select(
            page.gallery.hands.index(row), QItemSelectionModel.SelectionFlag.Select
        )
    page.facets.state.setCurrentText("accepted")
    page.decide(False)
    assert page.gallery.chosen() == [3]  # none is skipped
    page.undo()
    page.facets.state.setCurrentText("rejected")
    page.look(4)
    page.decide(True)
    page.step(1)
    assert page.detail.number == 5
    page.step(-1)
    assert page.detail.number == 5  # there is none before it any more


def test_saving_says_what_became_of_it(place, page, monkeypatch, window):
    said = []
    page.said.connect(said.append)
    window.actions_["file.save"].trigger()
    assert said[-1].startswith("Decisions are saved")

    def full(_self):
        raise InputError("disk is full")

    monkeypatch.setattr(Review, "save", full)
    window.actions_["file.save"].trigger()
    assert said[-1] == "disk is full"


def test_arrow_keys_stay_the_gallery_s(place, page):
    place.tabs.setCurrentIndex(1)
    place.tabs.setCurrentIndex(0)
    assert not page.actions_["hand.next"].isEnabled() and page.actions_["hand.accept"].isEnabled()
    page.look(0)
    assert page.actions_["hand.next"].isEnabled()


def test_runs_are_compared_with_their_limits(page):
    table = compared(page.review, page.review)
    assert "Limits moved by you" not in page_of(table)
    page.review.set_limits({"BONE": 9.0})
    words = page_of(compared(page.review, page.review))
    assert "Limits moved by you" in words and "Worst bone 9" in words
    assert "median size of bone" in words


def test_a_label_is_taken_away(page):
    said = []
    page.said.connect(said.append)
    page.look(0)
    page.detail.picture.selected = 20
    page.actions_["hand.absent"].trigger()
    assert page.review.shown["000"].labels.peaks[20] == -1
    assert page.review.reasons(0)[0] == "MISSING"
    page.undo()
    assert page.review.by_gate()[0] and said[-1] == "Taken back: label of hand 000"


def test_limits_that_were_moved_are_seen(page):
    limits = page.limits
    assert not limits.reset.isEnabled()
    limits.sliders["EXTRA"].setValue(1)
    assert page.review.gate.limits["EXTRA"] == 1 and limits.reset.isEnabled()
    assert "600" in limits._values["EXTRA"].styleSheet()
    limits.reset.click()
    assert not limits.reset.isEnabled() and limits._values["EXTRA"].styleSheet() == ""


def test_a_click_tells_why_a_landmark_has_its_peak(page):
    page.look(0)
    page.detail.canvas.resize(500, 600)
    page.detail.canvas.fit()
    Mouse(page.detail.canvas).click(tuple(page.review.shown["000"].landmarks[28]))
    assert page.detail.picture.selected == 28
    assert "28 middle tip" in page.detail.landmark.text() and "mm" in page.detail.landmark.text()
    for name, box in page.detail.switches.items():  # every overlay can be painted
        box.setChecked(not box.isChecked())
        assert not page.detail.canvas.grab().isNull(), name
    page.detail.heat.setValue(100)
    assert page.detail.canvas.picture.opacity == 0


def test_hands_appear_as_they_are_drawn_and_judged(place, pairs, monkeypatch):
    page, sent = place.page, []
    monkeypatch.setattr(page.queue.engine, "send", sent.append)
    screen_folder(pairs[0], "calibrated", pairs[0])
    _, found = read_screening(pairs[0] / FILE)
    page.run.folder.setText(str(pairs[0].parent))
    page.run.count.setValue(6)
    page.run.seed.setValue(11)
    page.run.generate()
    request = next(m for m in sent if isinstance(m, HandRun))
    assert request.seeds == tuple(range(11, 17)) and request.gate == "calibrated"
    for screening in found[:3]:
        page.queue.engine.judged.emit(HandJudged(request.number, request.folder, screening))
    page.refresh()
    assert page.gallery.hands.rowCount() == 3 and "3 of 6" in page.run.state.text()


def test_a_folder_that_was_not_judged_is_judged_first(place, pairs, monkeypatch):
    sent = []
    monkeypatch.setattr(place.page.queue.engine, "send", sent.append)
    place.page.run.open_folder(pairs[0])
    request = next(m for m in sent if isinstance(m, ScreenFolder))
    assert request.folder == str(pairs[0])


def test_a_damaged_screening_is_said_and_changes_nothing(page, tmp_path):
    before = page.review
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / FILE).write_text("{")
    page.run.open_folder(tmp_path / "bad")
    assert page.review is before and "cannot be read" in page.run.state.text()


def test_the_accepted_hands_are_exported(page, tmp_path, monkeypatch, qtbot):
    target = tmp_path / "sets"
    target.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a, **_k: str(target))
    said = []
    page.said.connect(said.append)
    page.export("accepted")
    qtbot.waitUntil(lambda: said[-1].startswith("4 hand(s) in"), timeout=10_000)
    assert (target / "pairs-accepted" / "manifest.json").exists()
    page.export("accepted")
    qtbot.waitUntil(lambda: said[-1].endswith("pairs-accepted-2"), timeout=10_000)
    qtbot.waitUntil(lambda: said[-1].startswith("4 hand(s) in"), timeout=10_000)
    assert sorted(p.name for p in target.iterdir()) == ["pairs-accepted", "pairs-accepted-2"]


# -- landmarks ------------------------------------------------------------------------------------


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


def test_landmarks_are_placed_in_template_order(marks, tmp_path):
    points = 1.5 * sound_hands(1)[0] + 8
    mouse = Mouse(marks.canvas)
    for n, (x, y) in enumerate(points):
        assert marks.work.now.next_absent() == n
        mouse.click((x, y))
    assert marks.work.now.complete
    np.testing.assert_allclose(marks.work.now.points + 0.5, points, atol=0.01)
    mouse.click((5, 5))  # a click beside them moves none
    np.testing.assert_allclose(marks.work.now.points + 0.5, points, atol=0.01)
    assert marks.told.text() == "37 of 37 placed" and "mm" in marks.scale.text()
    for _ in range(COUNT):
        marks.undo()
    assert marks.work.now.next_absent() == 0
    for _ in range(COUNT):
        marks.redo()
    assert marks.save(tmp_path / "t.csv") and not marks.work.modified
    found = read_annotations(tmp_path / "t.csv")["hand"]
    np.testing.assert_allclose(found.points + 0.5, points, atol=0.02)


def test_a_landmark_is_dragged_nudged_hidden_and_removed(marks, tmp_path):
    mouse = Mouse(marks.canvas)
    mouse.click((100, 120))
    mouse.drag([(100, 120), (130, 140), (150, 160)])
    np.testing.assert_allclose(marks.work.now.points[0] + 0.5, (150, 160), atol=0.5)
    before = marks.work.now.points[0].copy()
    press(marks.canvas, Qt.Key.Key_Right)
    press(marks.canvas, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_allclose(marks.work.now.points[0] - before, (1, 0.25))
    mouse.click(tuple(marks.work.now.points[0] + 0.5), Qt.MouseButton.RightButton)
    assert marks.work.now.states[0] is State.OCCLUDED
    assert not marks.save(tmp_path / "t.csv")  # a table holds complete hands only
    assert marks.save(tmp_path / "t.json")
    assert read_annotations(tmp_path / "t.json")["hand"].states[0] is State.OCCLUDED
    marks.actions_["mark.absent"].trigger()
    assert marks.work.now.states[0] is State.ABSENT
    marks.undo()
    marks.undo()  # the right click
    assert marks.work.now.states[0] is State.PLACED


def test_a_click_sets_what_was_taken_back(marks):
    points = 1.5 * sound_hands(1)[0] + 8
    mouse = Mouse(marks.canvas)
    for x, y in points[:5]:
        mouse.click((x, y))
    marks.undo()
    marks.undo()
    assert marks.tool.order.due == 3
    mouse.click(tuple(points[3]))
    assert marks.tool.order.due == 4 and marks.work.now.next_absent() == 4
    mouse.click(tuple(points[4]))
    marks.undo()
    marks.redo()
    assert marks.tool.order.due == 5
    np.testing.assert_allclose(marks.work.now.points[3:5] + 0.5, points[3:5], atol=0.01)


def test_a_landmark_that_was_left_out_is_not_set_by_a_later_click(marks):
    points = 1.5 * sound_hands(1)[0] + 8
    mouse = Mouse(marks.canvas)
    marks.map.chosen.emit(34)
    mouse.click(tuple(points[34]))
    marks.actions_["mark.absent"].trigger()  # 35 is not there: on to 36
    assert marks.tool.order.due == 36 and marks.list.currentRow() == 36
    mouse.click(tuple(points[36]))
    assert marks.tool.order.due is None
    mouse.click((5, 5))  # nothing is due: a click sets none
    placed = [n for n, state in enumerate(marks.work.now.states) if state is State.PLACED]
    assert placed == [34, 36]
    marks.list.setCurrentRow(35)
    mouse.click(tuple(points[35]))
    np.testing.assert_allclose(marks.work.now.points[35] + 0.5, points[35], atol=0.01)


def test_a_click_on_a_dot_takes_it_in_hand(marks):
    mouse = Mouse(marks.canvas)
    mouse.click((100, 120))
    mouse.click((100, 120))
    assert marks.tool.selected == 0 and marks.work.now.next_absent() == 1
    mouse.click((110, 120))  # beside it: the next
    assert marks.work.now.next_absent() == 2


def test_what_was_left_out_stays_so(marks):
    points = 1.5 * sound_hands(1)[0] + 8
    mouse, order = Mouse(marks.canvas), marks.tool.order
    for x, y in points[:3]:
        mouse.click((x, y))
    marks.actions_["mark.absent"].trigger()  # 3 is not there
    for x, y in points[4:7]:
        mouse.click((x, y))
    marks.list.setCurrentRow(1)
    assert "Delete" not in marks.tool._help()  # it would remove 1, not leave out 7
    marks.actions_["mark.absent"].trigger()  # 1 was wrong
    assert order.due == 1
    mouse.click(tuple(points[1] + (9, 9)))
    assert order.due == 7
    marks.undo()
    marks.undo()
    assert order.due == 7
    for _ in range(4):
        marks.undo()
    assert order.due == 2
    marks.redo()
    assert order.due == 4  # not 3


def test_a_trembling_hand_sets_and_a_hand_beside_the_picture_does_not(marks):
    mouse, scale = Mouse(marks.canvas), marks.canvas.view.scale[0]
    mouse.click((100, 120))
    near = 100 + 8 / scale  # within reach of it
    mouse.drag([(near, 120), (near + 0.5 / scale, 120)])
    np.testing.assert_allclose(marks.work.now.points[0] + 0.5, (100, 120), atol=0.01)
    assert marks.work.now.next_absent() == 2
    mouse.drag([(100 + 2 / scale, 120), (150 + 2 / scale, 120)])  # taken beside its middle
    np.testing.assert_allclose(marks.work.now.points[0] + 0.5, (150, 120), atol=0.01)
    mouse.click((-20, 50))
    mouse.drag([(200, 200), (350, 200)])  # nothing was taken hold of
    assert marks.work.now.next_absent() == 2


def test_the_next_landmark_is_expected_where_it_turns_out_to_be(marks):
    points = 1.5 * sound_hands(3)[2] + 8
    mouse = Mouse(marks.canvas)
    for n, (x, y) in enumerate(points[:30]):
        if n >= 25:  # the wrist, the thumb and a finger tell much
            assert np.hypot(*(marks.tool.expected[n] - (x, y))) < 25
        mouse.click((x, y))
    assert np.isnan(marks.tool.expected).sum() == 0
    marks.open(marks.file)
    assert np.isnan(marks.tool.expected).all()


def test_saving_beside_other_hands_and_over_this_one(marks, tmp_path, monkeypatch):
    own, other = (1.5 * hand + 8 for hand in sound_hands(2))
    write_table(tmp_path / "all.csv", {"other": other})
    asked, answers = [], [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(tmp_path / "all.csv"), "")
    )
    monkeypatch.setattr(
        QMessageBox, "question", lambda *a, **_k: asked.append(a[2]) or answers.pop(0)
    )
    marks.work.say(Annotation.of(own))
    assert marks.ask_save() and not asked  # it takes nothing away
    assert not marks.ask_save() and "Replace them? Those of 1 other hand(s) stay" in asked[0]
    assert marks.ask_save() and set(read_annotations(tmp_path / "all.csv")) == {"hand", "other"}


def test_a_table_keeps_what_is_none_of_its_business(marks, tmp_path):
    own, other = (1.5 * hand + 8 for hand in sound_hands(2))
    numbers = ",".join(f"{v:.4f}" for v in other.ravel())
    header = "id,sex," + ",".join(f"{axis}{n}" for n in range(COUNT) for axis in "xy")
    lines = [header, f"hand.left,f,{numbers}", f"hand.right,m,{numbers}"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    marks.work.say(Annotation.of(own))
    assert marks.save(tmp_path / "t.csv")
    marks.work.say(Annotation.of(own + 1))
    assert marks.save(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[:3] == lines
    found = read_annotations(tmp_path / "t.csv")
    assert list(found) == ["hand.left", "hand.right", "hand"]
    np.testing.assert_allclose(found["hand"].points, own + 1, atol=0.006)


def test_coco_keeps_other_hands_and_other_programs_files(marks, tmp_path):
    said = []
    marks.said.connect(said.append)
    marks.work.say(Annotation.empty().put(3, (40, 50), State.OCCLUDED))
    assert marks.save(tmp_path / "a.json")
    marks.file = marks.file.with_name("second.png")
    assert marks.save(tmp_path / "a.json") and "beside those of 1 other" in said[-1]
    found = read_annotations(tmp_path / "a.json")
    assert list(found) == ["hand", "second"] and found["hand"].states[3] is State.OCCLUDED
    table = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "b.json").write_text(json.dumps(table | {"licenses": []}))
    assert not marks.save(tmp_path / "b.json") and "(licenses); choose another" in said[-1]
    (tmp_path / "b.json").write_text('{"info": {}}')
    assert not marks.save(tmp_path / "b.json") and "no COCO file" in said[-1]
    assert not marks.save(tmp_path / "c.mrk.json") and "3D Slicer" in said[-1]


def test_open_and_save_are_about_what_is_in_sight(place, marks, monkeypatch, window, tmp_path):
    asked = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *a, **_k: asked.append(a[1]) or ("", "")
    )
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *a, **_k: asked.append(a[1]) or ("", "")
    )
    window.actions_["file.save"].trigger()
    window.actions_["file.open"].trigger()
    assert asked == ["Save landmarks", "Open a hand radiograph"]
    window.show_workspace("knee")
    window.actions_["file.save"].trigger()
    assert asked[-1] == "Save as"


def test_leaving_unsaved_landmarks_offers_to_save(marks, tmp_path, monkeypatch):
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Save]
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: answers.pop(0))
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(tmp_path / "s.json"), "")
    )
    marks.work.say(Annotation.empty().put(3, (40, 50)))
    assert not marks.may_leave()
    assert marks.may_leave() and (tmp_path / "s.json").exists() and not marks.work.modified


def test_swapped_sides_are_seen_and_flipped(marks, tmp_path):
    hand = 1.5 * sound_hands(1)[0] + 8
    write_table(tmp_path / "m.csv", {"hand": np.array([399, 0]) + hand * (-1, 1)})
    marks.load(tmp_path / "m.csv")
    assert "left and right are swapped" in marks.told.text()
    assert not marks.work.modified  # it is what the file says
    pixels = marks.canvas.picture.pixels.copy()
    marks.flip()
    assert marks.told.text() == "37 of 37 placed"
    np.testing.assert_array_equal(marks.canvas.picture.pixels, pixels[:, ::-1])
    np.testing.assert_allclose(marks.tool.seen(marks.canvas), hand + 0.5, atol=0.02)
    Mouse(marks.canvas).drag([tuple(hand[20] + 0.5), (200, 210), (220, 230)])
    marks.save(tmp_path / "again.csv")  # in the file's own coordinates, flipped or not
    [saved] = read_annotations(tmp_path / "again.csv").values()
    np.testing.assert_allclose(saved.points[20] + 0.5, (400 - 220, 230), atol=0.6)
    marks.undo()
    np.testing.assert_allclose(marks.tool.seen(marks.canvas)[20], hand[20] + 0.5, atol=0.02)
    marks.flip()
    np.testing.assert_array_equal(marks.canvas.picture.pixels, pixels)


def test_other_hands_of_a_table_stay_when_one_is_saved(marks, tmp_path):
    own, other = (1.5 * hand + 8 for hand in sound_hands(2))
    write_table(tmp_path / "m.csv", {"hand": own, "other": other})
    marks.load(tmp_path / "m.csv")
    marks.tool.select(3)
    press(marks.canvas, Qt.Key.Key_Right)
    assert marks.save(tmp_path / "m.csv")
    found = read_annotations(tmp_path / "m.csv")
    assert set(found) == {"hand", "other"}
    np.testing.assert_allclose(found["hand"].points[3] - own[3], (1, 0), atol=0.02)
    np.testing.assert_allclose(found["other"].points, other, atol=0.02)


def test_undo_ends_a_drag_and_keeps_the_rest(marks):
    mouse = Mouse(marks.canvas)
    mouse.click((100, 120))
    first = marks.work.now.points[0].copy()
    mouse.drag([(100, 120), (130, 140)], release=False)
    marks.undo()
    np.testing.assert_allclose(marks.work.now.points[0], first)
    mouse.hover((170, 180))
    mouse.release((170, 180))
    np.testing.assert_allclose(marks.work.now.points[0], first)


def test_landmarks_of_another_scale_are_refused(marks, tmp_path):
    said = []
    marks.said.connect(said.append)
    write_table(tmp_path / "m.csv", {"hand": 9 * sound_hands(1)[0]})
    marks.load(tmp_path / "m.csv")
    assert "differ in scale" in said[-1] and not marks.work.modified


def test_proposed_landmarks_can_be_doubted_and_undone(marks, monkeypatch):
    sent = []
    monkeypatch.setattr(marks.engine, "send", sent.append)
    marks.propose()
    points = 1.5 * sound_hands(1)[0] + 8
    marks.engine.located.emit(LocatedHand(sent[0].number, sent[0].path, points, True, "odd bones"))
    assert marks.work.now.complete and "odd bones" in marks.told.text() and marks.work.modified
    assert "right hand" in marks.told.text()
    marks.undo()
    assert not marks.work.modified
    marks.propose()
    marks.open(marks.file.with_name("other.png"))  # not there: all stays, and it is still asked
    write_png8(marks.file.with_name("other.png"), np.zeros((500, 400)))
    marks.open(marks.file.with_name("other.png"))
    marks.engine.located.emit(LocatedHand(sent[-1].number, sent[-1].path, points, False, ""))
    assert marks.work.now.next_absent() == 0 and marks.propose_button.isEnabled()


def test_keys_belong_to_the_page_in_sight(place):
    assert place.page.actions_["hand.undo"].isEnabled()
    place.tabs.setCurrentIndex(1)
    assert not place.page.actions_["hand.undo"].isEnabled()
    assert place.landmarks.actions_["mark.undo"].isEnabled()
    assert [title for title, _ in place.menus][-1] == "&Landmarks"


def test_what_is_dropped_goes_where_it_belongs(place, pairs, tmp_path):
    screen_folder(pairs[0], "calibrated", pairs[0])
    assert place.take(pairs[0]) and place.page.review is not None
    write_png8(tmp_path / "hand.png", np.zeros((500, 400)))
    assert place.take(tmp_path / "hand.png") and place.shown is place.landmarks
    write_table(tmp_path / "m.csv", {"hand": 1.5 * sound_hands(1)[0]})
    assert place.take(tmp_path / "m.csv") and place.landmarks.work.now.complete
    assert not place.take(tmp_path / "knee.xgen")
