"""Nothing a user does loses work: saving, recovering, opening what is damaged or open elsewhere."""

import gc
import signal
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from tests.studio.driving import FakeEngine, Mouse, wait_for
from xgen_studio.document.files import save_document
from xgen_studio.document.journal import read_journal
from xgen_studio.document.regions import Region
from xgen_studio.errors import InputError
from xgen_studio.studio.recent import journal_folder
from xgen_studio.studio.recovery import offer_recovery
from xgen_studio.wings.knee.pages.documents import new_document
from xgen_studio.wings.knee.science.files import CASES
from xgen_studio.wings.knee.science.labels import FEMUR
from xgen_studio.wings.knee.tasks.asks import OpenedRadiograph


@pytest.fixture
def said(monkeypatch):
    """What the window warned of."""
    words = []
    for who in ("desk.Desk", "window.Window"):
        monkeypatch.setattr(f"xgen_studio.studio.{who}.warn", lambda _, text: words.append(text))
    return words


def paint(window):
    window.page.easel.use(label=FEMUR, radius=7)
    Mouse(window.page.drawing).drag([(30, 40), (80, 60)])


def test_a_document_comes_back_with_its_mask_picture_and_settings(window, tmp_path):
    paint(window)
    page = window.page
    page.panel.seed.setValue(4711)
    page.panel.options["grade"].setCurrentIndex(3)
    assert wait_for(lambda: page.picture() is not None)
    page.keep()
    kept, mask = page.document.picture, page.document.mask.copy()
    window.desk.file = tmp_path / "a.xgen"
    assert window.desk.save() and not window.isWindowModified()
    window.desk.put(new_document(), None)
    window.open(tmp_path / "a.xgen")
    page = window.page
    np.testing.assert_array_equal(page.document.mask, mask)
    np.testing.assert_array_equal(page.document.picture.pixels, kept.pixels)
    assert page.panel.seed.value() == 4711 and page.panel.options["grade"].currentIndex() == 3
    page.make_again()
    assert wait_for(lambda: "equal to the bit" in page.panel.state.text())


def test_a_failed_save_says_so_keeps_the_old_file_and_the_work(window, tmp_path, said, monkeypatch):
    paint(window)
    path = tmp_path / "a.xgen"
    window.desk.file = path
    assert window.desk.save()
    old = path.read_bytes()
    paint(window)
    window.page.easel.use(label=4)
    Mouse(window.page.drawing).drag([(30, 90), (80, 90)])

    def full(*_args, **_kwargs):
        raise InputError(f"{path}: cannot be saved; the disk is full")

    monkeypatch.setattr("xgen_studio.studio.desk.save_document", full)
    assert not window.desk.save()
    assert "disk is full" in said[-1]
    assert path.read_bytes() == old and window.isWindowModified()
    assert (window.page.document.mask == 4).any()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_document_is_said_and_the_one_on_the_desk_stays(window, tmp_path, said, content):
    before = window.page.document
    path = tmp_path / "bad.xgen"
    path.write_bytes(content)
    window.open(path)
    assert "bad.xgen" in said[-1]
    assert window.page.document is before


