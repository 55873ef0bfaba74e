"""A document in the formats of other programs, read back by other libraries."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import PIL.Image
import pydicom
import pytest

from xgen_studio.document import Document, Made, Picture
from xgen_studio.document.regions import Region
from xgen_studio.errors import InputError
from xgen_studio.imaging import read_image, read_mask
from xgen_studio.tasks.export import FORMATS, export_document
from xgen_studio.wings.knee.science.dicom import about
from xgen_studio.wings.knee.science.labels import FEMUR, LEG, TABLE


@pytest.fixture
def document():
    made = Document((40, 70), TABLE, "knee", (0.5, 0.25))
    made.fill(Region(0, 10, np.ones((40, 50), bool)), LEG, "leg")
    made.fill(Region(0, 20, np.ones((15, 21), bool)), FEMUR, "femur")  # nothing is symmetric
    pixels = np.random.default_rng(0).random((40, 70)).astype(np.float32)
    recipe = (Made(made.mask.copy(), {"model": "knee-xray", "seed": 5, "synthetic": True}),)
    made.put_picture(Picture(pixels, recipe), "Keep")
    return made


def run_lengths_to_mask(entry):
    height, width = entry["size"]
    flat = np.repeat(np.arange(len(entry["counts"])) % 2, entry["counts"])
    return flat.reshape(width, height).T.astype(bool)


def test_png_keeps_picture_mask_spacing_and_provenance(document, tmp_path):
    export_document(document, tmp_path, "knee", ["png"])
    image = read_image(tmp_path / "knee.png")
    assert image.synthetic and image.spacing == (0.5, 0.25)
    np.testing.assert_allclose(image.pixels / 65535, document.picture.pixels, atol=1 / 65535)
    mask = read_mask(tmp_path / "knee_mask.png", TABLE)
    np.testing.assert_array_equal(mask.labels, document.mask)
    said = json.loads((tmp_path / "knee.json").read_text())
    assert said["seed"] == 5 and len(said["walks"]) == 1


def test_nifti_keeps_the_axes_and_the_spacing(document, tmp_path):
    export_document(document, tmp_path, "knee", ["nifti"])
    image = nibabel.load(tmp_path / "knee.nii.gz")
    assert image.header.get_zooms()[:2] == (0.5, 0.25)
    np.testing.assert_allclose(image.get_fdata()[:, :, 0].T, document.picture.pixels)
    mask = nibabel.load(tmp_path / "knee_mask.nii.gz")
    np.testing.assert_array_equal(mask.get_fdata()[:, :, 0].T, document.mask)


def test_dicom_is_marked_synthetic_and_names_nobody(document, tmp_path):
    export_document(document, tmp_path, "knee", ["dicom"])
    found = pydicom.dcmread(tmp_path / "knee.dcm")
    assert found.PatientID == "SYNTHETIC" and "SYNTHETIC" in found.ImageComments
    assert [float(v) for v in found.PixelSpacing] == [0.25, 0.5]  # rows first
    np.testing.assert_allclose(found.pixel_array / 65535, document.picture.pixels, atol=2e-5)
    assert found.BodyPartExamined == "KNEE"


def test_coco_masks_decode_to_the_labels_and_a_second_case_is_added(document, tmp_path):
    for name in ("one", "two"):
        export_document(document, tmp_path, name, ["coco"])
    table = json.loads((tmp_path / "annotations.json").read_text())
    assert sorted(i["file_name"] for i in table["images"]) == ["images/one.png", "images/two.png"]
    ids = {i["id"] for i in table["images"]}
    assert len(table["annotations"]) == 4 and {a["image_id"] for a in table["annotations"]} == ids
    assert len({a["id"] for a in table["annotations"]}) == 4
    femur = next(a for a in table["annotations"] if a["category_id"] == FEMUR)
    np.testing.assert_array_equal(
        run_lengths_to_mask(femur["segmentation"]), document.mask == FEMUR
    )
    assert {a["iscrowd"] for a in table["annotations"]} == {0}  # crowds are not trained on
    assert femur["bbox"] == [20, 0, 21, 15] and femur["area"] == 21 * 15


def test_nnunet_folder_has_consecutive_labels_and_counts_its_cases(document, tmp_path):
    for name in ("a", "b"):
        export_document(document, tmp_path, name, ["nnunet"])
    table = json.loads((tmp_path / "dataset.json").read_text())
    assert table["numTraining"] == 2 and table["file_ending"] == ".png"
    assert sorted(table["labels"].values()) == list(range(len(TABLE) + 1))
    labels = read_mask(tmp_path / "labelsTr" / "a.png").labels
    np.testing.assert_array_equal(labels == table["labels"]["femur"], document.mask == FEMUR)
    assert (tmp_path / "imagesTr" / "a_0000.png").exists()


def test_what_a_format_needs_and_lacks_is_said_and_nothing_is_written(document, tmp_path):
    document.spacing = None
    with pytest.raises(InputError, match="spacing"):
        export_document(document, tmp_path / "x", "knee", ["png", "nifti"])
    assert not (tmp_path / "x").exists()
    export_document(document, tmp_path / "x", "knee", ["nifti"], spacing=(0.3, 0.3))
    document.put_picture(None, "Away")
    for key in ("dicom", "coco", "nnunet"):
        with pytest.raises(InputError, match="picture"):
            export_document(document, tmp_path / "y", "knee", [key])
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "annotations.json").write_text("[1, 2")
    document.put_picture(Picture(np.zeros((40, 70), np.float32)), "Open")
    with pytest.raises(InputError, match="cannot be read"):
        export_document(document, tmp_path / "z", "knee", ["coco"])
    for name in ("../evil", "", ".hidden", "a/b"):
        with pytest.raises(InputError, match="no name"):
            export_document(document, tmp_path / "y", name, ["png"])


def test_an_opened_picture_is_never_passed_off_as_synthetic(document, tmp_path):
    document.put_picture(Picture(document.picture.pixels, source="patient.png"), "Open")
    with pytest.raises(InputError, match="opened, not generated"):
        export_document(document, tmp_path, "knee", ["dicom"])
    export_document(document, tmp_path, "knee", ["png"])
    assert not read_image(tmp_path / "knee.png").synthetic
    assert not (tmp_path / "knee.json").exists()
    assert set(FORMATS) == {"png", "nifti", "dicom", "coco", "nnunet"}


@pytest.fixture
def partly(document):
    """The document with an opened radiograph of which 60 of 2,800 px were drawn anew."""
    opened = Picture(document.picture.pixels, source="/data/DOE^JANE_1961/knee.dcm")
    region = np.zeros((40, 70), bool)
    region[5:15, 30:36] = True
    pixels = np.where(region, 0.5, opened.pixels).astype(np.float32)
    made = Made(document.mask.copy(), {"model": "knee-xray", "synthetic": True, "seed": 1}, region)
    document.put_picture(Picture(pixels, (made,), opened.pixels, opened.source), "Edit")
    return document


def test_a_picture_that_is_partly_real_says_so_with_its_share(partly, tmp_path):
    formats = [key for key in FORMATS if key != "dicom"]
    export_document(partly, tmp_path, "knee", formats)
    said = json.loads((tmp_path / "knee.json").read_text())
    assert (said["synthetic"], said["synthetic_share"]) == ("partly", round(60 / 2800, 5))
    assert said["drawn_into"] == "knee.dcm"
    for name in ("knee.png", "images/knee.png", "imagesTr/knee_0000.png"):
        with PIL.Image.open(tmp_path / name) as picture:
            assert picture.text["Synthetic"] == "partly"
        assert not read_image(tmp_path / name).synthetic
    [image] = json.loads((tmp_path / "annotations.json").read_text())["images"]
    assert image["synthetic"] == "partly"
    assert "SYNTHETIC" not in str(nibabel.load(tmp_path / "knee.nii.gz").header["descrip"])
    assert b"DOE^JANE" not in b"".join(p.read_bytes() for p in tmp_path.rglob("*.*"))


def test_a_partly_real_dicom_needs_a_word_about_burned_in_writing_and_keeps_it(partly, tmp_path):
    with pytest.raises(
        InputError, match=r"97\.9 % of this picture.s pixels are a real one.*burned into it"
    ):
        export_document(partly, tmp_path / "none", "knee", ["png", "dicom"])
    assert not (tmp_path / "none").exists()
    for burned_in, words in ((True, ("YES", "NO")), (False, ("NO", "YES"))):
        export_document(partly, tmp_path, f"b{burned_in}", ["dicom"], burned_in=burned_in)
        found = pydicom.dcmread(tmp_path / f"b{burned_in}.dcm")
        assert (found.BurnedInAnnotation, found.PatientIdentityRemoved) == words
        assert found.PatientName == "PARTLY^SYNTHETIC" and found.PatientID == "PARTLY SYNTHETIC"
        assert list(found.ImageType) == ["DERIVED", "SECONDARY", "PARTLY SYNTHETIC"]
        for text in (found.SeriesDescription, found.ImageComments, found.DerivationDescription):
            assert "2.1 %" in text
        assert not read_image(tmp_path / f"b{burned_in}.dcm").synthetic


def test_what_was_drawn_wholly_or_into_a_synthetic_file_is_synthetic(partly, tmp_path):
    shown = partly.picture
    whole = replace(shown, recipe=(*shown.recipe, replace(shown.recipe[0], region=None)))
    for name, picture in (("whole", whole), ("file", replace(shown, synthetic=True))):
        export_document(partly, tmp_path, name, ["png", "dicom"], picture)
        assert json.loads((tmp_path / f"{name}.json").read_text())["synthetic"] is True
        assert pydicom.dcmread(tmp_path / f"{name}.dcm").PatientName == "SYNTHETIC^XGEN"
        assert read_image(tmp_path / f"{name}.png").synthetic


def test_formats_are_written_together_or_not_at_all(document, tmp_path, monkeypatch):
    def full(*_):
        raise InputError("the disk is full")

    monkeypatch.setattr("xgen_studio.tasks.export.write_dicom_synthetic", full)
    with pytest.raises(InputError, match="full"):
        export_document(document, tmp_path, "knee", ["png", "coco", "dicom"])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("key", list(FORMATS))
def test_nothing_that_is_there_already_is_replaced(document, tmp_path, key):
    files = export_document(document, tmp_path, "knee", [key])
    before = {path: path.read_bytes() for path in files}
    with pytest.raises(InputError, match="already"):
        export_document(document, tmp_path, "knee", [key])
    assert before == {path: path.read_bytes() for path in files}


def test_somebody_else_s_data_set_is_left_alone(document, tmp_path):
    coco, nnunet = tmp_path / "annotations.json", tmp_path / "dataset.json"
    foreign = {"images": [], "annotations": [], "categories": [{"id": 3, "name": "liver"}]}
    coco.write_text(json.dumps(foreign))
    nnunet.write_text(json.dumps({"labels": {"background": 0}, "channel_names": {"0": "CT"}}))
    for key in ("coco", "nnunet"):
        with pytest.raises(InputError, match="others than this document's"):
            export_document(document, tmp_path, "knee", [key])
    coco.write_text(json.dumps({"images": [{}], "annotations": [], "categories": []}))
    with pytest.raises(InputError, match="no COCO index"):
        export_document(document, tmp_path, "knee", ["coco"])
    assert json.loads(coco.read_text())["images"] == [{}]


def test_a_picture_goes_with_the_mask_it_was_drawn_from(document, tmp_path):
    old = document.mask.copy()
    document.fill(Region(20, 20, np.ones((10, 10), bool)), FEMUR, "painted since")
    export_document(document, tmp_path, "knee", ["png"])
    np.testing.assert_array_equal(read_mask(tmp_path / "knee_mask.png", TABLE).labels, old)
    edited = old.copy()
    edited[30:, :] = 0
    region = np.zeros(old.shape, bool)
    region[:, :35] = True
    recipe = (*document.picture.recipe, Made(edited, {"seed": 6}, region))
    shown = Picture(document.picture.pixels, recipe)
    export_document(document, tmp_path, "edit", ["png"], shown)
    wanted = np.where(region, edited, old)
    np.testing.assert_array_equal(read_mask(tmp_path / "edit_mask.png", TABLE).labels, wanted)


@pytest.mark.parametrize(("column", "side"), [(5, "R"), (60, "L")])
def test_the_side_of_a_knee_is_told_by_its_fibula(column, side):
    labels = np.zeros((40, 70), np.uint8)
    labels[20:, 20:50] = 4
    labels[25:, column : column + 6] = 5
    said = about(labels, {"model": "knee-xray"})
    assert (said["ViewPosition"], said["ImageLaterality"]) == ("AP", side)
    assert about(labels, {"model": "knee-drr"}) == {"BodyPartExamined": "KNEE"}  # from any angle
    assert "ImageLaterality" not in about(labels * (labels == 4), {"model": "knee-xray"})
