"""What a killed process left can be recovered; what is open elsewhere is said."""

import json
import subprocess
import sys
import time
import zlib
from threading import Event

import numpy as np
import pytest

from xgen_studio.document import Document, Region
from xgen_studio.document.journal import (
    HEAD,
    MAGIC,
    Journal,
    forget,
    left_behind,
    opened_elsewhere,
    read_journal,
)
from xgen_studio.document.work import Work, tiles_of
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable
from xgen_studio.private import LOCKS

CODE = """
import os, signal, sys
import numpy as np
import pytest
from pathlib import Path
from xgen_studio.document import Document, Region
from xgen_studio.document.journal import Journal
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable
document = Document((50, 60), LabelTable([Label(1, "leg", (1, 2, 3))]), "knee")
journal = Journal(Path(sys.argv[1]))
journal.belongs_to(Path(sys.argv[2]))
document.fill(Region(3, 4, np.ones((7, 9), bool)), 1, "paint")
journal.note(document).result()
document.fill(Region(30, 40, np.ones((2, 3), bool)), 1, "paint")
journal.note(document).result()
print("written", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_its_newest_state(tmp_path):
    folder, file = tmp_path / "journal", tmp_path / "knee.xgen"
    child = subprocess.Popen(
        [sys.executable, "-c", CODE, str(folder), str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "written\n"
    assert left_behind(folder) == []  # it lives
    assert opened_elsewhere(folder, file) == child.pid
    child.kill()
    child.wait()
    assert opened_elsewhere(folder, file) is None
    (left,) = left_behind(folder)
    assert left.file == file
    document, _ = left.read()
    assert (document.mask[3:10, 4:13] == 1).all() and document.mask.sum() == 63 + 6
    forget(folder, left.id)
    assert left_behind(folder) == [] and [p.name for p in folder.iterdir()] == [LOCKS]


def test_a_clean_close_leaves_nothing_and_a_damaged_note_does_no_harm(tmp_path):
    journal = Journal(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "wrong.json").write_text(json.dumps({"pid": "x", "file": 3}))
    assert left_behind(tmp_path) == []
    journal.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.json", "wrong.json"]


@pytest.mark.parametrize(
    "content",
    [
        '{"pid": 1e999, "file": ""}',
        '{"pid": 123456789012345678901234567890, "file": ""}',
        '{"pid": 99999999999, "file": ""}',
        '{"pid": 1, "file": "a\\u0000b"}',
        '{"pid": 1, "file": "\\ud800"}',
        '{"pid": NaN, "file": 3}',
        "[" * 20_000,
        "[]",
        "\x00\xff",
        '{"pid": true, "file": ""}',
    ],
)
def test_no_owner_file_keeps_others_from_being_read(tmp_path, content):
    (tmp_path / "aa.json").write_text(content, encoding="latin-1")
    assert left_behind(tmp_path) == [] and opened_elsewhere(tmp_path, tmp_path / "b") is None


def damaged_journal(path, **head):
    """A journal of one frame whose checksum is right and whose head is not."""
    text = json.dumps(head).encode()
    path.write_bytes(HEAD.pack(MAGIC, len(text), 0, zlib.crc32(text)) + text)


@pytest.mark.parametrize(
    "head",
    [
        {"arrays": {"mask": ["|u1", [100_000, 100_000]]}, "tiles": []},
        {"arrays": {"mask": ["|u1", [9, 9]]}, "tiles": [["mask", [1e300, 0], 0]]},
        {"arrays": {"mask": ["|u1", [9, 9]]}, "tiles": [["mask", [0, 0], -5]]},
        {"arrays": {"mask": ["|u1", [9, 9]]}, "tiles": 3},
        {"arrays": {"mask": ["|u1", [9, 9]]}, "tiles": [], "kind": "masks", "card": 3},
        {"arrays": {"mask": ["|u1", [1e400]]}, "tiles": []},
        {},
    ],
)
def test_a_damaged_journal_gets_one_line(tmp_path, head):
    damaged_journal(tmp_path / "a.journal", **head)
    with pytest.raises(InputError, match=r"a\.journal") as caught:
        read_journal(tmp_path / "a.journal")
    assert "\n" not in str(caught.value)


def test_our_own_file_is_not_open_elsewhere(tmp_path):
    journal = Journal(tmp_path)
    journal.belongs_to(tmp_path / "a.xgen")
    assert opened_elsewhere(tmp_path, tmp_path / "a.xgen") is None
    assert journal.owns and {p.name for p in tmp_path.iterdir()} == {f"{journal.id}.json", LOCKS}


class Volume(Work):
    """A label volume, as the spine will have one."""

    kind = "test volume"
    wing = "none"

    def __init__(self):
        super().__init__()
        self.labels = np.zeros((600, 512, 512), np.uint8)

    def card(self, file=None):
        return {}

    def arrays(self):
        return {"labels": self.labels}

    @classmethod
    def restore(cls, card, arrays):
        raise NotImplementedError


def test_a_large_volume_is_kept_without_holding_the_window_up(tmp_path):
    """Of 512 x 512 x 600 labels (157 MB) the window's thread spends less than 8 ms on a change,
    and only what changed is written. A change here is a stroke on a slice, and a growing of a
    structure through a third of all slices."""
    volume, journal = Volume(), Journal(tmp_path)
    assert journal.note(volume).result()
    first = journal.path.stat().st_size
    spent = []
    for box in (
        (slice(300, 301), slice(100, 140), slice(100, 300)),
        (slice(200, 400), slice(100, 400), slice(100, 400)),
    ):
        for value in (1, 2, 3):
            volume.labels[box] = value
            before = time.thread_time()
            volume.mark_edited("labels", tiles_of(volume.labels.shape, box))
            kept = journal.note(volume)
            spent.append(time.thread_time() - before)
            assert kept.result()
    assert min(spent[:3]) < 0.001 and min(spent[3:]) < 0.008, spent
    assert journal.path.stat().st_size - first < 2 * 2**20
    journal.close()


def slow_disk(monkeypatch):
    """A disk whose fsync waits until it is let go."""
    began, go = Event(), Event()

    def fsync(_handle):
        began.set()
        assert go.wait(20)

    monkeypatch.setattr("xgen_studio.document.journal.os.fsync", fsync)
    return began, go


def document():
    made = Document((50, 60), LabelTable([Label(1, "leg", (1, 2, 3))]), "knee")
    made.fill(Region(3, 4, np.ones((7, 9), bool)), 1, "paint")
    return made


def test_nobody_waits_for_a_slow_disk(tmp_path, monkeypatch):
    journal, made = Journal(tmp_path), document()
    began, go = slow_disk(monkeypatch)
    first = journal.note(made)
    assert began.wait(20)
    before = time.monotonic()
    second = journal.note(made)  # while the first is being written
    assert time.monotonic() - before < 0.2
    go.set()
    assert first.result() and second.result()


def test_what_was_dropped_while_it_was_written_does_not_come_back(tmp_path, monkeypatch):
    journal, made = Journal(tmp_path), document()
    began, go = slow_disk(monkeypatch)
    first = journal.note(made)
    assert began.wait(20)
    journal.drop()
    go.set()
    assert not first.result() and not journal.path.exists()
    made.fill(Region(20, 20, np.ones((2, 2), bool)), 1, "paint")
    assert journal.note(made).result()
    again, _ = read_journal(journal.path)
    np.testing.assert_array_equal(again.mask, made.mask)
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_cannot_be_written_is_said_and_the_next_frame_holds_all(tmp_path):
    journal, made = Journal(tmp_path), document()
    card = made.card
    made.card = lambda: {"broken": np.int64(1)}
    assert not journal.note(made).result() and "nothing to recover" in journal.trouble
    made.card = card
    assert journal.note(made).result() and journal.trouble == ""
    np.testing.assert_array_equal(read_journal(journal.path)[0].mask, made.mask)
