"""A patient's radiograph and CT go through every journey of the knee; nothing of the patient is in
what is written."""

import gzip
import json
import zipfile

import numpy as np
import pytest

from tests.leaks import FOLDER, PATIENT, found_in, write_patient, write_patient_ct
from tests.tasks.calls import told
from tests.tasks.test_keeping import call
from xgen_studio.document import Document, Made, Picture
from xgen_studio.imaging import Mask, write_mask, write_png16
from xgen_studio.tasks.drawing import Draw, Drawing, Edit
from xgen_studio.tasks.export import FORMATS, export_document
from xgen_studio.tasks.provenance import base_name, named
from xgen_studio.wings.knee.science.labels import TABLE
from xgen_studio.wings.knee.tasks.asks import OpenRadiograph

GRID = (80, 144)


@pytest.fixture
def patient(tmp_path, knee_labels):
    """The folder of a patient: a radiograph, a mask, a CT."""
    folder = tmp_path / FOLDER
    greys = np.array([0.05, 0.35, 0.5, 0.8, 0.75, 0.7])[knee_labels]
    greys += np.random.default_rng(0).normal(0, 0.01, greys.shape)
    write_patient(folder / "knee.dcm", greys.clip(0, 1))
    write_mask(folder / "mask.png", Mask(knee_labels, TABLE))
    voxels = np.full((8, 20, 20), -1000)
    voxels[:, 4:16, 4:16] = 40
    voxels[:, 8:12, 7:12] = 900
    write_patient_ct(folder / "ct", voxels)
    return folder


def test_the_search_finds_what_is_hidden(tmp_path):
    name = PATIENT["PatientName"]
    (tmp_path / "a.gz").write_bytes(gzip.compress(json.dumps("Grün").encode()))
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.json", name)
    write_png16(tmp_path / "d.png", np.zeros((4, 4)), {"of": name})
    found = found_in(tmp_path)
    assert all(any(start in one for one in found) for start in ("a.gz (gzip)", "b.npz/c.json", "d"))
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "doe^jane_1961.txt").touch()
    assert found_in(tmp_path / "e")


def test_the_terminal_s_commands_write_nothing_of_a_patient(tiny_bundle, patient, tmp_path):
    out = tmp_path / "out"
    call("mask", "tiny", patient / "knee.dcm", "-o", out / "masks")
    drawn = ["generate", "tiny", "--steps", 1, "-n", 2]
    call(*drawn, "--mask", out / "masks" / "knee.png", "-o", out / "from proposed")
    call(*drawn, "--mask", patient / "mask.png", "-o", out / "from their own")
    call("drr", patient / "ct", "--views", 2, "--size", 32, "-o", out / "drr")
    write_png16(patient / "edit.png", np.random.default_rng(1).random(GRID), None)
    region = np.zeros(GRID, np.uint8)
    region[20:50, 40:90] = 1
    write_mask(patient / "region.png", Mask(region, TABLE))
    edit = ["--picture", patient / "edit.png", "--region", patient / "region.png"]
    call(*drawn, "--mask", patient / "mask.png", *edit, "-o", out / "edited")
    assert not found_in(out, str(tmp_path))
    said = json.loads((out / "masks" / "knee.json").read_text())
    assert said["image"] == "knee.dcm" and len(said["image_file_sha256"]) == 64
    assert json.loads((out / "drr" / "000.json").read_text())["ct"] == "a folder of 8 files"


def test_a_radiograph_that_is_opened_edited_and_exported_takes_nothing_along(
    tiny_bundle, patient, tmp_path
):
    out, file = tmp_path / "out", patient / "knee.dcm"
    [opened] = told(OpenRadiograph(file, "tiny", GRID))
    document = Document(GRID, TABLE, "knee", opened.spacing)
    document.mask[...] = opened.labels
    source = Picture(opened.pixels, source=str(file), synthetic=opened.synthetic)
    document.put_picture(source, "Open")
    for key in (key for key in FORMATS if key != "dicom"):
        export_document(document, out / f"opened as {key}", "knee", [key])
    region = np.zeros(GRID, bool)
    region[30:50, 50:90] = True
    drawing = Drawing("tiny", steps=1)
    [drawn] = told(Draw(drawing, document.as_mask(), edit=Edit(opened.pixels, region)))
    made = Made(document.mask.copy(), drawn.provenance, region)
    document.put_picture(Picture(drawn.pixels, (made,), opened.pixels, str(file)), "Edit")
    for key in FORMATS:
        export_document(document, out / f"edited as {key}", "knee", [key], burned_in=True)
    assert not found_in(out, str(tmp_path))


def test_an_input_is_its_own_name_and_hash(tmp_path):
    (tmp_path / "a.nii.gz").write_text("abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert named("ct", tmp_path / "a.nii.gz") == {"ct": "a.nii.gz", "ct_file_sha256": digest}
    assert named("ct", tmp_path / "gone.png") == {"ct": "gone.png"}
    (tmp_path / "b").mkdir()
    first = named("ct", tmp_path)
    assert first["ct"] == "a folder of 1 files"
    (tmp_path / "b" / "c").write_text("more")
    assert named("ct", tmp_path)["ct_file_sha256"] != first["ct_file_sha256"]
    for path in ("C:\\Users\\DOE\\x.png", "\\\\server\\DOE\\x.png", "/home/DOE/x.png", "x.png"):
        assert base_name(path) == "x.png"
