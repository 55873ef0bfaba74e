"""No command replaces or mixes files unless it is told to, and the refusal says how to tell it."""

import json
import os

import numpy as np
import pytest

from tests.tasks.test_commands import leg
from xgen_studio.cli.main import application
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import read_image, write_png8
from xgen_studio.tasks.targets import check_free, numbered, plain_name
from xgen_studio.wings.hand.tasks.localize import check_table

XGEN = application()


def call(*arguments):
    XGEN([str(a) for a in arguments], standalone_mode=False)


def state(folder):
    """Everything in a folder: names and contents."""
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("command", ["generate", "mask", "drr"])
def test_a_command_that_is_given_twice_is_refused_and_loses_nothing(
    command, tiny_bundle, mask_file, tmp_path
):
    out, radiograph_file = tmp_path / "out", tmp_path / "knee.png"
    write_png8(radiograph_file, np.random.default_rng(0).random((120, 222)))
    said = {
        "generate": ["generate", "tiny", "--mask", mask_file, "--steps", 1, "-o", out],
        "mask": ["mask", "tiny", radiograph_file, "-o", out],
        "drr": ["drr", leg(tmp_path), "--views", 1, "--size", 32, "-o", out],
    }[command]
    call(*said)
    before = state(out)
    assert before
    (out / "mine.txt").write_text("of the user")
    with pytest.raises(CallError, match="--overwrite"):
        call(*said)
    assert state(out) == {**before, "mine.txt": b"of the user"}
    for name in before:
        os.utime(out / name, (0, 0))
    call(*said, "--overwrite")
    assert (out / "mine.txt").read_text() == "of the user"
    assert all((out / name).stat().st_mtime > 0 for name in before)


def test_generate_appends_what_is_missing_and_leaves_the_rest(tiny_bundle, mask_file, tmp_path):
    out = tmp_path / "out"
    said = ["generate", "tiny", "--mask", mask_file, "--steps", 1, "--seed", 3, "-o", out]
    call(*said, "-n", 3)
    drawn = read_image(out / "001.png").pixels
    (out / "001.png").unlink()
    os.utime(out / "000.png", (0, 0))
    call(*said, "-n", 4, "--append")
    assert (out / "000.png").stat().st_mtime == 0
    np.testing.assert_array_equal(read_image(out / "001.png").pixels, drawn)
    assert (out / "003.png").exists()
    for other in (["--grade", 2], ["--seed", 9], ["--method", "csm"], ["--steps", 2]):
        with pytest.raises(CallError, match="was drawn with another"):
            call(*said, "-n", 5, *other, "--append")
    with pytest.raises(CallError, match="choose one"):
        call(*said, "--append", "--overwrite")


def test_what_is_read_is_never_written_over_whatever_is_said(tmp_path):
    file = tmp_path / "a.png"
    file.touch()
    with pytest.raises(CallError, match="is read"):
        check_free([tmp_path / "b" / ".." / "a.png"], True, reads=[file])
    with pytest.raises(CallError, match="and 1 more"):
        check_free([file, tmp_path / "."], False)


def test_nothing_is_written_through_a_link_not_even_with_overwrite(
    tiny_bundle, mask_file, tmp_path
):
    out = tmp_path / "out"
    out.mkdir()
    for name, target in (("000.png", "theirs.png"), ("000.json", "dangling.json")):
        link = out / name
        link.symlink_to(tmp_path / target)
        with pytest.raises(CallError, match=f"{name}: is a link"):
            call("generate", "tiny", "--mask", mask_file, "-o", out, "--overwrite")
        link.unlink()
    table = tmp_path / "table.csv"
    table.symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(CallError, match="is a link"):
        check_table(table, [mask_file], overwrite=False, append=True)
    assert not (tmp_path / "nowhere.csv").exists() and not list(out.iterdir())


@pytest.mark.parametrize("name", ["", "..", ".a", "../a", "a/b", "a\\b", "C:a", "a\n", "a" * 201])
def test_what_becomes_a_file_name_is_one(name):
    assert plain_name("Knie 1_a-b.2") == "Knie 1_a-b.2"
    with pytest.raises(InputError, match="no name for files"):
        plain_name(name)


def test_pictures_of_another_run_count_though_they_are_not_in_the_way(tmp_path):
    """Seeds would be mixed: a folder with pictures 7 and 8 is a run of its own."""
    (tmp_path / "007.png").touch()
    with pytest.raises(CallError, match="ask for -n 8"):
        numbered(tmp_path, 2, overwrite=False, append=False)
    (tmp_path / "007_heatmap.png").touch()
    with pytest.raises(CallError, match="holds 1 picture already"):
        numbered(tmp_path, 8, overwrite=False, append=False)
    assert numbered(tmp_path, 8, overwrite=False, append=True) == {7}


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on Unix alone")
def test_names_that_are_no_utf8_go_through_every_command(tiny_bundle, mask_file, tmp_path):
    folder = tmp_path / os.fsdecode(b"Stra\xdfe")
    folder.mkdir()
    knee, mask = (folder / os.fsdecode(name) for name in (b"Knie_\xe4\xf6.png", b"Maske_\xe4.png"))
    write_png8(knee, np.random.default_rng(0).random((120, 222)))
    mask.write_bytes(mask_file.read_bytes())
    call("mask", "tiny", knee, "-o", folder / "masks")
    said = json.loads((folder / "masks" / knee.with_suffix(".json").name).read_bytes())
    assert said["image"] == "Knie_%E4%F6.png"
    call("generate", "tiny", "--mask", mask, "--steps", 1, "-o", folder / "drawn")
    image = read_image(folder / "drawn" / "000.png")
    assert image.meta["provenance"]["mask"] == "Maske_%E4.png"
