"""What the two pages of the hand workspace share: keys, files dropped on it, open and save."""

import numpy as np
from PySide6.QtWidgets import QFileDialog

from tests.wings.hand.hands import screened, sound_hands
from xgen_studio.imaging import write_png8
from xgen_studio.wings.hand.science.writing import write_table


def test_keys_belong_to_the_page_in_sight(workspace):
    assert workspace.review.actions_["hand.undo"].isEnabled()
    workspace.tabs.setCurrentIndex(1)
    assert not workspace.review.actions_["hand.undo"].isEnabled()
    assert workspace.landmarks.actions_["mark.undo"].isEnabled()
    assert [title for title, _ in workspace.menus][-1] == "&Landmarks"


def test_what_is_dropped_goes_where_it_belongs(workspace, pairs, tmp_path):
    screened(pairs[0])
    assert workspace.take(pairs[0]) and workspace.review.review is not None
    write_png8(tmp_path / "hand.png", np.zeros((500, 400)))
    assert workspace.take(tmp_path / "hand.png") and workspace.shown is workspace.landmarks
    write_table(tmp_path / "m.csv", {"hand": 1.5 * sound_hands(1)[0]})
    assert workspace.take(tmp_path / "m.csv") and workspace.landmarks.work.now.complete


def test_open_and_save_are_about_what_is_in_sight(workspace, marks, monkeypatch, window, tmp_path):
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
