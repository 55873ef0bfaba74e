"""Saving finishes or leaves the old file alone, and says in one line why it did not."""

import json
import os
import resource
import signal
import stat
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
    atomic_write,
    write_dicom_synthetic,
    write_json,
    write_mask,
    write_png8,
    write_png16,
    write_volume,
)

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
