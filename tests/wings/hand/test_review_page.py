"""A run of hands is reviewed in the real window, by mouse and keys."""

import json

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import QApplication, QFileDialog

from tests.studio.driving import FakeEngine, Mouse
from tests.wings.hand.hands import screened
from xgen_studio.errors import InputError
from xgen_studio.imaging import write_png16
from xgen_studio.wings.hand.pages.comparison import page_of
from xgen_studio.wings.hand.pages.gallery import Gallery, read_small
from xgen_studio.wings.hand.tasks.asks import HandDrawn, Screen
from xgen_studio.wings.hand.tasks.compare_runs import compared
from xgen_studio.wings.hand.tasks.review import Review
from xgen_studio.wings.hand.tasks.screening import FILE, read_screening


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
    colours = {
        grabbed.pixelColor(x, rect.center().y()).name() for x in range(rect.left(), rect.right())
    }
    assert "#35a764" in colours  # the frame of an accepted hand


@pytest.mark.parametrize("width", [640, 740, 780])
def test_the_last_row_can_be_reached(page, qtbot, width):
    gallery = Gallery()
    qtbot.addWidget(gallery)
    gallery.resize(width, 640)
    gallery.show()
    for count in range(1, 40):
        gallery.show_review(page.review, [0] * count)
        QApplication.processEvents()
        gallery.doItemsLayout()
        gallery.verticalScrollBar().setValue(gallery.verticalScrollBar().maximum())
        last = gallery.visualRect(gallery.hands.index(count - 1))
        assert last.bottom() <= gallery.viewport().height(), count
        columns = len({gallery.visualRect(gallery.hands.index(n)).x() for n in range(count)})
        assert columns == min(count, gallery.viewport().width() // gallery.drawer.size().width())


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
    rows = {
        page.detail.table.item(r, 0).text(): page.detail.table.item(r, 1).text()
        for r in range(page.detail.table.rowCount())
    }
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


def test_saving_says_what_became_of_it(workspace, page, monkeypatch, window):
    said = []
    page.said.connect(said.append)
    window.actions_["file.save"].trigger()
    assert said[-1].startswith("Decisions are saved")

    def full(_self):
        raise InputError("disk is full")

    monkeypatch.setattr(Review, "save", full)
    window.actions_["file.save"].trigger()
    assert said[-1] == "disk is full"


def test_arrow_keys_stay_the_gallery_s(workspace, page):
    workspace.tabs.setCurrentIndex(1)
    workspace.tabs.setCurrentIndex(0)
    assert not page.actions_["hand.next"].isEnabled() and page.actions_["hand.accept"].isEnabled()
    page.look(0)
    assert page.actions_["hand.next"].isEnabled()


def test_runs_are_compared_with_their_limits(page):
    table = compared(page.review, page.review)
    assert "Limits moved by you" not in page_of(table)
    page.review.set_limits({"BONE": 9.0})
    page.review.mark(["000"], False)
    words = page_of(compared(page.review, page.review))
    assert "<i>Accepted, as people decided</i>" in words and "3 of 6" in words
    assert "as people decided, accepted in both: 3, the first only: 0" in words
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


def test_hands_appear_as_they_are_drawn_and_judged(workspace, pairs, monkeypatch):
    page, engine = workspace.review, FakeEngine()
    monkeypatch.setattr(page.queue, "engine", engine)
    screened(pairs[0])
    _, found = read_screening(pairs[0] / FILE)
    page.run.folder.setText(str(pairs[0].parent))
    page.run.count.setValue(6)
    page.run.seed.setValue(11)
    page.run.generate()
    [ask] = engine.asked
    assert (ask.drawing.seed, ask.count, ask.gate) == (11, 6, "calibrated")
    for screening in found[:3]:
        engine.tell(HandDrawn(ask.folder, ask.folder / f"{screening.id}.png", screening))
    page.refresh()
    assert page.gallery.hands.rowCount() == 3 and "3 of 6" in page.run.state.text()


def test_a_model_that_hears_no_shape_is_told_none(workspace, tmp_path, monkeypatch):
    panel, engine = workspace.review.run, FakeEngine()
    monkeypatch.setattr(panel.queue, "engine", engine)
    panel.folder.setText(str(tmp_path))
    for model, told in (("hand-vae", {}), ("hand-ddpm", {"shape": "drawn"})):
        panel.model.setCurrentIndex(panel.model.findData(model))
        assert panel.shape.isEnabled() == bool(told)
        panel.generate()
        assert engine.asked[-1].drawing.options == told
        engine.end(number=len(engine.asked) - 1)


def test_a_folder_that_was_not_judged_is_judged_first(workspace, pairs, monkeypatch):
    engine = FakeEngine()
    monkeypatch.setattr(workspace.review.queue, "engine", engine)
    workspace.review.run.open_folder(pairs[0])
    assert isinstance(engine.asked[0], Screen) and engine.asked[0].folder == pairs[0]


def test_a_damaged_screening_is_said_and_changes_nothing(page, tmp_path):
    before = page.review
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / FILE).write_text("{")
    page.run.open_folder(tmp_path / "bad")
    assert page.review is before and "not readable JSON" in page.run.state.text()


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
