"""Saving finishes or leaves the old file alone, and says in one line why it did not."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.imaging import (
    Image,
    Label,
    LabelTable,
    Mask,
    Volume,
    atomic_folder,
    atomic_write,
    spelled,
    together,
    write_dicom_synthetic,
    write_json,
    write_mask,
    write_png8,
    write_png16,
    write_volume,
)
from xgen_studio.imaging.atomic import sweep

NOISE = np.random.default_rng(0).random((300, 300))
NOISY_VOLUME = Volume((NOISE * 2000).astype(np.int16).reshape(10, 100, 90), (1, 1, 1))
WRITERS = {
    "a.png": lambda p: write_png16(p, NOISE, {}),
    "b.png": lambda p: write_png8(p, NOISE),
    "c.dcm": lambda p: write_dicom_synthetic(p, Image(NOISE), {}),
    "d.json": lambda p: write_json(p, NOISE.tolist()),
    "e.nii": lambda p: write_volume(p, NOISY_VOLUME),
    "f.nii.gz": lambda p: write_volume(p, NOISY_VOLUME),
    "g.mha": lambda p: write_volume(p, NOISY_VOLUME),
    "h.nrrd": lambda p: write_volume(p, NOISY_VOLUME),
    "i.png": lambda p: write_mask(p, Mask(NOISE > 0.5, LabelTable([Label(1, "bone", (9, 9, 9))]))),
}


@contextmanager
def files_of_at_most(size):
    """What a full disk does to a writer: bytes beyond `size` are refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path, name, capfd):
    path = tmp_path / name
    path.write_text("the old file")
    with files_of_at_most(4000), pytest.raises(InputError, match="cannot be saved") as caught:
        WRITERS[name](path)
    assert "\n" not in str(caught.value) and name in str(caught.value)
    assert path.read_text() == "the old file"
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr() == ("", "")
    WRITERS[name](path)
    assert path.stat().st_size > 4000


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_folder_is_named(tmp_path, name):
    with pytest.raises(InputError, match="does not exist; make it"):
        WRITERS[name](tmp_path / "none" / name)


def test_any_error_of_the_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise KeyError("the writer broke")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_new_file_appears_at_once_and_whole(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.suffix == ".txt"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_permissions_follow_the_umask_or_the_old_file(tmp_path):
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "new.json", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o640
    (tmp_path / "new.json").chmod(0o604)
    write_json(tmp_path / "new.json", {"a": 1})
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write_json(tmp_path / "link.json", [1])
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == [1]


def test_a_folder_cannot_be_overwritten(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        write_json(tmp_path, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="permission"):
        write_json(tmp_path / "a.json", {})


def test_a_refused_permission_is_told_in_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="no permission to write there"):
        write_json(tmp_path / "a.json", {})


def test_json_has_no_nan(tmp_path):
    for bad in (float("nan"), {1, 2}):
        with pytest.raises(InputError, match="JSON"):
            write_json(tmp_path / "a.json", bad)
    write_json(tmp_path / "a.json", {"ä": [1.5]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"ä": [1.5]}


def test_the_longest_name_is_no_full_disk_and_a_longer_one_is_called_so(tmp_path):
    for name in ("n" * 245 + ".json", "a." + "s" * 240, "\u00e4" * 122 + ".json"):
        write_json(tmp_path / name, [1])
        assert json.loads((tmp_path / name).read_text()) == [1]
    for name in ("n" * 251 + ".json", "\u00e4" * 200):
        with pytest.raises(InputError, match="the name is too long; choose a shorter one"):
            write_json(tmp_path / name, [1])
    assert len(list(tmp_path.iterdir())) == 3


def test_the_temporary_keeps_the_ending_that_a_writer_chooses_its_format_by(tmp_path):
    for name, ending in (("a.nii.gz", ".nii.gz"), ("b.2.5.PNG", ".PNG"), ("none", "")):
        with atomic_write(tmp_path / name) as temporary:
            assert "".join(temporary.name.partition(".")[2].partition(".")[1:]) == ending


def killed_while_writing(target):
    code = (
        "import os, signal, sys; from xgen_studio.imaging import atomic_write\n"
        "with atomic_write(sys.argv[1]) as t: t.write_text('half'); print(t, flush=True);"
        " os.kill(os.getpid(), signal.SIGKILL)"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True)
    assert answer.returncode == -signal.SIGKILL
    return answer.stdout.decode().strip()


def test_what_a_killed_save_left_goes_at_the_next_save_and_nothing_else_does(tmp_path):
    left = killed_while_writing(tmp_path / "a.json")
    theirs = [tmp_path / name for name in (".hidden.json", ".xgen", ".xgen-notes.json")]
    other = tmp_path / ".xgen-000000-1-1-00000000.json"  # of another machine, that shares the disk
    old = tmp_path / ".xgen-000000-1-1-00000001.json"
    for path in (*theirs, other, old):
        path.write_text("of somebody")
    os.utime(old, (0, 0))
    assert os.path.exists(left)
    with atomic_write(tmp_path / "slow.json") as mine:
        mine.write_text("{}")
        sweep.cache_clear()
        write_json(tmp_path / "a.json", [1])
        assert mine.exists()  # a living process writes there
    assert not os.path.exists(left) and not old.exists()
    assert other.exists() and all(path.exists() for path in theirs)


def test_files_written_together_appear_together_or_not_at_all(tmp_path):
    (tmp_path / "old.json").write_text("old")
    with pytest.raises(InputError), together():
        write_json(tmp_path / "old.json", [1])
        write_json(tmp_path / "new.json", [2])
        write_json(tmp_path / "bad.json", {1, 2})
    assert (tmp_path / "old.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["old.json"]
    with together(proof=tmp_path / "old.json"):
        write_json(tmp_path / "new.json", [2])
        write_json(tmp_path / "old.json", [1])
        assert not (tmp_path / "new.json").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.json", "old.json"]
    assert json.loads((tmp_path / "old.json").read_text()) == [1]


def test_one_of_them_that_cannot_take_its_place_takes_the_new_ones_with_it(tmp_path):
    with pytest.raises(InputError, match=r"b\.json"), together():
        write_json(tmp_path / "a.json", [1])
        write_json(tmp_path / "b.json", [2])
        (tmp_path / "b.json").mkdir()
        (tmp_path / "b.json" / "in the way").touch()
    assert [p.name for p in tmp_path.iterdir()] == ["b.json"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(KeyError), atomic_folder(tmp_path / "set") as half:
        (half / "a.txt").write_text("half")
        raise KeyError("broke")
    assert not list(tmp_path.iterdir())
    with atomic_folder(tmp_path / "set") as half:
        (half / "a.txt").write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    with pytest.raises(InputError, match="set: cannot be saved"), atomic_folder(tmp_path / "set"):
        pass


def test_a_name_that_is_no_utf8_is_written_readably(tmp_path):
    name = os.fsdecode(b"Knie_\xe4\xf6.png")
    assert (
        spelled(name) == "Knie_%E4%F6.png"
        and spelled("K\u00e4se \U0001f9c0") == "K\u00e4se \U0001f9c0"
    )
    write_json(tmp_path / "a.json", {name: [name]})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {spelled(name): [spelled(name)]}
    write_json(tmp_path / os.fsdecode(b"\xe4.json"), [1])
    write_png16(tmp_path / "a.png", NOISE, {"mask": name})
    assert b"Knie_%E4%F6.png" in (tmp_path / "a.png").read_bytes()
