"""What the two pages of the hand workspace share: keys, files dropped on it, open and save."""

import numpy as np
from PySide6.QtWidgets import QFileDialog

from tests.hands import sound_hands
from xgen_studio.anatomy.hand.writing import write_table
from xgen_studio.imaging import write_png8
from xgen_studio.jobs.screen import screen_folder


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