OTHER = """
import sys
from pathlib import Path
from xgen_studio.document.files import save_document
from xgen_studio.document.journal import Journal
from xgen_studio.studio.recent import journal_folder
journal = Journal(journal_folder(), Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shared(tmp_path):
    """A document that another process has open, and the process."""
    path = tmp_path / "shared.xgen"
    save_document(path, new_document())
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)], stdin=pipe, stdout=pipe, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        yield path, other
        other.kill()


@pytest.mark.parametrize("name", ["shared.xgen", "hard.xgen", "soft.xgen"])
def test_a_file_open_in_another_process_opens_as_a_copy_by_whatever_name(
    window, tmp_path, said, shared, name
):
    path, other = shared
    (tmp_path / "hard.xgen").hardlink_to(path)
    (tmp_path / "soft.xgen").symlink_to(path)
    window.open(tmp_path / name)
    assert window.desk.file is None and "open in another window" in said[-1]
    assert name == "hard.xgen" or f"process {other.pid}" in said[-1]
    before = path.read_bytes()
    assert not window.desk.save_to(path) and path.read_bytes() == before
    other.kill()
    other.wait()
    window.open(path)  # a crash leaves nothing locked
    assert window.desk.file == path


def test_a_file_that_somebody_else_wrote_is_not_replaced_unasked(window, tmp_path, monkeypatch):
    path = tmp_path / "a.xgen"
    save_document(path, new_document())
    window.open(path)
    paint(window)
    assert window.desk.save()
    theirs = new_document()
    theirs.fill(Region(3, 4, np.ones((2, 2), bool)), 6, "theirs")
    save_document(path, theirs)
    before = path.read_bytes()
    asked, buttons = [], QMessageBox.StandardButton
    answers = [buttons.Cancel, buttons.Yes]
    monkeypatch.setattr(
        QMessageBox, "question", lambda *all, **_k: asked.append(all[2]) or answers.pop(0)
    )
    paint(window)
    assert not window.desk.save() and path.read_bytes() == before and "changed" in asked[0]
    assert (window.page.document.mask == FEMUR).any()
    assert window.desk.save() and path.read_bytes() != before
    assert window.desk.save() and len(asked) == 2  # ours now


def test_a_dropped_mask_opens(window):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(CASES / "ap_left.png"))])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    before = window.page.document
    window.dropEvent(event)
    assert window.page.document is not before and window.page.document.mask.any()


KILLED = """
import os, signal, sys
from PySide6.QtWidgets import QApplication
from xgen_studio.document.files import save_document
from xgen_studio.document.journal import read_journal
from xgen_studio.document.regions import Region
import numpy as np
app = QApplication([])
from xgen_studio.studio.window import Window
window = Window()
window.engine.start = lambda: None
window.show(); app.processEvents()
window.page.document.fill(Region(5, 7, np.ones((20, 30), bool)), 6, "patella")
window.desk.journal.note(window.desk.work).result()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_kill_9_left_is_offered_and_recovered(window, monkeypatch):
    answer = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert answer.returncode == -signal.SIGKILL
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: yes)
    offer_recovery(window)
    assert (window.page.document.mask[5:25, 7:37] == 6).all()
    assert window.isWindowModified()
    discard = QMessageBox.StandardButton.Discard
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: discard)
    offer_recovery(window)  # nothing is offered twice
    assert (window.page.document.mask[5:25, 7:37] == 6).all()


def test_a_name_without_ending_gets_one_and_an_existing_file_is_asked_about(
    window, tmp_path, monkeypatch
):
    name = tmp_path / "knee v1.2"
    monkeypatch.setattr(
        "xgen_studio.studio.desk.QFileDialog.getSaveFileName", lambda *_a: (str(name), "")
    )
    there = tmp_path / "knee v1.2.xgen"
    there.write_bytes(b"somebody's work")
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: answers.pop(0))
    assert not window.desk.save_as()
    assert there.read_bytes() == b"somebody's work"
    assert window.desk.save_as() and window.desk.file == there
    assert there.read_bytes()[:2] == b"PK"


def test_a_radiograph_that_arrives_late_does_not_take_the_place_of_new_work(
    window, tmp_path, monkeypatch
):
    labels = np.ones((160, 288), np.uint8)
    opening, engine = window.workspace.opening, FakeEngine()
    monkeypatch.setattr(opening, "engine", engine)
    slow = tmp_path / "slow.png"
    answer = OpenedRadiograph(slow, labels.astype(np.float32), labels, None, "", False)
    opening.open(slow)
    paint(window)
    cancel = QMessageBox.StandardButton.Cancel
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: cancel)
    before = window.page.document
    engine.tell(answer)
    assert window.page.document is before
    opening.open(slow)
    window.desk.put(new_document(), None)
    after = window.page.document
    engine.tell(answer)
    assert window.page.document is after  # what was asked before another document came is void


def test_the_journal_keeps_up_with_steady_work_and_never_mixes_documents(window, tmp_path):
    window.desk._timer.setInterval(60)
    for i in range(12):
        window.page.document.fill(Region(3 * i, 5, np.ones((2, 2), bool)), 6, "dab")
        wait_for(lambda: False, 0.03)
    assert wait_for(lambda: list(journal_folder().glob("*.journal")), 5)
    window.desk.put(new_document(), tmp_path / "other.xgen")
    assert not list(journal_folder().glob("*.journal"))
    notes = [path.read_text() for path in journal_folder().glob("*.json")]
    assert len(notes) == 1 and "other.xgen" in notes[0]


