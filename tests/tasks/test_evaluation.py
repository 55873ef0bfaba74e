"""`xgen evaluate` and `xgen prepare` on small made-up knees."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.tasks.calls import told
from xgen_studio.bundles import open_bundle
from xgen_studio.errors import CallError, InputError
from xgen_studio.tasks.asks import Evaluate, Prepare
from xgen_studio.tasks.evaluate import Evaluation, record
from xgen_studio.wings.knee.science import evaluation as knee
from xgen_studio.wings.knee.science.preparation import held_out_groups, same_knee_groups
from xgen_studio.wings.knee.tasks.evaluate import measured


def evaluate_model(model, out, data, **more):
    """What `xgen evaluate` does; the Markdown."""
    [found] = told(Evaluate(model, out, data, **more))
    return found.text


@pytest.fixture
def arrays(tmp_path):
    """Six held-out and two training knees of two groups, 82 x 150 px."""
    rng = np.random.default_rng(0)
    planes = np.zeros((8, 82, 150), np.uint8)
    planes[:, :, 30:120] = 1
    planes[:, :36, 50:100] |= 2
    planes[:, 42:, 50:100] |= 4
    images = (planes * 30 + rng.integers(0, 40, planes.shape)).astype(np.uint8)
    np.savez(
        tmp_path / "tiny.npz",
        images=images,
        planes=planes,
        grade=np.full(8, -1, np.int8),
        held_out=np.arange(8) < 6,
        group=np.arange(8) // 3,
    )
    return tmp_path


def test_the_table_has_every_method_and_condition_with_its_n(tiny_bundle, arrays, monkeypatch):
    monkeypatch.setattr("xgen_studio.wings.knee.tasks.evaluate.PC_STEPS", 3)
    text = evaluate_model("tiny", arrays / "out", arrays)
    table = json.loads((arrays / "out" / "table.json").read_text())
    assert table["held_out"] == {"images": 6, "groups": 2}
    rows = {(r["method"], r["condition"]): r for r in table["rows"]}
    assert set(rows) == {(m, c) for m in ("ctm", "csm", "unet") for c in knee.CONDITIONS}
    for row in rows.values():
        low, high = row["mae"]["ci95"]
        assert row["mae"]["n"] == 6
        assert low <= row["mae"]["mean"] <= high
        assert set(row["mask_agreement"]) >= {"leg", "femur", "tibia"}
    assert "paper" not in rows["ctm", "contour"]  # another modality's figures do not belong here
    assert table["few_steps"]["few"]["mae"]["n"] == 6
    low, high = table["few_steps"]["mae_ratio_to_pc"]["ci95"]
    assert low <= table["few_steps"]["mae_ratio_to_pc"]["mean"] <= high
    assert set(table["mask_agreement_real"]) >= {"leg", "femur", "tibia"}
    assert set(table["provenance"]["weights_sha256"]) == {"diffusion", "unet", "masks"}
    assert (arrays / "out" / "table.md").read_text() == text
    assert (arrays / "out" / "ctm_contour.png").exists()


def test_the_table_is_reproducible(tiny_bundle, arrays, monkeypatch):
    monkeypatch.setattr("xgen_studio.wings.knee.tasks.evaluate.PC_STEPS", 2)
    a = evaluate_model("tiny", arrays / "a", arrays, limit=2)
    assert a == evaluate_model("tiny", arrays / "b", arrays, limit=2)


def test_centre_crop_keeps_image_and_mask_together(arrays):
    with np.load(arrays / "tiny.npz") as file:
        held = knee.centre_crop(dict(file), (80, 144))
        np.testing.assert_array_equal(held.planes[0], file["planes"][0, 1:81, 3:147])
        np.testing.assert_allclose(held.images[0] * 255, file["images"][0, 1:81, 3:147], atol=1e-3)


def test_the_papers_figures_stand_beside_drrs_only(tiny_bundle, arrays, monkeypatch):
    monkeypatch.setattr("xgen_studio.wings.knee.tasks.evaluate.PC_STEPS", 2)
    card = (tiny_bundle / "model.toml").read_text()
    (tiny_bundle / "model.toml").write_text('reference = "mei2024"\n' + card)
    text = evaluate_model("tiny", arrays / "out", arrays, limit=2)
    assert "0.0193 / 29.50" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("held_out"), "lacks held_out"),
        (lambda a: a.update(images=a["images"].astype(np.float32)), "uint8"),
        (lambda a: a.update(grade=a["grade"][:2]), "one entry a picture"),
        (lambda a: a.update(held_out=np.zeros(8, bool)), "at least 2"),
        (lambda a: a.update(images=a["images"][:, :60], planes=a["planes"][:, :60]), "smaller"),
    ],
)
def test_arrays_that_do_not_fit_are_said(tiny_bundle, arrays, change, message):
    with np.load(arrays / "tiny.npz") as file:
        content = dict(file)
    change(content)
    np.savez(arrays / "tiny.npz", **content)
    with pytest.raises(InputError, match=message):
        evaluate_model("tiny", arrays / "out", arrays)
    assert not (arrays / "out").exists()


def test_truncated_arrays_and_too_few_images_are_said(tiny_bundle, arrays):
    with pytest.raises(CallError, match="--limit 1"):
        evaluate_model("tiny", arrays / "out", arrays, limit=1)
    whole = (arrays / "tiny.npz").read_bytes()
    (arrays / "tiny.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="make them again"):
        evaluate_model("tiny", arrays / "out", arrays)


def test_missing_arrays_say_how_to_make_them(tiny_bundle, tmp_path):
    with pytest.raises(InputError, match="xgen prepare"):
        evaluate_model("tiny", tmp_path / "out", tmp_path)


def test_copies_and_mirror_images_are_one_knee():
    rng = np.random.default_rng(0)
    pictures = [(rng.random((40, 75)) * 255).astype(np.uint8) for _ in range(4)]
    pictures += [pictures[0][:, ::-1], pictures[2].copy()]
    groups = same_knee_groups(pictures)
    assert groups[0] == groups[4]
    assert groups[2] == groups[5]
    assert len(np.unique(groups)) == 4


def test_a_group_is_never_split_between_training_and_test():
    groups = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6])
    held = held_out_groups(groups, 0.4)
    for group in np.unique(groups):
        assert len(np.unique(held[groups == group])) == 1
    assert 0.4 <= held.mean() <= 0.7


def test_an_unknown_set_is_a_wrong_call(tmp_path):
    with pytest.raises(CallError, match="knee-drr"):
        told(Prepare("elbow", tmp_path))


def test_outlines_become_planes_on_the_radiographs(data, tmp_path):
    [path] = told(Prepare("knee-xray-outlines", tmp_path, data))
    with np.load(path) as arrays:
        assert arrays["images"].shape[1:] == (162, 300)
        assert len(arrays["images"]) >= 64
        femur, tibia = ((arrays["planes"] >> k) & 1 for k in (1, 2))
        rows = np.arange(162)[None, :, None]
        above = (femur * rows).sum((1, 2)) / femur.sum((1, 2))
        below = (tibia * rows).sum((1, 2)) / tibia.sum((1, 2))
        assert (above < below).all()
        # bone is brighter than the soft tissue of the same leg
        leg, bone = arrays["planes"] & 1 > 0, (femur | tibia) > 0
        brighter = [
            image[hard].mean() > image[inside & ~hard].mean()
            for image, inside, hard in zip(arrays["images"], leg, bone, strict=True)
        ]
        assert np.mean(brighter) > 0.95


def test_the_figures_are_written_into_the_card_of_the_very_weights(tiny_bundle, tmp_path):
    bundle = open_bundle("tiny")
    hashes = {name: card.sha256 for name, card in bundle.networks.items()}
    figure = {"mean": 0.0142, "sd": 0.004, "ci95": [0.0136, 0.015], "n": 400}
    row = {
        "method": "ctm",
        "condition": "contour",
        "mae": figure,
        "psnr_db": figure,
        "ssim": figure,
    }
    table = {
        "held_out": {"images": 400, "groups": 20},
        "rows": [row],
        "provenance": {"weights_sha256": hashes, "sampler": "leap, 8 steps"},
    }
    found = Evaluation(table, "", measured(table))
    record(bundle, found)
    written = open_bundle("tiny").measured
    assert "0.0142 ± 0.0040 [0.0136, 0.0150]" in written["ctm, contour"]
    assert "400 held-out images of 20 groups" in written["on"]
    networks = {**bundle.networks, "unet": replace(bundle.networks["unet"], sha256="0" * 64)}
    with pytest.raises(CallError, match="other weights"):
        record(replace(bundle, networks=networks), found)
