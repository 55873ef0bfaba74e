"""VerSe's folders and the public tables of grades of its vertebrae."""

import json

import pytest

from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.findings import Grade
from xgen_studio.wings.spine.science.verse import agreement, cases, of_case, read_genant

HEADER = "patient_id,scan_id,vertebra,genant_grade\n"


def put(root, split, id, *endings):
    for ending in endings:
        part = "rawdata" if ending.startswith("ct") else "derivatives"
        folder = root / split / part / id.split("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{id}_{ending}").touch()


@pytest.fixture
def verse(tmp_path):
    whole = ("ct.nii.gz", "seg-vert_msk.nii.gz", "seg-subreg_ctd.json")
    put(tmp_path, "dataset-01training", "sub-verse012", *whole)
    put(tmp_path, "dataset-01training", "sub-verse413_split-verse272", *whole)
    put(tmp_path, "dataset-01training", "sub-verse413_split-verse239", *whole)
    put(tmp_path, "dataset-02validation", "sub-gl003_dir-ax", "ct.nii.gz", "seg-vert_snp.png")
    put(tmp_path, "dataset-02validation", "sub-verse004", "seg-vert_msk.nii.gz")
    return tmp_path


def test_cases_are_found_in_all_splits_and_what_lacks_is_noted(verse):
    found = {case.id: case for case in cases(verse)}
    assert list(found) == [
        *("sub-gl003_dir-ax", "sub-verse004", "sub-verse012"),
        *("sub-verse413_split-verse239", "sub-verse413_split-verse272"),
    ]
    whole = found["sub-verse012"]
    assert whole.notes == ()
    assert whole.split == "dataset-01training"
    assert [p.name for p in (whole.ct, whole.mask, whole.centroids)] == [
        "sub-verse012_ct.nii.gz",
        "sub-verse012_seg-vert_msk.nii.gz",
        "sub-verse012_seg-subreg_ctd.json",
    ]
    assert found["sub-verse413_split-verse272"].patient == "sub-verse413"
    assert found["sub-verse004"].ct is None
    assert "sub-verse004: has no CT" in found["sub-verse004"].notes
    assert found["sub-gl003_dir-ax"].mask is None
    assert len(cases(verse / "dataset-01training")) == 3


def test_a_folder_that_is_not_verses_is_refused(tmp_path):
    (tmp_path / "rawdata").mkdir()
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="rawdata"):
            cases(folder)


@pytest.fixture
def tables(tmp_path):
    healthy = {
        "train": {"sub-verse012_20": 3, "sub-verse413_series0_11": 1},
        "test": {"sub-verse413_series1_11": 0, "sub-verse413_series1_20": 2},
    }
    (tmp_path / "grades.json").write_text(json.dumps(healthy))
    rows = "sub-verse012,verse12,L1,3\nsub-verse413,verse272,L1,2\nsub-verse413,verse272,T4,1\n"
    (tmp_path / "manifest.csv").write_text(HEADER + rows)
    return read_genant(tmp_path / "grades.json"), read_genant(tmp_path / "manifest.csv")


def test_both_tables_give_the_grades_of_a_scan(verse, tables):
    healthivert, kvskushal = tables
    every = cases(verse)
    by_id = {case.id: case for case in every}
    second = by_id["sub-verse413_split-verse272"]
    assert of_case(healthivert, by_id["sub-verse012"], every) == {"L1": Grade.SEVERE}
    assert of_case(healthivert, second, every) == {"T4": Grade.NORMAL, "L1": Grade.MODERATE}
    first = by_id["sub-verse413_split-verse239"]
    assert of_case(healthivert, first, every) == {"T4": Grade.MILD}
    assert of_case(kvskushal, second, every) == {"T4": Grade.MILD, "L1": Grade.MODERATE}
    assert of_case(kvskushal, first, every) == {}


def test_a_series_is_not_guessed_when_a_scan_of_the_patient_is_missing(verse, tables):
    every = [case for case in cases(verse) if case.id != "sub-verse413_split-verse239"]
    assert of_case(tables[0], every[-1], every) == {}


def test_grades_of_one_scan_that_differ_are_told(tables):
    healthivert, kvskushal = tables
    assert agreement(healthivert, kvskushal).shared == 1
    other = {**kvskushal, ("sub-verse012", "L1"): Grade.MILD}
    found = agreement(healthivert, other)
    assert found.different == {("sub-verse012", "L1"): (Grade.SEVERE, Grade.MILD)}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", '{"train": {"sub-verse004_99": 1}}', "names no vertebra"),
        ("a.json", '{"train": {"sub-verse004_20": 4}}', "no Genant grade"),
        ("a.json", '{"sub-verse004_20": 4}', "no table of grades"),
        ("a.csv", "id,grade\n1,2\n", "lacks the columns"),
        ("a.csv", HEADER + "sub-verse004,verse4,L9,1\n", "names no vertebra"),
        ("a.csv", HEADER + "sub-verse004,verse4,L1,\n", "no Genant grade"),
    ],
)
def test_another_table_is_refused_in_one_line(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read_genant(tmp_path / name)


def test_the_two_public_tables_agree_on_every_vertebra_both_have(data):
    folder = data / "spine/genant_labels"
    if not folder.exists():
        pytest.skip("genant_labels is not among the shared data")
    healthivert = read_genant(folder / "healthivert_vertebra_data.json")
    kvskushal = read_genant(folder / "verse19_manifest_kvskushal.csv")
    assert (len(healthivert), len(kvskushal)) == (1460, 1129)
    found = agreement(healthivert, kvskushal)
    assert found.shared == 891  # the others belong to patients with several scans
    assert found.different == {}
    assert healthivert["sub-verse012", "L1"] == Grade.SEVERE
