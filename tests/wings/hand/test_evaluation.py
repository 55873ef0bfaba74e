"""Figures about hands: what is far, what is a copy, what differs as real hands do."""

import numpy as np
import pytest
from scipy import ndimage

from xgen_studio.wings.hand.science.accuracy import errors_mm, outliers, truncated_errors_mm
from xgen_studio.wings.hand.science.calibration import seen
from xgen_studio.wings.hand.science.drawing import LEAST_MARGIN, drawn_shape, told
from xgen_studio.wings.hand.science.evaluation import (
    WINDOW,
    acceptance,
    carpi,
    nearest,
    small,
    spread,
    told_errors_mm,
)
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.norms import in_frame
from xgen_studio.wings.hand.tasks.evaluate import _carpus


@pytest.fixture(scope="module")
def gate():
    return load_gate()


def test_errors_are_in_millimetres_of_the_true_wrist(gate):
    truth = 7.3 * gate.norms.shape.mean + 800  # 50 mm are 365 px
    found = truth + (7.3, 0)
    np.testing.assert_allclose(errors_mm(found, truth), 1.0, rtol=0.01)
    assert outliers(np.array([1.9, 2.1, 5, 11, 25])) == {
        ">2 mm": 4,
        ">4 mm": 3,
        ">10 mm": 2,
        ">20 mm": 1,
    }


def test_the_published_metric_truncates(gate):
    # hand_facts, section 4: a predictor with 0.5 px of noise goes from 0.417 to 0.467
    rng = np.random.default_rng(0)
    size, scale = (1563, 2169), 1.25 * 2169 / 512
    plain, cut = [], []
    for _ in range(150):
        truth = in_frame(gate.norms.shape.sample(rng), (2169, 1563))
        found = truth + rng.normal(0, 0.5 * scale, truth.shape)
        plain.append(errors_mm(found, truth).mean())
        cut.append(truncated_errors_mm(found, truth, size).mean())
    assert np.mean(plain) == pytest.approx(0.417, rel=0.06)
    assert np.mean(cut) / np.mean(plain) == pytest.approx(0.467 / 0.417, abs=0.04)


def test_shapes_from_the_model_spread_as_it_says(gate):
    rng = np.random.default_rng(0)
    shape = gate.norms.shape
    some, others = (np.stack([shape.sample(rng) for _ in range(200)]) for _ in range(2))
    alike = spread(shape, some, others)["sd_ratio"]
    assert alike["all modes"]["mean"] == pytest.approx(1, abs=0.1)
    low, high = alike["all modes"]["ci95"]
    assert low < 1 < high
    narrow = shape.mean + 0.5 * (some - shape.mean)
    assert spread(shape, narrow, others)["sd_ratio"]["all modes"]["mean"] == pytest.approx(
        0.5, abs=0.06
    )


def test_a_copy_is_found_whatever_its_exposure():
    rng = np.random.default_rng(0)
    known = rng.random((6, 256, 192))
    copies = 0.4 * known[[4, 1]] + 0.3
    distance, which = nearest(small(copies), small(known))
    assert which.tolist() == [4, 1] and distance.max() < 1e-6
    fresh, _ = nearest(small(rng.random((3, 256, 192))), small(known))
    assert fresh.min() > 0.5


def test_acceptance_says_mean_and_sd_over_runs(gate):
    shapes = [in_frame(gate.norms.shape.sample(np.random.default_rng(i), 1.5)) for i in range(8)]
    good = gate.judge([str(i) for i in range(8)], [seen(p) for p in shapes], (256, 256))
    bad = gate.judge(["x"] * 4, [seen(p[:20]) for p in shapes[:4]], (256, 256))
    table = acceptance(gate, [good[:4], good[4:6] + bad[:2]])
    assert table["mean"] == pytest.approx(0.75) and table["accepted"] == 6
    assert table["sd_over_runs"] == pytest.approx(np.std([1, 0.5], ddof=1))
    assert table["reasons"]["MISSING"] == 2


def test_drawn_shapes_are_legal_fit_the_picture_and_follow_their_seed(gate):
    for seed in range(40):
        points = drawn_shape(gate.norms, seed)
        assert points.min() >= LEAST_MARGIN and (points < (192, 256)).all()
        assert gate.norms.shape.residual_mm(points) < 2.0
        assert told(points).channels.shape == (1, 8, 256, 192)
    np.testing.assert_array_equal(drawn_shape(gate.norms, 3), drawn_shape(gate.norms, 3))
    assert np.abs(drawn_shape(gate.norms, 3) - drawn_shape(gate.norms, 4)).max() > 1
    assert told(None).channels.abs().sum() == 0


def test_what_was_told_is_compared_in_millimetres(gate):
    points = in_frame(gate.norms.shape.mean)
    [found] = gate.judge(["a"], [seen(points)], (256, 256))
    assert told_errors_mm([points], [found])[0] < 0.1
    assert told_errors_mm([points + (3, 4)], [found])[0] == pytest.approx(
        5 * 50 / np.hypot(*(points[1] - points[5])), abs=0.1
    )


def test_the_window_lies_about_the_carpus_also_at_the_border(gate):
    points = np.stack([in_frame(gate.norms.shape.mean, (256, 192))] * 2)
    points[1] += (0, 40)  # cut off by the lower border
    middle = points[:, 6:13].mean(1)
    pictures = np.zeros((2, 256, 192))
    for picture, (x, y) in zip(pictures, np.rint(middle).astype(int), strict=True):
        picture[min(y, 255), x] = 1
    windows = carpi(pictures, points)
    assert windows.shape == (2, WINDOW, WINDOW)
    assert np.argwhere(windows[0]).tolist() == [[WINDOW // 2, WINDOW // 2]]
    assert windows[1].any()


def test_soft_carpi_are_far_from_real_ones_wherever_the_hand_lies(gate):
    rng = np.random.default_rng(2)
    points = np.stack([in_frame(gate.norms.shape.sample(rng), (256, 192)) for _ in range(12)])
    sharp = ndimage.gaussian_filter(rng.normal(0.5, 0.2, (12, 256, 192)), (0, 1, 1)).clip(0, 1)
    soft = ndimage.gaussian_filter(sharp, (0, 1, 1))
    arrays = {"images": np.rint(sharp * 255).astype(np.uint8), "points": points}
    arrays["held_out"] = np.arange(12) < 4
    found = _carpus(soft, points, arrays, ~arrays["held_out"])
    assert found["generated"] > 0.5 > found["held_out_real"]
    assert (found["n"], found["n_held_out"], found["n_trained"]) == (12, 4, 8)
