"""grading.json: what scripts rely on, and the way back."""

import json
import math
from dataclasses import asdict, replace

import pytest

from tests.wings.spine.examples import METHOD, examination
from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.findings import THIRDS, Examination
from xgen_studio.wings.spine.tasks.grading_file import read_grading, write_grading


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "grading.json"
    write_grading(examination(), file, METHOD)
    return file


def test_the_contract_s_names_are_there(path):
    table = json.loads(path.read_text())
    assert {"vertebrae", "round_trip_mm", "not_evaluable", "notes", "research_use"} <= set(table)
    assert table["research_use"] == "research use, not for diagnosis"
    assert "fraction" in table["units"]["rhlv"]
    l1 = table["vertebrae"][2]
    assert (l1["level"], l1["label"], l1["grade"], l1["type"]) == ("L1", 20, 3, "wedge")
    assert set(l1["heights_mm"]) == set(l1["healthy_mm"]) == set(l1["rhlv"]) == set(THIRDS)
    assert l1["rhlv"]["anterior"] == pytest.approx(0.46)
    assert l1["rhlv_interval"]["anterior"] == pytest.approx([0.40, 0.51])
    assert len(l1["probabilities"]) == 4
    assert {"grade_rule", "quality", "flags", "mask_source"} <= set(l1)
    assert table["provenance"]["model"] == "spine-healthy"
    assert table["version"]


def test_what_is_read_is_what_was_written(path):
    read, written = read_grading(path), examination(with_columns=False)
    assert read.not_evaluable == written.not_evaluable
    assert (read.notes, read.mask_source) == (written.notes, written.mask_source)
    for one, other in zip(read.findings, written.findings, strict=True):
        for key, value in asdict(other).items():
            found = asdict(one)[key]
            if isinstance(value, dict):
                assert set(found) == set(value)
                for name in value:
                    assert found[name] == pytest.approx(value[name], abs=1e-5)
            else:
                assert found == value


def test_folders_are_not_written(path):
    write_grading(
        replace(examination(), notes=("read /srv/Doe^Jane/a 3.nii, 1/2 of it",)), path, METHOD
    )
    text = path.read_text()
    assert json.loads(text)["notes"] == ["read a 3.nii, 1/2 of it"]
    assert "someone" not in text and "Jane Doe" not in text
    assert json.loads(text)["ct"] == "ct <3>.nii.gz"
    assert read_grading(path).mask_name == "labels.nii.gz"


def test_what_was_not_measured_is_null_and_comes_back_as_nan(tmp_path):
    one = replace(
        examination().findings[0], rhlv=dict.fromkeys(THIRDS, math.nan), ratios={"Ha/Hp": math.nan}
    )
    write_grading(Examination((one,)), tmp_path / "g.json", METHOD)
    assert json.loads((tmp_path / "g.json").read_text())["vertebrae"][0]["rhlv"]["middle"] is None
    read = read_grading(tmp_path / "g.json")
    assert math.isnan(read.findings[0].rhlv["middle"])
    assert read.round_trip_mm is None


def broken(table, change):
    change(table["vertebrae"][1])
    return table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(level="T99"), "T99"),
        (lambda v: v.update(label=3), "label"),
        (lambda v: v.update(grade=4), "grade"),
        (lambda v: v.update(grade=True), "grade"),
        (lambda v: v.pop("rhlv"), "rhlv"),
        (lambda v: v["heights_mm"].pop("middle"), "heights_mm"),
        (lambda v: v["heights_mm"].update(middle="high"), "heights_mm"),
        (lambda v: v["rhlv_interval"].update(middle=[0.1]), "rhlv_interval"),
        (lambda v: v.update(probabilities=[1.0]), "probabilities"),
        (lambda v: v.update(type="burst"), "type"),
        (lambda v: v.update(flags=[3]), "flags"),
        (lambda v: v.update(level="T11", label=18), "twice"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(path, change, said):
    path.write_text(json.dumps(broken(json.loads(path.read_text()), change)))
    with pytest.raises(InputError, match=said) as caught:
        read_grading(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{}", '{"vertebrae": [3]}', '{"vertebrae": []}', "not"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(InputError):
        read_grading(tmp_path / "other.json")
