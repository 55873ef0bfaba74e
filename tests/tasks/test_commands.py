"""The command line as a script meets it: names, files, exit codes, one line for every trouble."""

import json
import re

import numpy as np
import pytest
from PIL import Image as Picture

from tests.tasks.calls import assert_one_line, xgen
from xgen_studio.imaging import Volume, read_image, read_mask, write_volume
from xgen_studio.wings.knee.science.labels import TABLE
from xgen_studio.wings.knee.tasks.masking import overlay


def test_generate_writes_pictures_and_their_provenance(tiny_bundle, mask_file, tmp_path):
    out = tmp_path / "out"
    answer = xgen(
        "generate",
        "tiny",
        "--mask",
        mask_file,
        "-n",
        2,
        "--seed",
        7,
        "--steps",
        2,
        "--sampler",
        "ddim",
        "--grade",
        3,
        "-o",
        out,
    )
    assert answer.returncode == 0, answer.stderr
    assert sorted(p.name for p in out.iterdir()) == ["000.json", "000.png", "001.json", "001.png"]
    said = json.loads((out / "001.json").read_text())
    assert (said["seed"], said["sampler"], said["steps"]) == (8, "ddim", 2)
    assert said["options"] == {"grade": 3}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["generate", "tiny", "-o", "x"], 2),
        (["generate", "nothing", "--mask", "MASK", "-o", "x"], 2),
        (["generate", "tiny", "--mask", "missing.png", "-o", "x"], 3),
        (["generate", "tiny", "--mask", "MASK", "--device", "cuda:9", "-o", "x"], 4),
        (["generate", "tiny", "--mask", "MASK", "--sampler", "magic", "-o", "x"], 2),
        (["train", "no-such-recipe"], 2),
        (["train", "knee-xray", "--data", "missing"], 3),
        (["drr", "missing.nii.gz", "-o", "x"], 3),
        (["mask", "tiny", "missing.png", "-o", "x"], 3),
        (["evaluate", "tiny", "--data", "HERE", "-o", "x"], 3),
        (["train", "knee-xray", "--data", "HERE", "--run", "x"], 3),
        (["train", "knee-xray", "--time-budget", "9x"], 2),
    ],
)
def test_exit_codes_and_one_line(tiny_bundle, mask_file, tmp_path, arguments, code):
    places = {"MASK": str(mask_file), "x": str(tmp_path / "x"), "HERE": str(tmp_path)}
    filled = [places.get(a, a) for a in arguments]
    assert_one_line(xgen(*filled), code)
    assert not (tmp_path / "x").exists()


def test_an_unknown_command_and_option_are_wrong_calls():
    assert xgen("paint").returncode == 2
    assert xgen("models", "--fast").returncode == 2


def test_models_as_json_names_what_was_found(tiny_bundle):
    answer = xgen("models", "--json")
    assert answer.returncode == 0
    cards = {card["name"]: card for card in json.loads(answer.stdout)}
    assert cards["tiny"]["trained_on"] == "nothing"
    assert set(cards["tiny"]["networks"]) == {"diffusion", "unet", "masks"}


def test_a_broken_bundle_does_not_hide_the_others(tiny_bundle):
    (tiny_bundle.parent / "broken").mkdir()
    (tiny_bundle.parent / "broken" / "model.toml").write_text("name = ")
    answer = xgen("models")
    assert answer.returncode == 0
    assert "tiny" in answer.stdout
    assert "broken: unusable" in answer.stdout


def test_devices_lists_the_cpu():
    answer = xgen("devices")
    assert answer.returncode == 0
    assert answer.stdout.startswith("cpu")


def test_doctor_finds_damaged_weights(tiny_bundle):
    (tiny_bundle / "unet.safetensors").write_bytes(b"nothing")
    answer = xgen("doctor")
    assert answer.returncode == 3
    assert "damaged  tiny/unet" in answer.stdout


def test_mask_writes_labels_on_the_image_s_own_grid(tiny_bundle, tmp_path):
    rng = np.random.default_rng(0)
    picture = (rng.random((120, 222)) * 200).astype(np.uint8)
    Picture.fromarray(picture).save(tmp_path / "knee.png")
    answer = xgen("mask", "tiny", tmp_path / "knee.png", "-o", tmp_path / "out")
    assert answer.returncode == 0, answer.stderr
    assert read_mask(tmp_path / "out" / "knee.png").shape == (120, 222)
    said = json.loads((tmp_path / "out" / "knee.json").read_text())
    assert set(said["labels"]) == {"leg", "bone", "femur", "tibia", "fibula", "patella"}


