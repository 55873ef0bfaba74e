"""What comes from elsewhere is shown to the letter, names no place, and breaks nothing else."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtGui import Qt as QtText
from PySide6.QtWidgets import QMessageBox

from tests.studio.driving import FakeEngine, wait_for
from xgen_studio.document import Document, Made, Picture
from xgen_studio.document.files import load_document, save_document
from xgen_studio.imaging import Label, LabelTable
from xgen_studio.imaging.names import base_name, is_plain
from xgen_studio.paths import PACKAGE
from xgen_studio.studio.dialogs.export import ExportDialog
from xgen_studio.studio.dragged import dragged_folder, sweep
from xgen_studio.studio.engine.live import Live, Result
from xgen_studio.studio.models.page import ModelsPage
from xgen_studio.studio.words import Words
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.wings.knee.pages.documents import new_document

TAGGED = "<b>femur</b><img src='file:///etc/passwd'>"


@pytest.fixture
def quiet(window, monkeypatch):
    """The window without its worker."""
    monkeypatch.setattr(window.engine, "start", lambda: None)
    return window


def drop(window, url):
    data = QMimeData()
    data.setUrls([url])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, left, none))


def test_tags_in_names_are_shown_to_the_letter(quiet):
    document = new_document()
    document.change_label(3, "Rename", name=TAGGED)
    quiet.show_work(document, None, {})
    for button in quiet.page.labels.findChildren(type(quiet.page.labels._buttons[3])):
        if TAGGED in button.accessibleName():
            assert "&lt;img" in button.toolTip()
    quiet.warn(f"{TAGGED}: cannot be opened")
    box = quiet.findChildren(QMessageBox)[-1]
    assert "&lt;b&gt;femur" in box.text() and QtText.mightBeRichText(box.text())
    label = Words(TAGGED)
    assert label.textFormat() == Qt.TextFormat.PlainText
    label.deleteLater()


OWN_HTML = {"words.py", "limits.py", "detail.py"}  # the last two write tables of their own words


def test_no_label_or_box_of_the_window_guesses_what_its_text_is():
    files = [*PACKAGE.glob("studio/**/*.py"), *PACKAGE.glob("wings/*/pages/*.py")]
    assert len(files) > 60
    for file in files:
        text = file.read_text()
        assert file.name in OWN_HTML or "QLabel(" not in text, f"{file}: use Words"
        assert file.name == "discard.py" or not re.search(r"QMessageBox[.(]", text), file


@pytest.mark.parametrize("raw", [b"/\xff\xfe.png", b"/<b>.png", b"/none.nii.gz", b""])
def test_whatever_is_dropped_gets_a_sentence(quiet, tmp_path, monkeypatch, raw):
    said = []
    for who in ("desk.Desk", "window.Window"):
        monkeypatch.setattr(f"xgen_studio.studio.{who}.warn", lambda _, text: said.append(text))
    engine = FakeEngine()
    monkeypatch.setattr(quiet.workspace.opening, "engine", engine)
    place = os.fsencode(tmp_path) + raw
    if raw.endswith(b".png"):
        Path(os.fsdecode(place)).write_bytes(b"no picture")
    drop(quiet, QUrl.fromEncoded(b"file://" + place.replace(b"\xff\xfe", b"%FF%FE")))
    if engine.asked:  # the worker reads it, and says what it is
        engine.fail("it is no picture")
    assert len(said) == 1


def test_a_path_that_is_no_unicode_can_be_said(quiet):
    quiet.warn("cannot open \udcff\udcfe.png")
    quiet.say("cannot open \udcff\udcfe.png")


@pytest.mark.parametrize(
    ("name", "good"),
    [("knee-7", True), ("a.b_c", True), ("123", True)]
    + [(bad, False) for bad in ("", ".", "..", ".x", "a/b", "/../x", "a\\b", "a\0", "x" * 101, 7)],
)
def test_only_plain_words_become_names(name, good):
    assert is_plain(name) is good


def test_a_seed_that_is_a_path_writes_nowhere_else(quiet, tmp_path):
    page = quiet.page
    pixels = np.zeros(page.document.shape, np.float32)
    made = Made(page.document.mask.copy(), {"seed": "/../../escaped", "synthetic": True})
    page._show(Result(Picture(pixels, (made,)), True, 0.0))
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    written = page._write_picture(folder)
    assert written == folder / "knee-picture.png" and written.exists()
    assert [path.name for path in tmp_path.rglob("*.png")] == ["knee-picture.png"]


def test_a_document_names_no_folder_of_its_picture(tmp_path):
    document = Document((9, 9), LabelTable([Label(1, "leg", (1, 2, 3))]), "knee")
    for place in ("/home/Jane Doe/1970/knee.dcm", "C:\\Jane Doe\\knee.dcm", "knee.dcm"):
        document.picture = Picture(np.zeros((9, 9), np.float32), source=place)
        save_document(tmp_path / "a.xgen", document)
        assert load_document(tmp_path / "a.xgen")[0].picture.source == "knee.dcm"
        assert base_name(place) == "knee.dcm"


def test_pictures_dragged_out_go_with_their_window_killed_or_closed(quiet, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "from xgen_studio.studio.dragged import dragged_folder; print(dragged_folder())"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    killed = Path(subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip())
    own, foreign = dragged_folder(), tmp_path / "somebody"
    (own / "knee.png").touch()
    foreign.mkdir()
    assert killed.is_dir()
    sweep(own=False)
    assert not killed.exists() and own.exists()
    quiet.close()
    assert not own.exists() and foreign.exists()


def test_a_bad_card_is_said_and_the_other_models_stay(qtbot, tmp_path, monkeypatch):
    cards = {
        "numbers": "methods = 3",
        "torn": "[",
        "networks": "[networks]\nctm = 3",
        "grid": "grid = 7",
        "deep": "a = " + "[" * 500 + "]" * 500,
        "latin": 'title = "\xe4"',
        "good": 'title = "<i>A model</i>"\ngrid = [2, 3]',
    }
    for name, text in cards.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.toml").write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("XGEN_MODELS", str(tmp_path))
    page = ModelsPage()
    qtbot.addWidget(page)
    for row in range(page.list.count()):
        page.list.setCurrentRow(row)
        name = page.list.currentItem().text()
        if name in cards and name != "good":
            assert f"{name}/model.toml" in page.text.toPlainText()
        elif name == "good":
            assert "<i>A model</i>" in page.text.toPlainText()
    assert {"knee-xray", *cards} <= set(page.cards)


def test_a_model_that_takes_the_place_of_one_that_is_gone_is_said(qtbot, tmp_path, monkeypatch):
    card = tmp_path / "knee-xray" / "model.toml"
    card.parent.mkdir()
    card.write_text('title = "mine"')
    monkeypatch.setenv("XGEN_MODELS", str(tmp_path))
    page, said = ModelsPage(), []
    qtbot.addWidget(page)
    page.said.connect(said.append)
    page.refresh()
    assert not said and page.cards["knee-xray"]["title"] == "mine"
    card.unlink()
    page.refresh()
    assert len(said) == 1 and f"{card.parent} is gone" in said[0]


def test_a_worker_that_is_stopped_is_said(qtbot, knee_labels, monkeypatch):
    monkeypatch.setattr("xgen_studio.studio.engine.live.LATE", 50)
    document, engine, said = new_document(), FakeEngine(), []
    document.mask[...] = knee_labels
    live = Live(engine, document, lambda: False, Drawing("knee-xray", method="ctm"))
    live.silent.connect(said.append)
    live.become_ready()
    assert wait_for(lambda: bool(said), 2) and "No word" in said[0]
    engine.fail("ended")
    said.clear()
    assert not wait_for(lambda: bool(said), 0.2)


def test_writing_is_asked_about_where_some_pixels_are_a_patients(quiet, qtbot, tmp_path):
    pixels, region = np.full((80, 144), 0.5, np.float32), np.zeros((80, 144), bool)
    region[:9] = True
    mask = np.ones((80, 144), np.uint8)
    real = Picture(pixels, source="opened.dcm")
    made = Made(mask, {"synthetic": True, "seed": 1, "model": "knee-xray"}, region)
    partly = Picture(pixels, (made,), pixels, "opened.dcm")
    pictures, got = {"partly": partly, "real": real}, []
    dialog = ExportDialog(
        "knee", tmp_path, None, pictures, lambda *all: got.append(all) or "", quiet
    )
    qtbot.addWidget(dialog)
    dialog.show()

    def asked():
        return dialog.burned_in.isVisible()

    assert not asked()
    dialog.boxes["dicom"].setChecked(True)
    assert asked() and dialog.burned_in.currentData() is True  # the careful answer comes first
    dialog.picture.setCurrentIndex(1)
    assert not asked()
    dialog.picture.setCurrentIndex(0)
    dialog.burned_in.setCurrentIndex(1)
    dialog.go.click()
    qtbot.waitUntil(lambda: len(got) == 1)
    assert got[0][4] is partly and got[0][5] is False
