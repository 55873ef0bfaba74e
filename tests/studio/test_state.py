"""What the program keeps for its user: damaged, shared by two windows, or nowhere to be written."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from xgen_studio.state import state_folder
from xgen_studio.studio.recent import Recent, journal_folder
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.window import Window

DAMAGE = [
    b"",
    b"\xff\x00",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b"[]",
    b"3",
    b"null",
    b'{"history_mib": 1e400}',
    b'{"history_mib": NaN}',
    b'{"preview_steps": ' + b"9" * 5000 + b"}",
    b'{"theme": ["dark"]}',
    b'{"device": "\\ud800"}',
    b'{"layout": {"window": {"deep": [1, 2]}, "knee": 7}}',
    b'{"own_keys": {"edit.undo": {"x": 3}}}',
    b'["\\ud800", "a\\u0000b", 3, null, ["x"]]',
]


@pytest.mark.parametrize("content", DAMAGE)
def test_no_damaged_file_keeps_the_window_from_opening(qtbot, content):
    for name in ("settings.json", "recent.json", "journal/aa.json"):
        file = state_folder() / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    window = Window()
    qtbot.addWidget(window)
    window.engine.start = lambda: None
    window.show()
    assert window.recent.paths() == []
    window.settings.put(theme="light")
    window.recent.add(Path(__file__))
    assert Settings().now.theme == "light" and window.recent.paths() == [Path(__file__)]


CHANGE = """
import sys
from pathlib import Path
from xgen_studio.studio.recent import Recent
from xgen_studio.studio.settings import Settings
settings, recent = Settings(), Recent()
print("ready", flush=True)
sys.stdin.readline()
settings.put(layout={**settings.now.layout, sys.argv[1]: "x"}, **eval(sys.argv[2]))
recent.add(Path(sys.argv[3]))
"""


def test_two_windows_keep_what_each_changed(tmp_path):
    files = [tmp_path / f"{i}.xgen" for i in range(2)]
    others, pipe = [], subprocess.PIPE
    for file, place, change in zip(
        files, ("window", "knee"), ({"theme": "dark"}, {"preview_steps": 5}), strict=True
    ):
        file.touch()
        call = [sys.executable, "-c", CHANGE, place, repr(change), str(file)]
        others.append(subprocess.Popen(call, stdin=pipe, stdout=pipe, text=True))
    for other in others:  # both have read the settings before either changes them
        assert other.stdout.readline() == "ready\n"
    for other in others:
        other.stdin.write("\n")
        other.stdin.flush()
    for other in others:
        other.communicate()
        assert other.returncode == 0
    now = Settings().now
    assert (now.theme, now.preview_steps) == ("dark", 5)
    assert now.layout == {"window": "x", "knee": "x"}
    assert set(Recent().paths()) == set(files)


def test_a_key_that_was_given_back_does_not_come_again():
    settings = Settings()
    settings.put(own_keys={"a": ["X"], "b": ["Y"]})
    settings.put(own_keys={"b": ["Y"]})
    assert Settings().now.own_keys == {"b": ["Y"]}


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_nobody_else_can_read_the_state(window, tmp_path):
    window.settings.put(theme="light")
    file = state_folder() / "settings.json"
    file.chmod(0o644)
    window.settings.put(theme="dark")
    window.recent.add(tmp_path)
    window.page.document.put_mask(window.page.document.mask * 0, "clear")
    assert window.desk.journal.note(window.desk.work).result()
    assert stat.S_IMODE(state_folder().stat().st_mode) == 0o700
    found = [path for path in state_folder().rglob("*") if path.is_file()]
    assert {path.suffix for path in found} >= {".json", ".journal"}
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in found} == {"0o600"}


def test_a_state_folder_that_cannot_be_written_is_said_once(qtbot, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XGEN_STATE", str(tmp_path / "file" / "state"))
    window = Window()
    qtbot.addWidget(window)
    assert "XGEN_STATE" in window.statusBar().currentMessage()
    window.settings.put(theme="light")
    assert json.loads(window.settings.file.read_text())["theme"] == "light"
    assert journal_folder().is_dir() and not window.desk.journal.trouble
    assert Settings().trouble == ""
