"""Generating from a mask: pixels, provenance, previews, and what bad input gets."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from tests.tasks.calls import generate, notes
from xgen_studio.bundles import open_bundle
from xgen_studio.diffusion import Step
from xgen_studio.errors import CallError, Cancelled, DeviceError, InputError
from xgen_studio.imaging import read_image, read_mask
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Drawing, Drawn
from xgen_studio.tasks.generate import generator_on
from xgen_studio.tasks.wish import Wish, ask_for


def make(out, mask_file, **settings):
    n, options = settings.pop("n", 1), settings.pop("options", {})
    values = {"mask": mask_file, **options}
    return generate("tiny", out, n, values=values, **{"steps": 3, **settings})


def pixels(path):
    return read_image(path).pixels


def test_the_same_call_gives_the_same_pixels(tiny_bundle, mask_file, tmp_path):
    a = make(tmp_path / "a", mask_file, seed=5)
    b = make(tmp_path / "b", mask_file, seed=5)
    np.testing.assert_array_equal(pixels(a[0]), pixels(b[0]))


def test_image_i_has_the_seed_s_plus_i(tiny_bundle, mask_file, tmp_path):
    three = make(tmp_path / "three", mask_file, seed=10, n=3)
    alone = make(tmp_path / "alone", mask_file, seed=12)
    np.testing.assert_array_equal(pixels(three[2]), pixels(alone[0]))
    assert not np.array_equal(pixels(three[0]), pixels(three[1]))
    assert [p.name for p in three] == ["000.png", "001.png", "002.png"]


def test_files_are_16_bit_grey_and_say_that_they_are_synthetic(tiny_bundle, mask_file, tmp_path):
    path = make(tmp_path / "out", mask_file)[0]
    with Picture.open(path) as picture:
        assert picture.mode in ("I;16", "I")
        assert picture.text["Synthetic"] == "yes"
        assert json.loads(picture.text["Provenance"])["model"] == "tiny"
    assert read_image(path).synthetic


def test_provenance_holds_what_is_needed_to_make_it_again(tiny_bundle, mask_file, tmp_path):
    path = make(tmp_path / "out", mask_file, seed=4, options={"grade": 2})[0]
    said = json.loads(path.with_suffix(".json").read_text())
    again = make(
        tmp_path / "again",
        mask_file,
        seed=said["seed"],
        sampler=said["sampler"],
        options=said["options"],
    )[0]
    told = json.loads(again.with_suffix(".json").read_text())
    for key in ("pixels_sha256", "mask_sha256", "weights_sha256", "sigmas", "versions", "method"):
        assert said[key] == told[key], key
    assert said["synthetic"] is True
    assert len(said["sigmas"]) == said["steps"] + 1
    assert said["device"] == "cpu"


def test_the_mask_the_grade_and_the_seed_all_matter(tiny_bundle, mask_file, tmp_path):
    generator = generator_on(Bench(), "tiny", "cpu")
    mask = read_mask(mask_file, generator.system.table)
    base = generator.one(Drawing("tiny", steps=3), mask).pixels
    assert not np.array_equal(base, generator.one(Drawing("tiny", steps=3, seed=1), mask).pixels)
    graded = generator.one(Drawing("tiny", steps=3, options={"grade": 4}), mask).pixels
    assert not np.array_equal(base, graded)
    contour = type(mask)((mask.labels > 0).astype(np.uint8), mask.table)
    assert not np.array_equal(base, generator.one(Drawing("tiny", steps=3), contour).pixels)


@pytest.mark.parametrize("method", ["ctm", "csm", "unet"])
def test_each_method_previews_its_steps_and_ends_with_an_image(tiny_bundle, mask_file, method):
    generator = generator_on(Bench(), "tiny", "cpu")
    mask = read_mask(mask_file, generator.system.table)
    *steps, last = generator.steps(Drawing("tiny", method, steps=4), mask)
    assert isinstance(last, Drawn)
    assert all(isinstance(s, Step) for s in steps)
    assert len(steps) == (1 if method == "unet" else 4)
    assert last.pixels.shape == (80, 144)
    assert last.pixels.min() >= 0
    assert last.pixels.max() <= 1


def test_csm_starts_from_the_drawing_and_asks_the_network_without_it(tiny_bundle, mask_file):
    generator = generator_on(Bench(), "tiny", "cpu")
    seen = []
    denoiser = generator.denoiser("csm")
    forward = denoiser.forward
    denoiser.forward = lambda x, sigma, condition: (
        seen.append((x, float(sigma[0]), condition)),
        forward(x, sigma, condition),
    )[1]
    mask = read_mask(mask_file, generator.system.table)
    generator.one(Drawing("tiny", "csm", steps=3), mask)
    first_x, first_sigma, condition = seen[0]
    assert condition.channels.abs().max() == 0
    assert first_sigma == pytest.approx(0.878, abs=0.002)  # sigma(0.4) of the paper, twice 0.439
    guide = torch.from_numpy(generator.system.guide(generator.system.labels_on(mask, (80, 144))))
    noise = first_x[0, 0] - guide
    assert noise.std().item() == pytest.approx(0.878, rel=0.1)
    assert abs(noise.mean().item()) < 0.1


def test_paper_grey_levels_and_ids_of_one_drawing_agree(tiny_bundle, tmp_path, knee_labels):
    ids = np.where(knee_labels > 1, 2, knee_labels).astype(np.uint8)
    Picture.fromarray(ids).save(tmp_path / "ids.png")
    Picture.fromarray(np.array([0, 128, 255], np.uint8)[ids]).save(tmp_path / "grey.png")
    a = make(tmp_path / "a", tmp_path / "ids.png")[0]
    b = make(tmp_path / "b", tmp_path / "grey.png")[0]
    np.testing.assert_array_equal(pixels(a), pixels(b))
    assert json.loads(b.with_suffix(".json").read_text())["mask_encoding"] == "grey levels"


def test_the_user_hears_how_the_mask_was_read(tiny_bundle, tmp_path, knee_labels):
    grey = np.array([0, 128, 255, 255, 255, 255, 255], np.uint8)[knee_labels]
    tall = np.pad(grey, ((200, 200), (0, 0)), mode="edge")
    heard = []
    for name, values in (("own", grey), ("tall", tall)):
        Picture.fromarray(values).save(tmp_path / f"{name}.png")
        values = {"mask": tmp_path / f"{name}.png"}
        heard += notes(
            ask_for(Wish("tiny", tmp_path / "out", steps=2, values=values, overwrite=True))
        )
    assert heard[0] == "mask read as the grey levels 0, 0.5, 1: leg, bone"
    assert "window of" in heard[1]
    window = json.loads((tmp_path / "out" / "000.json").read_text())["mask_window_px"]
    assert window[2] / window[3] == pytest.approx(1.8, abs=0.01)


def test_cancelling_keeps_what_was_finished(tiny_bundle, mask_file, tmp_path):
    bench = Bench()

    def stop_in_the_second(progress):
        if progress.text.startswith("picture 2"):
            bench.cancel()

    bench._hears = stop_in_the_second
    with pytest.raises(Cancelled):
        generate("tiny", tmp_path / "out", 3, bench, {"mask": mask_file}, steps=3)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000.json", "000.png"]


def picture(path, array, mode=None):
    Picture.fromarray(array, mode).save(path)
    return path


def bad_masks():
    rng = np.random.default_rng(0)
    return {
        "tiny": (np.ones((16, 29), np.uint8), "too coarse"),
        "empty": (np.zeros((160, 288), np.uint8), "drawn|empty|background"),
        "unknown labels": (np.full((160, 288), 9, np.uint8), "9"),
        "colour photo": (rng.integers(0, 255, (160, 288, 3), np.uint8), "colour"),
        "grey photo": (rng.integers(0, 255, (160, 288), np.uint8), "label"),
    }


@pytest.mark.parametrize("kind", list(bad_masks()))
def test_a_bad_mask_gets_one_line_and_leaves_nothing(tiny_bundle, tmp_path, kind):
    array, message = bad_masks()[kind]
    path = picture(tmp_path / "bad.png", array)
    with pytest.raises(InputError, match=message) as caught:
        make(tmp_path / "out", path)
    assert "\n" not in str(caught.value)
    assert "bad.png" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_truncated_mask_and_a_missing_one_are_said(tiny_bundle, tmp_path, mask_file):
    cut = tmp_path / "cut.png"
    cut.write_bytes(mask_file.read_bytes()[:120])
    for path in (cut, tmp_path / "none.png"):
        with pytest.raises(InputError, match=path.name):
            make(tmp_path / "out", path)


def test_damaged_weights_are_refused(tiny_bundle, mask_file, tmp_path):
    weights = tiny_bundle / "diffusion.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8] + b"\0" * 8)
    with pytest.raises(InputError, match="SHA-256"):
        make(tmp_path / "out", mask_file)


def _with_weights(bundle, make_file):
    import hashlib
    import tomllib

    import tomli_w

    path = bundle / "diffusion.safetensors"
    make_file(path)
    card = tomllib.loads((bundle / "model.toml").read_text())
    card["networks"]["diffusion"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (bundle / "model.toml").write_text(tomli_w.dumps(card))


def test_a_pickle_in_place_of_safetensors_is_never_loaded(tiny_bundle, mask_file, tmp_path):
    marker = tmp_path / "executed"

    class Bomb:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    _with_weights(tiny_bundle, lambda path: torch.save({"a": Bomb()}, path))
    with pytest.raises(InputError, match="safetensors"):
        make(tmp_path / "out", mask_file)
    assert not marker.exists()


def test_weights_of_another_shape_are_refused(tiny_bundle, mask_file, tmp_path):
    _with_weights(tiny_bundle, lambda path: shutil.copyfile(tiny_bundle / "unet.safetensors", path))
    with pytest.raises(InputError, match=r"do not fit|ask for 53,549 weights"):
        make(tmp_path / "out", mask_file)


def test_a_card_cannot_point_outside_its_folder(tiny_bundle):
    card = (tiny_bundle / "model.toml").read_text()
    (tiny_bundle / "model.toml").write_text(
        card.replace('"diffusion.safetensors"', '"../../diffusion.safetensors"')
    )
    with pytest.raises(InputError, match="own folder"):
        open_bundle("tiny")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"sampler": "magic"}, CallError, "dpm\\+\\+2m"),
        ({"method": "gan"}, CallError, "ctm"),
        ({"method": "masks"}, CallError, "no method"),
        ({"seed": 10**30}, CallError, "seed"),
        ({"seed": -1}, CallError, "seed"),
        ({"method": "csm", "options": {"grade": 2}}, CallError, "takes no grade"),
        ({"method": "unet", "n": 2}, CallError, "one picture"),
        ({"options": {"grade": 9}}, CallError, "0, 1, 2, 3, 4"),
    ],
)
def test_a_wrong_setting_names_the_right_ones(
    tiny_bundle, mask_file, tmp_path, settings, error, message
):
    with pytest.raises(error, match=message):
        make(tmp_path / "out", mask_file, **settings)


def test_a_model_that_never_saw_named_bones_is_shown_bone(tiny_bundle, mask_file, knee_labels):
    card = (tiny_bundle / "model.toml").read_text()
    (tiny_bundle / "model.toml").write_text('detail = "bones"\n' + card)
    generator = generator_on(Bench(), "tiny", "cpu")
    mask = read_mask(mask_file, generator.system.table)
    plain = type(mask)(np.where(knee_labels > 2, 2, knee_labels).astype(np.uint8), mask.table)
    a, b = (generator.one(Drawing("tiny", steps=2), m) for m in (mask, plain))
    np.testing.assert_array_equal(a.pixels, b.pixels)


def test_the_u_net_has_no_seed_to_write_down(tiny_bundle, mask_file, tmp_path):
    path = make(tmp_path / "out", mask_file, method="unet")[0]
    said = json.loads(path.with_suffix(".json").read_text())
    assert (said["seed"], said["sampler"], said["sigmas"], said["steps"]) == (None, None, None, 1)


CARD_FAULTS = [
    ("networks = 3", "networks"),
    ('grid = ["a", 3]', "grid"),
    ("grid = [80]", "2 values"),
    ("methods = {}", "method"),
]


@pytest.mark.parametrize(("line", "message"), CARD_FAULTS)
def test_a_faulty_card_is_said_in_one_line(tiny_bundle, line, message):
    import tomllib

    import tomli_w

    card = tomllib.loads((tiny_bundle / "model.toml").read_text())
    card.update(tomllib.loads(line))
    (tiny_bundle / "model.toml").write_text(tomli_w.dumps(card))
    with pytest.raises(InputError, match=message) as caught:
        open_bundle("tiny")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('architecture = "unet"', 'architecture = "resnet"', "no network"),
        ("pixel_width", "pixel_depth", "unknown key"),
        ("sigma_data = 0.5", 'sigma_data = "x"', "number"),
    ],
)
def test_a_card_whose_network_cannot_be_built_is_said(tiny_bundle, old, new, message):
    card = (tiny_bundle / "model.toml").read_text()
    (tiny_bundle / "model.toml").write_text(card.replace(old, new))
    with pytest.raises(InputError, match=message):
        open_bundle("tiny").denoiser("ctm")


def test_an_unknown_model_and_device_are_said(tiny_bundle, mask_file, tmp_path):
    with pytest.raises(CallError, match="tiny"):
        open_bundle("nothing")
    with pytest.raises(DeviceError, match="cpu"):
        generate("tiny", tmp_path / "out", values={"mask": mask_file}, device="cuda:7")


def test_a_model_draws_with_its_own_sampler_unless_told_otherwise(tiny_bundle):
    card = tiny_bundle / "model.toml"
    card.write_text('sampler = "ddim"\nsteps = 3\n' + card.read_text())
    bundle = open_bundle("tiny")
    assert bundle.sampling() == ("ddim", 3)
    assert bundle.sampling(steps=5) == ("ddim", 5)
    assert bundle.sampling("heun") == ("heun", 18)  # not the model's steps: they suit its sampler
    assert bundle.sampling("pc", 4) == ("pc", 4)
    card.write_text(card.read_text().replace('"ddim"', '"magic"'))
    with pytest.raises(InputError, match="magic"):
        open_bundle("tiny")
