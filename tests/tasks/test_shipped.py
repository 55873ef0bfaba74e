"""What is shipped works: every bundle's weights, the sample cases, the demo."""

import json

import numpy as np
import pytest

from tests.tasks.calls import told
from xgen_studio.bundles import open_bundle, read_bundle
from xgen_studio.evaluation.images import dice, grid_peak
from xgen_studio.imaging import file_hash, read_image, read_mask
from xgen_studio.paths import MODELS
from xgen_studio.registry import wing
from xgen_studio.tasks.asks import Demo
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.tasks.generate import generator_on
from xgen_studio.tasks.mask_system import load_system
from xgen_studio.wings.knee.science.labels import bits_to_labels
from xgen_studio.wings.knee.science.masks import propose_planes, trouble
from xgen_studio.wings.knee.science.preparation import read_radiographs

BUNDLES = sorted(path.parent for path in MODELS.glob("*/model.toml"))
CASES = sorted(wing("knee").cases.values())


def test_the_repository_stays_small():
    weights = sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file())
    assert weights < 28 * 2**20


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda p: p.name)
def test_a_bundle_is_whole_and_says_where_it_comes_from(folder):
    bundle = read_bundle(folder)
    assert bundle.name == folder.name
    assert bundle.licence
    assert bundle.trained_on
    assert bundle.limits
    for card in bundle.networks.values():
        assert file_hash(folder / card.file) == card.sha256
        assert card.steps > 0
    for method in bundle.methods:
        bundle.model(method)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_a_sample_case_fits_a_model(path):
    system = load_system("knee")
    mask = read_mask(path, system.table)
    grid = (256, 256) if path.stem.startswith("drr") else (160, 288)
    assert system.labels_on(mask, grid).shape == grid


@pytest.fixture(scope="module")
def knee():
    return generator_on(Bench(), "knee-xray", "cpu")


def case(generator, name):
    return read_mask(wing("knee").cases[name], generator.system.table)


def test_a_drawn_knee_comes_back_as_a_radiograph_of_that_knee(knee):
    # masks proposed again from the generated radiograph agree with the drawing
    mask = case(knee, "ap_right")
    scores = {3: [], 4: []}
    for seed in range(3):
        made = knee.one(Drawing("knee-xray", seed=seed), mask).pixels
        found = bits_to_labels(propose_planes(made, knee.denoiser("masks")))
        found[found == 6] = 3  # a patella that shows lies over the femur; the drawing has none
        for label, values in scores.items():
            values.append(dice(found == label, mask.labels == label))
    assert np.mean(scores[3]) > 0.9
    assert np.mean(scores[4]) > 0.9


def test_generated_bone_is_brighter_than_soft_tissue_and_air_is_dark(knee):
    mask = case(knee, "ap_right")
    made = knee.one(Drawing("knee-xray", seed=0), mask).pixels
    bone, soft, air = (made[np.isin(mask.labels, k)].mean() for k in ((3, 4), (1,), (0,)))
    assert bone > soft + 0.1
    assert soft > air + 0.1
    assert made[np.isin(mask.labels, (3, 4))].std() > 0.03  # texture, not a flat fill


def test_no_grid_of_the_patches_shows(knee):
    mask = case(knee, "ap_right")
    made = np.stack([knee.one(Drawing("knee-xray", seed=s), mask).pixels for s in range(4)])
    assert grid_peak(made) < 2.0


def test_the_grade_changes_the_knee_but_not_its_place(knee):
    mask = case(knee, "ap_right")
    a, b = (
        knee.one(Drawing("knee-xray", seed=1, options={"grade": g}), mask).pixels for g in (0, 4)
    )
    change = np.abs(a - b)
    assert change.mean() > 0.003
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.8


def test_masks_proposed_on_real_radiographs_are_plausible(knee, data):
    names, pictures, _ = read_radiographs(data)
    chosen = np.linspace(0, len(names) - 1, 12).astype(int)
    odd = [names[i] for i in chosen if trouble(propose_planes(pictures[i], knee.denoiser("masks")))]
    assert len(odd) <= 1, odd


def test_the_demo_shows_every_model_and_says_it_is_synthetic(tmp_path):
    [page] = told(Demo(tmp_path / "demo"))
    text = page.read_text()
    made = json.loads((tmp_path / "demo" / "demo.json").read_text())
    assert "not for diagnosis" in text
    assert {"knee_ap_right.png", "knee_kl4.png", "drr_90.png"} <= set(made["pictures"])
    for name in made["pictures"]:
        assert name in text
        pixels = read_image(tmp_path / "demo" / name).pixels
        assert np.ptp(pixels) > 0, name
    assert read_image(tmp_path / "demo" / "knee_ap_right.png").synthetic


# -- hands ----------------------------------------------------------------------------------------


def test_a_hand_has_the_landmarks_that_were_told():
    from xgen_studio.wings.hand.science.evaluation import told_errors_mm
    from xgen_studio.wings.hand.science.gate import load_gate, screen_heatmaps
    from xgen_studio.wings.hand.tasks import drawing

    generator = drawing.generator_on(Bench(), "hand-ddpm", "cpu")
    made = [generator.one(Drawing("hand-ddpm", seed=seed)) for seed in range(4)]
    found = screen_heatmaps(load_gate(), [str(i) for i in range(4)], [m.heatmap for m in made])
    assert sum(s.metrics["missing"] + s.metrics["extra"] <= 2 for s in found) >= 3
    good = [(m.told, s) for m, s in zip(made, found, strict=True) if s.metrics["missing"] == 0]
    assert np.median(told_errors_mm([t for t, _ in good], [s for _, s in good])) < 2.5
    for one in made:  # a hand: bright in the middle of its wrist, and not everywhere alike
        x, y = np.mean(one.told[:13], axis=0).astype(int)
        assert one.pixels[y - 5 : y + 5, x - 5 : x + 5].mean() > one.pixels.mean() + 0.1


def test_landmarks_are_found_on_hands_never_seen(data):
    from xgen_studio.imaging import Image
    from xgen_studio.wings.hand.science.gate import load_gate
    from xgen_studio.wings.hand.science.localising import locate
    from xgen_studio.wings.hand.tasks.evaluate_localiser import errors_of, held_out

    network = open_bundle("hand-localiser").model("landmarks")
    hands = dict(list(held_out(data).items())[:5])
    plain, _ = errors_of(network, hands)
    assert plain.mean() < 3 and (plain < 10).mean() > 0.98
    image, truth = next(iter(hands.values()))
    mirrored = Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    found = locate(network, load_gate(), mirrored)
    assert found.flipped  # a right hand is noticed, and its landmarks are those of the picture
    off = found.points * (-1, 1) + (image.shape[1] - 1, 0) - truth
    assert np.hypot(*off.T).mean() < 0.05 * image.shape[1]
