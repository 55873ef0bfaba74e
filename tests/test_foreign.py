"""JSON and TOML from outside: one true sentence for whatever is not what it should be."""

from __future__ import annotations

import os

import pytest

from xgen_studio.errors import InputError
from xgen_studio.foreign import parse_json, read_json, read_text, read_toml
from xgen_studio.imaging.names import visible


def test_what_is_good_is_returned(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes("\ufeff".encode() + '{"a": [1, 2.5, "ä", null, true]}'.encode())
    assert read_json(file) == {"a": [1, 2.5, "ä", None, True]}
    (tmp_path / "a.toml").write_text("seed = 18446744073709551615\n[b]\nc = [1.5]\n")
    assert read_toml(tmp_path / "a.toml") == {"seed": 2**64 - 1, "b": {"c": [1.5]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000 + "]" * 100_000, "too deep"),
        ("[" * 80 + "]" * 80, "64 levels"),
        ("[1e999]", "not finite"),
        ("[NaN]", "not finite"),
        ("[" + "9" * 5000 + "]", "JSON"),
        ("[" + "9" * 40 + "]", "64 bits"),
        ('["\\ud800"]', "no Unicode"),
        ('{"\\ud800": 1}', "no Unicode"),
        ("{", "JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        ("", "JSON"),
    ],
)
def test_what_is_not_is_one_sentence(text, said):
    with pytest.raises(InputError, match=said) as caught:
        parse_json(text, "here.json")
    assert str(caught.value).startswith("here.json: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "TOML|deep"),
        ("a = inf", "not finite"),
        ("a = " + "9" * 40, "64 bits"),
        ("a = ", "TOML"),
    ],
)
def test_toml_as_well(tmp_path, text, said):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_toml(tmp_path / "a.toml")


def test_texts_of_a_terminal_obey_nobody():
    said = visible("a\x1b[31mRED\x1b]0;title\x07 \u202egnp\n\tä")
    assert said == "a\\x1b[31mRED\\x1b]0;title\\x07 \\u202egnp\n\tä"


def test_text_is_utf_8_or_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,x0\n")
    assert read_text(tmp_path / "a.csv") == "id,x0\n"
    (tmp_path / "a.csv").write_text("ä", encoding="latin-1")
    with pytest.raises(InputError, match="save it as UTF-8"):
        read_text(tmp_path / "a.csv")


def test_only_ordinary_files_of_a_sensible_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "large").write_text("[" + "1," * 1000 + "1]")
    for name, said in (("pipe", "ordinary"), ("device", "ordinary"), (".", "folder")):
        with pytest.raises(InputError, match=said):
            read_json(tmp_path / name)
    with pytest.raises(InputError, match="larger"):
        read_json(tmp_path / "large", most=100)
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none")
