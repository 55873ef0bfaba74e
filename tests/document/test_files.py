"""The .xgen file: nothing is lost, and nothing foreign comes in."""

import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from xgen_studio.document import Document, Made, Picture
from xgen_studio.document.files import load_document, save_document
from xgen_studio.document.regions import Region
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable

OLD = Path(__file__).resolve().parent.parent / "old"
TABLE = LabelTable([Label(1, "leg", (9, 9, 9)), Label(3, "femur", (200, 0, 0))])


@pytest.fixture
def document():
    rng = np.random.default_rng(0)
    made = Document((70, 90), TABLE, "knee", (0.4, 0.5))
    made.fill(Region(10, 20, rng.random((30, 40)) > 0.4), 3, "paint")
    made.change_label(3, "Lock", locked=True, name="thigh bone")
    pixels = rng.random((70, 90)).astype(np.float32)
    whole = Made(made.mask.copy(), {"seed": 7, "sigmas": [80.0, 0.0]})
    part = Made(made.mask.copy(), {"seed": 8}, rng.random((70, 90)) > 0.7)
    made.put_picture(Picture(pixels, (whole, part), pixels[::-1].copy(), "knee.png"), "Keep")
    return made


def test_everything_survives_the_way_through_a_file(document, tmp_path):
    save_document(tmp_path / "a.xgen", document, {"seed": 4})
    again, settings = load_document(tmp_path / "a.xgen")
    np.testing.assert_array_equal(again.mask, document.mask)
    np.testing.assert_array_equal(again.picture.pixels, document.picture.pixels)
    assert again.picture.provenance == {"seed": 8} and again.picture.source == "knee.png"
    np.testing.assert_array_equal(again.picture.base, document.picture.base)
    for one, other in zip(again.picture.recipe, document.picture.recipe, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
        assert one.provenance == other.provenance
        assert (one.region is None) == (other.region is None)
    np.testing.assert_array_equal(again.picture.recipe[1].region, document.picture.recipe[1].region)
    assert (again.labels, again.spacing, again.wing) == (document.labels, (0.4, 0.5), "knee")
    assert settings == {"seed": 4}
    assert not again.history.modified and len(again.history) == 0


def rebuilt(source, target, change):
    """A copy of a document whose entries a function may change, drop or add."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def with_file(**values):
    def change(entries):
        entries["xgen.json"] = json.dumps({**json.loads(entries["xgen.json"]), **values}).encode()

    return change


def with_card(**values):
    def change(entries):
        table = json.loads(entries["xgen.json"])
        table["card"].update(values)
        entries["xgen.json"] = json.dumps(table).encode()

    return change


def with_array(name, kind, shape):
    def change(entries):
        table = json.loads(entries["xgen.json"])
        table["arrays"][name] = [kind, shape]
        entries["xgen.json"] = json.dumps(table).encode()

    return change


BAD = {
    "path traversal": (lambda e: e.update({"../evil.py": b"x"}), "evil"),
    "absolute path": (lambda e: e.update({"/etc/passwd": b"x"}), "passwd"),
    "no card": (lambda e: e.pop("xgen.json"), "no XGen Studio document"),
    "no mask": (lambda e: e.pop("mask.raw"), "mask.raw"),
    "short mask": (lambda e: e.update({"mask.raw": b"\0" * 9}), "size"),
    "bomb": (lambda e: e.update({"mask.raw": b"\0" * 50_000_000}), "size"),
    "huge shape": (with_card(shape=[10**6, 10**6]), "limit"),
    "negative shape": (with_card(shape=[-4, 9]), "pixels"),
    "shape of texts": (with_card(shape=["a", "b"]), "whole number"),
    "newer": (with_file(version=99), "newer"),
    "foreign": (with_file(format="other"), "no XGen Studio document"),
    "unknown key": (with_card(run="rm -rf"), "unknown key"),
    "labels of the wrong type": (with_card(labels=[5]), "labels"),
    "no labels": (with_card(labels=[]), "labels"),
    "label id too large": (
        with_card(labels=[{"id": 300, "name": "x", "colour": [1, 2, 3]}]),
        "255",
    ),
    "unnamed labels in the mask": (
        with_card(labels=[{"id": 1, "name": "x", "colour": [1, 2, 3]}]),
        "does not name",
    ),
    "spacing": (with_card(spacing=[0, 1]), "spacing"),
    "kind that nobody knows": (with_file(kind="os.system"), "does not know"),
    "array of another shape": (with_array("mask", "|u1", [90, 70]), "not what it must be"),
    "array of gigabytes": (with_array("mask", "<f8", [10**5, 10**6]), "GiB"),
    "array of objects": (with_array("mask", "|O", [70, 90]), "not what they must be"),
    "array nobody asked for": (with_array("more", "|u1", [0, 0]), "more"),
    "arrays are no table": (with_file(arrays=[3]), "not what they must be"),
    "card is no JSON": (lambda e: e.update({"xgen.json": b"{"}), "damaged"),
    "deep card": (lambda e: e.update({"xgen.json": b"[" * 100_000}), "damaged"),
    "NaN": (lambda e: e.update({"picture.raw": b"\xff" * 4 * 70 * 90}), "NaN"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_gets_one_line(document, tmp_path, kind):
    save_document(tmp_path / "a.xgen", document)
    change, word = BAD[kind]
    rebuilt(tmp_path / "a.xgen", tmp_path / "bad.xgen", change)
    with pytest.raises(InputError, match=word) as caught:
        load_document(tmp_path / "bad.xgen")
    assert "\n" not in str(caught.value) and "bad.xgen" in str(caught.value)


def test_what_a_small_file_declares_is_never_unpacked(document, tmp_path):
    save_document(tmp_path / "a.xgen", document)
    side = 12_000
    zeros = bytes(side * side)
    for packing, word in ((zipfile.ZIP_LZMA, "packed"), (zipfile.ZIP_DEFLATED, "must")):
        rebuilt(tmp_path / "a.xgen", tmp_path / "bomb.xgen", with_array("mask", "|u1", [1, 1]))
        with zipfile.ZipFile(tmp_path / "bomb.xgen") as archive:
            card = archive.read("xgen.json")
        with zipfile.ZipFile(tmp_path / "bomb.xgen", "w", packing) as archive:
            archive.writestr("xgen.json", card.replace(b"[1, 1]", f"[{side}, {side}]".encode()))
            for name in ("mask", "picture", "base", "made_0", "made_1", "region_1"):
                archive.writestr(f"{name}.raw", zeros)
        tracemalloc.start()
        with pytest.raises(InputError, match=word):
            load_document(tmp_path / "bomb.xgen")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 8 * 2**20


def test_a_file_cut_short_anywhere_is_refused_in_one_line(document, tmp_path):
    save_document(tmp_path / "a.xgen", document)
    whole = (tmp_path / "a.xgen").read_bytes()
    rng = np.random.default_rng(1)
    for cut in [0, 1, 30, *rng.integers(40, len(whole) - 1, 25)]:
        (tmp_path / "cut.xgen").write_bytes(whole[: int(cut)])
        with pytest.raises(InputError, match=r"cut\.xgen"):
            load_document(tmp_path / "cut.xgen")


def test_flipped_bits_never_pass_for_another_document(document, tmp_path):
    save_document(tmp_path / "a.xgen", document)
    whole = bytearray((tmp_path / "a.xgen").read_bytes())
    rng = np.random.default_rng(2)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        (tmp_path / "flip.xgen").write_bytes(damaged)
        try:
            again, _ = load_document(tmp_path / "flip.xgen")
        except InputError:
            continue
        np.testing.assert_array_equal(again.mask, document.mask)
        np.testing.assert_array_equal(again.picture.pixels, document.picture.pixels)


def test_missing_foreign_and_folder(tmp_path):
    (tmp_path / "text.xgen").write_text("hello")
    for name in ("none.xgen", "text.xgen", "."):
        with pytest.raises(InputError):
            load_document(tmp_path / name)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said_and_the_old_file_stays(document, tmp_path):
    save_document(tmp_path / "a.xgen", document)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="permission"):
            save_document(tmp_path / "a.xgen", document)
    finally:
        tmp_path.chmod(0o700)
    load_document(tmp_path / "a.xgen")


def test_a_save_that_fails_leaves_the_old_file(document, tmp_path, monkeypatch):
    save_document(tmp_path / "a.xgen", document)
    before = (tmp_path / "a.xgen").read_bytes()

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(InputError, match="space"):
        save_document(tmp_path / "a.xgen", document)
    assert (tmp_path / "a.xgen").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.xgen"]


def test_a_document_of_the_first_version_opens(tmp_path):
    document, settings = load_document(OLD / "version1.xgen")
    assert document.wing == "knee" and document.spacing == (0.4, 0.5)
    assert settings == {"seed": 4, "method": "Follow the drawing (CTM)"}
    assert (document.mask[20:60, 90:150] == 3).all() and (document.mask == 1).sum() == 17_600
    assert document.state(3).locked and document.state(3).label.name == "thigh bone"
    picture = document.picture
    assert picture.provenance == {"seed": 8} and picture.source == "knee.png"
    np.testing.assert_array_equal(picture.base, picture.pixels[::-1])
    assert picture.recipe[0].region is None and picture.recipe[1].region.sum() == 30 * 40
    save_document(tmp_path / "new.xgen", document, settings)  # and becomes one of today
    again, _ = load_document(tmp_path / "new.xgen")
    np.testing.assert_array_equal(again.mask, document.mask)
    np.testing.assert_array_equal(again.picture.recipe[1].region, picture.recipe[1].region)