def test_an_overlay_shows_each_label_in_its_colour():
    labels = np.zeros((400, 720), np.uint8)
    labels[50:350, 100:600] = 1
    labels[100:200, 200:500] = 3
    grey = np.random.default_rng(0).random(labels.shape).astype(np.float32)
    picture = overlay(grey, labels)
    assert picture.shape == (400, 720, 3)
    femur = (picture == TABLE[3].colour).all(-1)
    assert femur[100:102, 200:500].all() and femur[198:200, 200:500].all()
    assert not femur[103:197, 203:497].any()
    assert (picture[150, 300] == picture[150, 300, 0]).all()  # inside, the radiograph is grey


def test_a_mask_never_overwrites_the_radiograph(tiny_bundle, tmp_path):
    rng = np.random.default_rng(0)
    picture = tmp_path / "knee.png"
    Picture.fromarray((rng.random((120, 222)) * 200).astype(np.uint8)).save(picture)
    before = picture.read_bytes()
    assert_one_line(xgen("mask", "tiny", picture, "-o", tmp_path), 2, "knee.png", "-o")
    assert picture.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["knee.png"]


def test_one_bad_image_among_good_ones_leaves_nothing(tiny_bundle, tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in (("good", (120, 222)), ("wide", (70, 700))):
        Picture.fromarray((rng.random(shape) * 200).astype(np.uint8)).save(tmp_path / f"{name}.png")
    answer = xgen(
        "mask", "tiny", tmp_path / "good.png", tmp_path / "wide.png", "-o", tmp_path / "out"
    )
    assert_one_line(answer, 3, "wide.png")
    assert not (tmp_path / "out").exists()


def test_a_flat_picture_is_no_knee(tiny_bundle, tmp_path):
    Picture.fromarray(np.full((120, 222), 90, np.uint8)).save(tmp_path / "flat.png")
    answer = xgen("mask", "tiny", tmp_path / "flat.png", "-o", tmp_path / "out")
    assert_one_line(answer, 3, "flat.png", "same value")


def leg(tmp_path, hu=(-1000.0, 40.0, 800.0), **geometry):
    voxels = np.full((40, 48, 48), hu[0], np.float32)
    voxels[:, 8:40, 8:40] = hu[1]
    voxels[:, 20:28, 14:22] = hu[2]  # bone on the patient's right
    path = tmp_path / "leg.nii.gz"
    write_volume(path, Volume(voxels, (2.0, 2.0, 3.0), modality="CT", **geometry))
    return path


def test_drr_writes_views_masks_and_geometry(tmp_path):
    answer = xgen("drr", leg(tmp_path), "--views", 4, "--size", 64, "-o", tmp_path / "out")
    assert answer.returncode == 0, answer.stderr
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"000.png", "000_mask.png", "000.json", "003_mask.png"} <= names
    said = json.loads((tmp_path / "out" / "001.json").read_text())
    assert said["angle_deg"] == 90
    assert said["ct_spacing_mm"] == pytest.approx([2, 2, 3])
    mask = read_mask(tmp_path / "out" / "000_mask.png").labels
    assert set(np.unique(mask)) == {0, 1, 2}
    columns = np.nonzero((mask == 2).any(0))[0]
    assert columns.mean() < 30  # the patient's right is on the picture's left
    image = read_image(tmp_path / "out" / "000.png")
    assert image.spacing == pytest.approx((said["detector_pixel_mm"],) * 2)


def test_a_volume_that_is_not_in_hu_is_refused(tmp_path):
    answer = xgen("drr", leg(tmp_path, hu=(0.0, 40.0, 200.0)), "-o", tmp_path / "out")
    assert_one_line(answer, 3, "Hounsfield")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_said(tiny_bundle, mask_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    answer = xgen(
        "generate", "tiny", "--mask", mask_file, "--steps", 1, "-o", tmp_path / "file" / "out"
    )
    assert_one_line(answer, 3, "file")


def test_help_names_every_command_of_the_contract():
    text = xgen("--help").stdout
    for command in (
        "demo",
        "models",
        "generate",
        "mask",
        "drr",
        "train",
        "evaluate",
        "devices",
        "doctor",
    ):
        assert re.search(rf"\b{command}\b", text), command
