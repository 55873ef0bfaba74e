"""Keys, palette, settings, tour: everything a user can do is found and answers."""

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from xgen_studio.studio.dialogs.palette import score
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.shortcuts import PRESETS, keys_of


@pytest.mark.parametrize("preset", list(PRESETS))
def test_no_preset_gives_one_key_to_two_actions(window, preset):
    window.settings.put(keys=preset)
    assert window.all_actions.conflicts() == {}
    known = {entry.id for entry, _, _ in window.all_actions.entries()}
    assert set(PRESETS[preset]) <= known


def test_a_preset_and_own_keys_hold_at_once(window):
    page = window.page
    window.settings.put(keys="3D Slicer")
    QTest.keyClick(page.drawing, Qt.Key.Key_3)
    assert page.actions_["tool.eraser"].isChecked()
    window.settings.put(own_keys={"tool.fill": ["3"], "tool.eraser": ["F9"]})
    QTest.keyClick(page.drawing, Qt.Key.Key_3)
    assert page.actions_["tool.fill"].isChecked()
    assert keys_of("tool.fill", ("F",), "napari", {}) == ("4", "F")


def test_the_editor_warns_takes_the_key_from_its_owner_and_gives_it_back(window, qtbot):
    editor = window.open_shortcuts()
    qtbot.addWidget(editor)
    tree = editor.tree
    items = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    tree.setCurrentItem(next(i for i in items if i.text(0) == "Ruler"))
    editor.edit.setKeySequence(QKeySequence("E"))
    assert "Eraser" in editor.warning.text()
    editor.put.click()
    keys = {entry.id: keys for entry, _, keys in window.all_actions.entries()}
    assert keys["tool.ruler"] == ("E",) and keys["tool.eraser"] == ("1",)
    assert window.all_actions.conflicts() == {}
    editor.back.click()
    assert window.page.actions_.keys("tool.ruler") == ("M",)
    assert window.page.actions_.keys("tool.eraser") == ("1",)  # what it lost stays lost
    window.settings.put(own_keys={"tool.ruler": ["B"]})
    editor._fill()
    assert "tool.brush and tool.ruler" in editor.warning.text()
    editor.search.setText("wand")
    shown = [i for i in range(tree.topLevelItemCount()) if not tree.topLevelItem(i).isHidden()]
    assert len(shown) == 1


def test_the_palette_finds_by_a_few_letters_and_runs(window, qtbot):
    palette = window.open_palette()
    qtbot.addWidget(palette)
    QTest.keyClicks(palette.line, "polyg")
    assert palette.list.topLevelItem(0).text(0) == "Polygon"
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.page.actions_["tool.polygon"].isChecked()


def test_palette_scores_runs_and_word_beginnings_above_scattered_letters():
    assert score("kr", "Keep this radiograph") < score("kr", "Make the kept picture grow")
    assert score("xyz", "Brush") is None
    assert score("br", "Brush") == 0


def test_a_theme_holds_at_once_and_is_remembered(window):
    window.settings.put(theme="light")
    light = QApplication.palette().window().color().lightness()
    window.settings.put(theme="dark")
    assert QApplication.palette().window().color().lightness() < 100 < light
    assert json.loads(window.settings.file.read_text())["theme"] == "dark"
    assert Settings().now.theme == "dark"


@pytest.mark.parametrize("content", ["{", '{"theme": "pink"}', '{"theme": 3}', '{"what": 1}', "[]"])
def test_damaged_settings_are_set_aside_and_never_an_obstacle(qapp, content):
    file = Settings().file
    file.write_text(content)
    settings = Settings()
    assert settings.now.theme == "system" and "anew" in settings.trouble
    assert file.with_suffix(".damaged.json").read_text() == content


def test_the_tour_goes_through_its_stops_and_is_not_shown_again(window, qtbot):
    assert not window.settings.now.tour_seen
    window.start_tour()
    tour = window._tour
    count = len(tour.stops)
    for i in range(count):
        assert tour.at == i and tour.box.geometry().intersected(tour.rect()) == tour.box.geometry()
        QTest.keyClick(tour, Qt.Key.Key_Return)
    assert window.settings.now.tour_seen and not tour.isVisible()


def test_docks_keep_their_place_in_the_next_window(window, qtbot):
    from xgen_studio.studio.window import Window

    window.page.docks["History"].hide()
    window.page.docks["Variations"].show()
    window.close()
    again = Window()
    qtbot.addWidget(again)
    again.show()
    assert again.page.docks["History"].isHidden()
    assert not again.page.docks["Variations"].isHidden()


def test_the_tour_survives_a_resized_window(window):
    window.start_tour()
    window.resize(1000, 700)
    QApplication.processEvents()
    assert window._tour.size() == window.size()
    QTest.keyClick(window._tour, Qt.Key.Key_Escape)
    window.resize(1280, 800)
    QApplication.processEvents()
    assert window._tour is None
