"""Landmarks are set, corrected and saved in the real window, by mouse and keys."""

import json
import signal
import subprocess
import sys

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from tests.studio.driving import FakeEngine, Mouse, press
from tests.wings.hand.hands import sound_hands
from xgen_studio.imaging import write_json, write_png8
from xgen_studio.studio.recovery import offer_recovery
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import COUNT
from xgen_studio.wings.hand.science.reading import read_annotations
from xgen_studio.wings.hand.science.writing import coco, write_table
from xgen_studio.wings.hand.tasks.asks import LocatedHand


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
    assert marks.panel.told.text() == "37 of 37 placed" and "mm" in marks.panel.scale.text()
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
    marks.panel.map.chosen.emit(34)
    mouse.click(tuple(points[34]))
    marks.actions_["mark.absent"].trigger()  # 35 is not there: on to 36
    assert marks.tool.order.due == 36 and marks.panel.list.currentRow() == 36
    mouse.click(tuple(points[36]))
    assert marks.tool.order.due is None
    mouse.click((5, 5))  # nothing is due: a click sets none
    placed = [n for n, state in enumerate(marks.work.now.states) if state is State.PLACED]
    assert placed == [34, 36]
    marks.panel.list.setCurrentRow(35)
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
    marks.panel.list.setCurrentRow(1)
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
    assert order.due == 3 and "left out" not in marks.panel.list.item(3).toolTip()
    marks.undo()
    assert order.due == 2
    marks.redo()
    marks.redo()
    assert order.due == 4 and marks.panel.list.item(3).toolTip() == "left out"


def test_what_a_file_leaves_out_before_its_last_landmark_stays_out(marks, tmp_path):
    points = 1.5 * sound_hands(1)[0] + 8
    hand = Annotation.of(points).without(6)
    hand = Annotation(hand.points, hand.states, (400, 500)).without(36)
    write_json(tmp_path / "hand.json", coco({"hand.png": hand}, "one hand"))
    marks.load(tmp_path / "hand.json")
    assert marks.work.now.left_out == {6} and marks.tool.order.due == 36


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
    assert "left and right are swapped" in marks.panel.told.text()
    assert not marks.work.modified  # it is what the file says
    pixels = marks.canvas.picture.pixels.copy()
    marks.flip()
    assert marks.panel.told.text() == "37 of 37 placed"
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
    engine = FakeEngine()
    monkeypatch.setattr(marks, "engine", engine)
    marks.propose()
    points = 1.5 * sound_hands(1)[0] + 8
    engine.tell(LocatedHand(engine.asked[-1].images[0], points, True, "odd bones"))
    assert (
        marks.work.now.complete and "odd bones" in marks.panel.told.text() and marks.work.modified
    )
    assert "right hand" in marks.panel.told.text()
    marks.undo()
    assert not marks.work.modified
    marks.propose()
    marks.open(marks.file.with_name("other.png"))  # not there: all stays, and it is still asked
    write_png8(marks.file.with_name("other.png"), np.zeros((500, 400)))
    marks.open(marks.file.with_name("other.png"))
    engine.tell(LocatedHand(engine.asked[-1].images[0], points, False, ""))
    assert marks.work.now.next_absent() == 0 and marks.panel.propose_button.isEnabled()


def test_a_proposal_keeps_what_people_did_and_stays_in_the_picture(marks, monkeypatch):
    engine = FakeEngine()
    monkeypatch.setattr(marks, "engine", engine)
    points = 1.5 * sound_hands(1)[0] + 8
    mouse = Mouse(marks.canvas)
    mouse.click((100, 120))
    marks.actions_["mark.absent"].trigger()  # 1 is left out
    points[5], points[7] = (-40, 30), (400.2, 30)
    marks.propose()
    engine.tell(LocatedHand(engine.asked[-1].images[0], points - 0.5, False, ""))
    now = marks.work.now
    np.testing.assert_allclose(now.points[0], (99.5, 119.5), atol=0.01)
    assert now.states[1] is State.ABSENT and now.left_out == {1}
    assert now.due() == {5, 7} and marks.tool.order.due == 5
    assert "2 would lie outside" in marks.panel.told.text()
    marks.undo()
    assert marks.work.now.left_out == {1} and marks.tool.order.due == 2
    marks.redo()
    for landmark in (5, 7):
        marks.panel.list.setCurrentRow(landmark)
        marks.actions_["mark.absent"].trigger()
    said = []
    marks.said.connect(said.append)
    marks.propose()
    assert len(engine.asked) == 1 and "Nothing is left to propose" in said[0]


def test_the_scale_is_the_file_s_where_it_has_one(marks):
    points = 1.5 * sound_hands(1)[0] + 8
    marks.work.say(Annotation.of(points))
    marks.refresh()
    assert "if the wrist (1 to 5) is 50 mm wide" in marks.panel.scale.text()
    marks._show(np.zeros((500, 400)), (0.2, 0.4))
    wrist = (points[5] - points[1]) * (0.2, 0.4)
    assert marks.panel.scale.text() == (
        f"1 px = 0.2 x 0.4 mm, says the file; the wrist (1 to 5) is {np.hypot(*wrist):.1f} mm wide"
    )


def test_the_contrast_follows_what_is_in_sight(marks):
    pixels = np.zeros((500, 400), np.float32)
    pixels[300:, 200:] = np.random.default_rng(0).uniform(0.8, 0.9, (200, 200))  # a bright carpus
    marks._show(pixels, None)
    assert marks.canvas.picture.low == 0.0
    marks.canvas.view.zoom_at(*marks.canvas.view.to_widget(300, 400), 8.0)
    marks.actions_["mark.contrast"].trigger()
    assert 0.79 < marks.canvas.picture.low < 0.81 and 0.89 < marks.canvas.picture.high < 0.91
    marks.actions_["mark.full"].trigger()
    assert marks.canvas.picture.low == 0.0


KILLED = """
import os, signal, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
app = QApplication([])
from xgen_studio.studio.window import Window
window = Window()
window.engine.start = lambda: None
window.show(); app.processEvents()
place = window.show_workspace("hand")
place.tabs.setCurrentIndex(1)
marks = place.landmarks
marks.open(Path(sys.argv[1]))
now = marks.work.now
for n, point in enumerate([(40.5, 50.25), (60.0, 70.0)]):
    now = now.put(n, point)
    marks.work.say(now)
marks.desk.keep_journal()
marks.desk.journal.note(marks.work).result()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_landmarks_survive_kill_9(window, tmp_path, monkeypatch):
    write_png8(tmp_path / "hand.png", np.random.default_rng(0).random((500, 400)))
    answer = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "hand.png"], check=False)
    assert answer.returncode == -signal.SIGKILL
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: yes)
    offer_recovery(window)
    marks = window.workspaces["hand"].landmarks
    assert window.workspace is window.workspaces["hand"] and marks.isVisible()
    np.testing.assert_array_equal(marks.work.now.points[:2], [(40.5, 50.25), (60.0, 70.0)])
    assert marks.file == tmp_path / "hand.png" and marks.work.now.next_absent() == 2
    assert marks.canvas.picture.pixels.shape == (500, 400)
