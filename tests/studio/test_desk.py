"""Nothing a user does loses work: saving, recovering, opening what is damaged or open elsewhere."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QMessageBox

from tests.studio.conftest import Mouse, wait_for
from xgen_studio.anatomy.knee.labels import FEMUR
from xgen_studio.errors import InputError
from xgen_studio.studio.knee.documents import CASES, new_document


@pytest.fixture
def said(monkeypatch):
    """What the window warned of."""
    words = []
    monkeypatch.setattr("xgen_studio.studio.desk.Desk.warn", lambda _desk, text: words.append(text))
    return words


def paint(window):
    window.page.hand.use(label=FEMUR, radius=7)
    Mouse(window.page.drawing).drag([(30, 40), (80, 60)])


def test_a_document_comes_back_with_its_mask_picture_and_settings(window, tmp_path):
    paint(window)
    page = window.page
    page.panel.seed.setValue(4711)
    page.panel.grade.setCurrentIndex(3)
    assert wait_for(lambda: page.picture() is not None)
    page.keep()
    kept, mask = page.document.picture, page.document.mask.copy()
    window.desk.file = tmp_path / "a.xgen"
    assert window.desk.save() and not window.isWindowModified()
    window.desk.put(new_document(), None)
    window.desk.open(tmp_path / "a.xgen")
    page = window.page
    np.testing.assert_array_equal(page.document.mask, mask)
    np.testing.assert_array_equal(page.document.picture.pixels, kept.pixels)
    assert page.panel.seed.value() == 4711 and page.panel.grade.currentIndex() == 3
    page.make_again()
    assert wait_for(lambda: "equal to the bit" in page.panel.state.text())


def test_a_failed_save_says_so_keeps_the_old_file_and_the_work(window, tmp_path, said, monkeypatch):
    paint(window)
    path = tmp_path / "a.xgen"
    window.desk.file = path
    assert window.desk.save()
    old = path.read_bytes()
    paint(window)
    window.page.hand.use(label=4)
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
    window.desk.open(path)
    assert "bad.xgen" in said[-1]
    assert window.page.document is before


def test_a_file_open_in_another_process_opens_as_a_copy(window, tmp_path, said):
    from xgen_studio.document.files import save_document
    from xgen_studio.imaging import write_json
    from xgen_studio.studio.places import journal_folder

    path = tmp_path / "shared.xgen"
    save_document(path, new_document())
    write_json(journal_folder() / "other.json", {"pid": os.getppid(), "file": str(path)})
    window.desk.open(path)
    assert window.desk.file is None and "open in another window" in said[-1]


def test_a_dropped_mask_opens(window):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(CASES / "ap_left.png"))])
    event = QDropEvent(
        QPointF(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    before = window.page.document
    window.dropEvent(event)
    assert window.page.document is not before and window.page.document.mask.any()


KILLED = """
import os, signal, sys
from PySide6.QtWidgets import QApplication
from xgen_studio.document.regions import Region
import numpy as np
app = QApplication([])
from xgen_studio.studio.window import Window
window = Window()
window.engine.start = lambda: None
window.show(); app.processEvents()
window.page.document.fill(Region(5, 7, np.ones((20, 30), bool)), 6, "patella")
window.desk.journal.write(window.desk.document.snapshot())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_kill_9_left_is_offered_and_recovered(window, monkeypatch):
    answer = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert answer.returncode == -signal.SIGKILL
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: yes)
    window.desk.offer_recovery()
    assert (window.page.document.mask[5:25, 7:37] == 6).all()
    assert window.isWindowModified()
    discard = QMessageBox.StandardButton.Discard
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: discard)
    window.desk.offer_recovery()  # nothing is offered twice
    assert (window.page.document.mask[5:25, 7:37] == 6).all()
