"""`xgen grade` from end to end on a small simulated patient."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import nibabel
import numpy as np
import pydicom
import pytest

from tests.tasks.calls import assert_one_line, told, xgen
from tests.tasks.calls import notes as notes_of
from tests.wings.spine import phantoms
from tests.wings.spine.test_report_dicom import slices
from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import Volume, read_volume, write_volume
from xgen_studio.wings.spine.science.findings import THIRDS
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.tasks import grading
from xgen_studio.wings.spine.tasks.asks import GradeScan, Naming
from xgen_studio.wings.spine.tasks.report_blocks import Pictures

SHORT = {"lowest": "L3", "highest": "T12"}  # L1 and L3 are broken
CONTRACT = (
    *("level", "label", "heights_mm", "healthy_mm", "rhlv", "grade", "grade_rule", "type"),
    *("rhlv_interval", "probabilities", "flags", "quality", "mask_source"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CT and masks of it, some of them wrong."""
    path = tmp_path_factory.mktemp("patient")
    mask, ct = phantoms.mask(**SHORT), phantoms.scan(**SHORT)
    write_volume(path / "ct.nii.gz", ct)
    write_volume(path / "mask.nii.gz", mask)

    def wrong(name, change):
        voxels = mask.voxels.copy()
        changed = change(voxels)
        write_volume(
            path / f"{name}.nii.gz", replace(mask, voxels=voxels if changed is None else changed)
        )

    def only(*levels):
        return lambda v: np.where(np.isin(v, [LABELS[k] for k in levels]), v, 0).astype(np.uint8)

    def swapped(v):
        first, second = v == LABELS["L1"], v == LABELS["L2"]
        v[first], v[second] = LABELS["L2"], LABELS["L1"]

    wrong("empty", lambda v: 0 * v)
    wrong("single", only("L1"))
    wrong("gap", only("T12", "L1", "L3"))
    wrong("swapped", swapped)
    wrong("upside", lambda v: np.ascontiguousarray(v[::-1]))
    wrong("mirrored", lambda v: np.ascontiguousarray(v[:, :, ::-1]))
    wrong("floats", lambda v: v.astype(np.float32))
    wrong("fractions", lambda v: v * np.float32(0.5))
    wrong("voxel", lambda v: (np.arange(v.size) == v.size // 2).reshape(v.shape) * np.uint8(20))
    names = np.zeros(256, np.uint8)
    names[[19, 20, 21, 22]] = [1, 2, 3, 4]
    wrong("unnamed", lambda v: names[phantoms.mask(whole=False, **SHORT).voxels])
    write_volume(path / "elsewhere.nii.gz", replace(mask, origin=(4000.0, 0.0, 0.0)))
    half = (path / "ct.nii.gz").read_bytes()
    (path / "ends_early.nii.gz").write_bytes(half[: len(half) // 2])
    return path


def graded(folder, out, **how):
    """What is told, and what is in grading.json."""
    paths = {k: folder / v if k in ("ct", "mask") else v for k, v in how.items()}
    ask = GradeScan(out, **paths)
    [one] = told(ask)
    table = json.loads((out / "grading.json").read_text())
    return one.lines, table, {v["level"]: v for v in table["vertebrae"]}


@pytest.fixture
def no_pictures(monkeypatch):
    """The report is tested elsewhere, and its pictures take their time."""
    for name in ("write_report", "write_pdf"):
        monkeypatch.setattr(grading, name, lambda _examination, path, *_: path.write_text("made"))
    monkeypatch.setattr(grading, "_pictures", lambda *_: Pictures())


def words(table):
    return " ".join(table["notes"])


def test_ct_and_mask_give_all_that_the_contract_names(folder, tmp_path):
    paths = [folder / "ct.nii.gz", "--mask", folder / "mask.nii.gz", "-o", tmp_path]
    answer = xgen("grade", *paths, "--levels", "L1,L3")
    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    assert "research use, not for diagnosis" in answer.stdout
    table = json.loads((tmp_path / "grading.json").read_text())
    found = {v["level"]: v for v in table["vertebrae"]}
    assert list(found) == ["L1", "L3"]
    for one in found.values():
        assert set(CONTRACT) <= set(one)
        assert set(one["rhlv"]) == set(one["heights_mm"]) == set(THIRDS)
        assert sum(one["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert found["L1"]["grade"] >= 2
    assert found["L3"]["grade"] >= 1
    assert table["round_trip_mm"] < 0.5
    assert table["not_evaluable"] in ({}, [])
    ct = read_volume(folder / "ct.nii.gz")
    for name, dtype in (("healthy_ct.nii.gz", np.int16), ("healthy_mask.nii.gz", np.uint8)):
        volume = read_volume(tmp_path / name)
        assert volume.shape == ct.shape
        assert volume.spacing == pytest.approx(ct.spacing)
        assert volume.origin == pytest.approx(ct.origin)
        assert volume.voxels.dtype == dtype
    before = (phantoms.mask(**SHORT).voxels == LABELS["L1"]).sum()
    assert (read_volume(tmp_path / "healthy_mask.nii.gz").voxels == LABELS["L1"]).sum() > before
    assert "not for diagnosis" in (tmp_path / "report.html").read_text().lower()
    assert (tmp_path / "report.pdf").read_bytes()[:4] == b"%PDF"
    assert not list(tmp_path.glob("*.dcm"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("no_pictures")
def test_a_mask_alone_is_graded_and_nothing_is_made_up(folder, tmp_path):
    _, table, found = graded(folder, tmp_path, mask="mask.nii.gz")
    assert list(found) == ["T12", "L1", "L2", "L3"]
    assert found["L1"]["grade"] >= 2
    assert found["L3"]["grade"] >= 1
    assert found["T12"]["grade"] == found["L2"]["grade"] == 0
    assert not (tmp_path / "healthy_ct.nii.gz").exists()
    assert (tmp_path / "healthy_mask.nii.gz").exists()
    assert all(one.get("density_hu") is None for one in found.values())
    assert not any(str(folder) in text for text in (json.dumps(table),))  # no folders of a user


@pytest.mark.usefixtures("no_pictures")
def test_levels_that_are_asked_for_are_told_and_no_others(folder, tmp_path):
    lines, table, found = graded(folder, tmp_path, mask="mask.nii.gz", levels=("L1", "T5"))
    assert list(found) == ["L1"]
    assert set(found["L1"]["references"]) >= {"T12", "L2"}  # the others serve all the same
    assert any("T5" in line and "not in the mask" in line for line in lines)
    assert "T5" in json.dumps(table["not_evaluable"])


@pytest.mark.usefixtures("no_pictures")
def test_labels_without_names_need_one(folder, tmp_path):
    with pytest.raises(InputError, match="no names"):
        graded(folder, tmp_path, mask="unnamed.nii.gz")
    assert not list(tmp_path.glob("*.*"))
    _, _, by_top = graded(
        folder, tmp_path / "top", mask="unnamed.nii.gz", naming=Naming(top="T12"), levels=("L1",)
    )
    truth, _ = phantoms.spine(**SHORT)
    middle = {v.level: tuple(v.frame.origin.tolist()) for v in truth.vertebrae}
    naming = Naming({"L1": middle["L1"], "L3": middle["L3"]})
    _, _, by_anchor = graded(
        folder, tmp_path / "at", mask="unnamed.nii.gz", naming=naming, levels=("L1",)
    )
    assert by_top["L1"]["rhlv"] == by_anchor["L1"]["rhlv"]
    wrong = Naming({"L1": middle["L1"], "L4": middle["L3"]})
    with pytest.raises(InputError, match="disagree"):
        graded(folder, tmp_path / "no", mask="unnamed.nii.gz", naming=wrong)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("empty", "empty"),
        ("fractions", "fractions"),
        ("ct", "no labels"),
        ("elsewhere", "lies nowhere in"),
        ("ends_early", "cut short"),
    ],
)
@pytest.mark.usefixtures("no_pictures")
def test_a_mask_that_is_none_is_refused_before_anything_is_written(folder, tmp_path, mask, said):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=said) as caught:
        graded(folder, out, ct="ct.nii.gz", mask=f"{mask}.nii.gz")
    assert "\n" not in str(caught.value)
    assert mask in str(caught.value)
    assert not out.exists()


@pytest.mark.usefixtures("no_pictures")
def test_a_cervical_spine_is_said_to_be_none_that_is_graded(tmp_path):
    volume = phantoms.grid(half=(40.0, 45.0, 60.0))
    for label, z in ((5, 330.0), (6, 312.0), (7, 294.0)):
        middle = phantoms.MIDDLE * [1, 1, 0] + [0, 0, z]
        frame = phantoms.turned(middle=middle)
        phantoms.drawn(volume, frame, 12.0, label, depth=18.0, width=26.0)
    write_volume(tmp_path / "neck.nii.gz", volume)
    with pytest.raises(InputError, match="C5, C6, C7, and no vertebra from T1 to L6"):
        graded(tmp_path, tmp_path / "out", mask="neck.nii.gz")


@pytest.mark.usefixtures("no_pictures")
def test_one_vertebra_or_a_gap_is_graded_with_less_confidence(folder, tmp_path):
    _, _, found = graded(folder, tmp_path / "one", mask="single.nii.gz")
    assert list(found) == ["L1"]
    assert found["L1"]["confidence"] == "low"
    assert any("averages" in flag for flag in found["L1"]["flags"])
    _, table, found = graded(folder, tmp_path / "gap", mask="gap.nii.gz")
    assert "L2 has no mask, between L1 and L3" in words(table)
    assert found["L1"]["grade"] >= 2


@pytest.mark.usefixtures("no_pictures")
def test_a_single_voxel_is_not_evaluable_and_says_why(folder, tmp_path):
    lines, _, found = graded(folder, tmp_path, mask="voxel.nii.gz")
    assert found == {}
    assert any("L1" in line and "not evaluable" in line for line in lines)


@pytest.mark.usefixtures("no_pictures")
def test_of_swapped_labels_neither_is_graded(folder, tmp_path):
    _, _, found = graded(folder, tmp_path, mask="swapped.nii.gz")
    assert found["L1"]["confidence"] == found["L2"]["confidence"] == "none"
    assert found["T12"]["confidence"] != "none"
    assert any("swapped" in flag for flag in found["L1"]["flags"])


@pytest.mark.parametrize(
    ("mask", "said"), [("upside", "head and feet"), ("mirrored", "left and right")]
)
@pytest.mark.usefixtures("no_pictures")
def test_what_is_turned_over_marks_every_vertebra_and_its_ct_is_not_read(
    folder, tmp_path, mask, said
):
    _, table, found = graded(
        folder, tmp_path, ct="ct.nii.gz", mask=f"{mask}.nii.gz", levels=("L2",)
    )
    assert said in words(table)
    assert found["L2"]["confidence"] == "low"
    assert any(said in flag for flag in found["L2"]["flags"])
    assert found["L2"].get("density_hu") is None
    assert not (tmp_path / "healthy_ct.nii.gz").exists()


@pytest.mark.usefixtures("no_pictures")
def test_an_mr_is_no_ct_and_the_mask_is_graded_alone(folder, tmp_path):
    ct = phantoms.scan(**SHORT)
    signal = ((ct.voxels.astype(int) + 1100) // 4).astype(np.int16)
    write_volume(tmp_path / "mr.nii.gz", replace(ct, voxels=signal))
    _, table, found = graded(
        folder, tmp_path / "out", ct=tmp_path / "mr.nii.gz", mask="mask.nii.gz", levels=("L2",)
    )
    assert "MR" in words(table)
    assert found["L2"].get("density_hu") is None
    assert not (tmp_path / "out" / "healthy_ct.nii.gz").exists()


@pytest.mark.usefixtures("no_pictures")
def test_metal_and_thick_slices_are_flagged(folder, tmp_path):
    ct, mask = phantoms.scan(**SHORT), phantoms.mask(**SHORT)
    bright = ct.voxels.copy()
    z, y, x = np.argwhere(mask.voxels == LABELS["L3"]).mean(0).astype(int)
    bright[z - 2 : z + 3, y - 3 : y + 10, x - 10 : x - 6] = 3071
    write_volume(tmp_path / "metal.nii.gz", replace(ct, voxels=bright))
    _, _, found = graded(
        folder,
        tmp_path / "m",
        ct=tmp_path / "metal.nii.gz",
        mask="mask.nii.gz",
        levels=("L3", "T12"),
    )
    assert any("metal" in flag for flag in found["L3"]["flags"])
    assert not any("metal" in flag for flag in found["T12"]["flags"])
    thick = Volume(np.ascontiguousarray(mask.voxels[::4]), (*mask.spacing[:2], 5.0), mask.origin)
    write_volume(tmp_path / "thick.nii.gz", thick)
    _, table, found = graded(folder, tmp_path / "t", mask=tmp_path / "thick.nii.gz")
    assert "5 mm apart" in words(table)
    assert all(one["confidence"] != "high" for one in found.values())
    assert found["L1"]["grade"] >= 1


@pytest.mark.usefixtures("no_pictures")
def test_a_mask_on_another_grid_is_resampled_and_says_so(folder, tmp_path):
    mask = phantoms.mask(**SHORT)
    coarse = Volume(np.ascontiguousarray(mask.voxels[::2, ::2, ::2]), (2.5,) * 3, mask.origin)
    write_volume(tmp_path / "coarse.nii.gz", coarse)
    _, table, found = graded(
        folder, tmp_path / "out", ct="ct.nii.gz", mask=tmp_path / "coarse.nii.gz", levels=("L1",)
    )
    assert "resampled onto the CT's grid" in words(table)
    assert found["L1"]["grade"] >= 2


@pytest.mark.usefixtures("no_pictures")
def test_numbers_that_are_floats_are_labels_and_the_same_mask_gives_the_same_answer(
    folder, tmp_path
):
    a = graded(folder, tmp_path / "a", mask="floats.nii.gz", levels=("L1",))
    b = graded(folder, tmp_path / "b", mask="mask.nii.gz", levels=("L1",))
    assert a[0] == b[0]
    assert {**a[2]["L1"], "mask_source": ""} == {**b[2]["L1"], "mask_source": ""}


def series(path, gap=()):
    """The CT as DICOM slices, those in `gap` left out."""
    ct = phantoms.scan(**SHORT)
    path.mkdir()
    for number, one in enumerate(slices(ct)):
        if number not in gap:
            one.PixelData = ct.voxels[number].astype(np.int16).tobytes()
            pydicom.dcmwrite(path / f"{number:03d}.dcm", one, enforce_file_format=True)
    return path


@pytest.mark.usefixtures("no_pictures")
def test_a_dicom_series_gets_its_report_and_segmentation_as_dicom(folder, tmp_path):
    ct = series(tmp_path / "ct")
    graded(folder, tmp_path / "out", ct=ct, mask="mask.nii.gz", levels=("L1",))
    report = pydicom.dcmread(tmp_path / "out" / "report_sr.dcm")
    masks = pydicom.dcmread(tmp_path / "out" / "mask_seg.dcm")
    assert report.Modality == "SR"
    assert masks.Modality == "SEG"
    assert report.PatientID == masks.PatientID == "7"


@pytest.mark.usefixtures("no_pictures")
def test_a_series_with_a_missing_slice_is_graded_and_says_so(folder, tmp_path):
    ct = series(tmp_path / "ct", gap=(70,))
    _, table, found = graded(folder, tmp_path / "out", ct=ct, mask="mask.nii.gz", levels=("L1",))
    assert "slice" in words(table)
    assert found["L1"]["grade"] >= 2


@pytest.mark.usefixtures("no_pictures")
def test_slices_that_cannot_be_referred_to_cost_no_grading(folder, tmp_path):
    ct = series(tmp_path / "ct")
    for file in ct.iterdir():
        one = pydicom.dcmread(file)
        del one.FrameOfReferenceUID
        one.save_as(file)
    out = tmp_path / "out"
    said = notes_of(GradeScan(out, ct, folder / "mask.nii.gz", levels=("L1",)))
    assert any("DICOM SR and SEG" in text for text in said)
    assert (out / "grading.json").exists()
    assert not (out / "mask_seg.dcm").exists()


@pytest.mark.usefixtures("no_pictures")
def test_nothing_is_overwritten_unasked(folder, tmp_path):
    """Not even what only some gradings write."""
    for name in ("grading.json", "centroids.json", "healthy_ct.nii.gz", "curve.mrk.json"):
        out = tmp_path / name.replace(".", "_")
        out.mkdir()
        (out / name).write_text("mine")
        with pytest.raises(CallError, match="--overwrite"):
            graded(folder, out, mask="mask.nii.gz")
        assert (out / name).read_text() == "mine"
        assert len(list(out.iterdir())) == 1
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    (drawn / "mask.nii.gz").write_text("an hour's work")
    with pytest.raises(CallError, match=r"mask.nii.gz.*--overwrite"):
        told(GradeScan(drawn, folder / "ct.nii.gz"))


@pytest.mark.usefixtures("no_pictures")
def test_what_an_earlier_grading_left_does_not_stay_beside_a_new_one(folder, tmp_path):
    graded(folder, tmp_path, ct="ct.nii.gz", mask="mask.nii.gz", levels=("L1",))
    assert (tmp_path / "healthy_ct.nii.gz").exists()
    (tmp_path / "mask.nii.gz").write_bytes((folder / "single.nii.gz").read_bytes())
    (tmp_path / "letter.txt").write_text("mine")
    graded(tmp_path, tmp_path, mask="mask.nii.gz", overwrite=True)
    assert not (tmp_path / "healthy_ct.nii.gz").exists()
    assert not (tmp_path / "curve.mrk.json").exists()  # one vertebra has no curve
    assert (tmp_path / "mask.nii.gz").exists()
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_an_earlier_scan_is_compared_with(folder, tmp_path):
    graded(folder, tmp_path / "first", mask="mask.nii.gz", levels=("L1",))
    before = tmp_path / "first" / "grading.json"
    graded(folder, tmp_path / "second", mask="mask.nii.gz", levels=("L1",), prior=before)
    plain = (tmp_path / "first" / "report.html").read_text()
    assert len((tmp_path / "second" / "report.html").read_text()) > len(plain)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ([], 2, "--mask"),
        (["--mask", "mask.nii.gz", "--anchor", "L1=1,2"], 2, "LEVEL=x,y,z"),
        (["--mask", "nowhere.nii.gz"], 3, "nowhere.nii.gz"),
    ],
)
def test_wrong_calls_and_bad_input_end_with_one_line(folder, tmp_path, arguments, code, word):
    paths = [folder / a if "." in a and "=" not in a else a for a in arguments]
    answer = xgen("grade", *paths, "-o", tmp_path / "out")
    assert_one_line(answer, code, word)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("how", "error", "word"),
    [
        ({"levels": ("C5",)}, CallError, "C5"),
        ({"levels": ("Q1",)}, CallError, "Q1"),
        ({"naming": Naming(top="Z1")}, CallError, "Z1"),
        ({"naming": Naming(extra=("L5",))}, CallError, "L5"),
        ({"prior": "mask.nii.gz"}, InputError, "mask.nii.gz"),
        ({"ct": "picture.png"}, InputError, "picture.png"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, tmp_path, how, error, word):
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    how = {k: folder / v if isinstance(v, str) else v for k, v in how.items()}
    with pytest.raises(error, match=word) as caught:
        told(GradeScan(tmp_path / "out", mask=folder / "mask.nii.gz", **how))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process")
def test_a_grading_that_is_cancelled_leaves_nothing_behind(folder, tmp_path):
    out = tmp_path / "out"
    code = "from xgen_studio.cli.main import main; main()"
    words = ["grade", folder / "ct.nii.gz", "--mask", folder / "mask.nii.gz", "-o", out]
    run = subprocess.Popen(
        [sys.executable, "-u", "-c", code, *map(str, words)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    line = run.stderr.readline()  # the first of the progress: it is at work
    assert b"grading" in line
    time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    if run.returncode == 0:
        pytest.skip("it was done before it was cancelled")
    assert run.returncode == 130
    assert b"Traceback" not in err
    assert not out.exists() or not any(out.iterdir())


@pytest.mark.usefixtures("no_pictures")
def test_the_real_patient_is_graded_as_others_read_him(data, tmp_path):
    scan = data / "spine" / "verse012"
    if not scan.is_dir():
        pytest.skip("verse012 is not among the shared data")
    ct, mask = scan / "sub-verse012_ct.nii.gz", scan / "sub-verse012_seg-vert_msk.nii.gz"
    _, _, found = graded(scan, tmp_path, ct=ct, mask=mask)
    assert found["L1"]["grade"] >= 2  # VerSe: 3
    assert found["L3"]["grade"] <= 2  # VerSe: 1
    assert [found[k]["grade"] for k in ("T10", "T11", "T12", "L2")] == [0, 0, 0, 0]
    image = nibabel.load(tmp_path / "healthy_ct.nii.gz")
    assert sorted(image.shape) == sorted(nibabel.load(ct).shape)