def test_a_stroke_that_is_still_held_down_is_in_the_journal_within_two_seconds(window):
    window.page.easel.use(label=FEMUR, radius=4)
    mouse = Mouse(window.page.drawing)
    mouse.drag([(30, 40), (60, 40)], release=False)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        wait_for(lambda: bool(list(journal_folder().glob("*.journal"))), 0.02)
        mouse.move((60, 40 + (end - time.monotonic())))
    (kept,) = journal_folder().glob("*.journal")
    assert (read_journal(kept)[0].mask[40, 30:60] == FEMUR).all()
    assert window.page.easel.in_stroke


def test_a_journal_that_cannot_be_written_is_said_and_stops_nothing(window, monkeypatch):
    def full(*_args, **_kwargs):
        raise InputError("no space left on the disk")

    monkeypatch.setattr("xgen_studio.document.journal.write_private", full)
    monkeypatch.setattr("xgen_studio.document.journal.os.fsync", full)
    said = []
    window.desk.message.connect(lambda text, _ms: said.append(text))
    window.workspace.new((160, 288))
    assert window.page.document is window.desk.work
    paint(window)
    window.desk.keep_journal()
    wait_for(lambda: False, 0.2)
    window.desk.keep_journal()
    assert any("nothing to recover" in text for text in said)


def test_recovery_can_be_put_off(window, monkeypatch):
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    cancel, yes = QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: cancel)
    offer_recovery(window)
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: yes)
    offer_recovery(window)
    assert (window.page.document.mask[5:25, 7:37] == 6).all()


def test_documents_of_other_shapes_or_labels_are_said(window, tmp_path, said):
    from xgen_studio.document import Document
    from xgen_studio.document.files import save_document
    from xgen_studio.imaging import Label, LabelTable

    before = window.page.document
    odd = Document((512, 512), before.table, "knee")
    save_document(tmp_path / "odd.xgen", odd)
    window.open(tmp_path / "odd.xgen")
    assert "512 x 512" in said[-1]
    bare = Document((160, 288), LabelTable([Label(1, "leg", (1, 2, 3))]), "knee")
    save_document(tmp_path / "bare.xgen", bare)
    window.open(tmp_path / "bare.xgen")
    assert "femur" in said[-1]
    assert window.page.document is before


def test_a_page_and_its_document_go_when_another_comes(window):
    refs = [weakref.ref(window.page), weakref.ref(window.page.document)]
    window.page.strip.vary()
    window.desk.put(new_document(), None)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    assert wait_for(lambda: window.queue.current is None)


def test_what_was_undone_is_not_offered_for_recovery(window):
    paint(window)
    window.desk.keep_journal()
    assert wait_for(lambda: list(journal_folder().glob("*.journal")), 5)
    window.page.tools.undo()
    assert not window.isWindowModified() and not list(journal_folder().glob("*.journal"))


def test_opening_a_radiograph_asks_about_unsaved_work_once(window, tmp_path, monkeypatch):
    paint(window)
    asked = []
    discard = QMessageBox.StandardButton.Discard
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: asked.append(1) or discard)
    engine = FakeEngine()
    monkeypatch.setattr(window.workspace.opening, "engine", engine)
    file = tmp_path / "radiograph.png"
    window.open(file)
    labels = np.ones((160, 288), np.uint8)
    engine.tell(OpenedRadiograph(file, labels.astype(np.float32), labels, None, "", False))
    assert asked == [1] and window.page.document.picture.source == file.name


def test_a_journal_folder_that_is_no_folder_stops_nothing(tmp_path):
    from xgen_studio.document.journal import Journal, left_behind

    (tmp_path / "journal").write_text("a file")
    journal = Journal(tmp_path / "journal")
    assert "nothing to recover" in journal.trouble
    journal.drop()
    journal.close()
    assert left_behind(tmp_path / "journal") == []


def test_nothing_is_kept_of_what_is_saved(window, tmp_path):
    paint(window)
    desk = window.desk
    assert desk._timer.isActive()
    desk.file = tmp_path / "a.xgen"
    assert desk.save()
    assert not desk._timer.isActive() and not desk.journal.path.exists()
    window.page.document.fill(Region(5, 7, np.ones((20, 30), bool)), 6, "patella")
    assert desk._timer.isActive()
    window.page.document.history.undo()  # back to what is saved
    assert not window.isWindowModified() and not desk._timer.isActive()
