"""The shape model: what it was made from comes back, whatever the pose."""

import numpy as np
import pytest

from xgen_studio.wings.hand.science.landmarks import COUNT, WRIST, mm_per_pixel
from xgen_studio.wings.hand.science.preparation import training_shapes
from xgen_studio.wings.hand.science.shape import ShapeModel
from xgen_studio.wings.hand.science.warping import apply


def hand(rng, spread=2.0):
    """A made-up hand in mm, with a wrist 50 mm wide, and three ways to differ."""
    base = np.stack([np.linspace(-60, 60, COUNT), 90 * np.sin(np.arange(COUNT))], 1)
    base[WRIST[0]], base[WRIST[1]] = (-25, -90), (25, -90)
    b = rng.normal(size=3) * spread
    shape = base + b[0] * np.sin(base / 30) + b[1] * np.cos(base[:, ::-1] / 20)
    return shape + b[2] * np.sin(base[:, ::-1] / 45)


def posed(points, rng):
    angle, scale = rng.uniform(-0.5, 0.5), rng.uniform(2, 9)
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + rng.uniform(-300, 300, 2)


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    return ShapeModel.of(np.stack([posed(hand(rng), rng) for _ in range(80)]), 0.999)


def test_the_mean_is_in_millimetres_and_the_modes_are_few(model):
    assert mm_per_pixel(model.mean) == pytest.approx(1.0)
    assert len(model.variances) <= 6 and (np.diff(model.variances) <= 0).all()
    np.testing.assert_allclose(model.modes @ model.modes.T, np.eye(len(model.modes)), atol=1e-9)


def test_pose_and_scale_do_not_matter(model):
    rng = np.random.default_rng(1)
    shape = hand(rng)
    a, b = posed(shape, rng), posed(shape, rng)
    assert model.mahalanobis2(a) == pytest.approx(model.mahalanobis2(b))
    assert model.residual_mm(a) == pytest.approx(model.residual_mm(b))
    assert model.residual_mm(a) < 0.5


def test_a_mirrored_hand_fits_badly(model):
    rng = np.random.default_rng(2)
    shape = hand(rng)
    assert model.residual_mm(shape * (-1, 1)) > 10 * model.residual_mm(shape)


def test_a_robust_fit_is_not_moved_by_wrong_landmarks(model):
    rng = np.random.default_rng(3)
    shape = hand(rng, 1.0)
    wrong = posed(shape, rng)
    truth = model.aligned(wrong)
    width = np.hypot(*(wrong[WRIST[0]] - wrong[WRIST[1]]))
    wrong[[4, 19, 30]] += width  # 50 mm away
    known = np.ones(COUNT, bool)
    onto, inliers = model.robust_fit(wrong, known)
    moved = apply(onto, wrong)
    good = np.ones(COUNT, bool)
    good[[4, 19, 30]] = False
    assert not inliers[~good].any() and inliers[good].mean() > 0.9
    assert np.abs(moved - truth)[good].max() < 1.5
    again, _ = model.robust_fit(wrong, known)
    np.testing.assert_array_equal(onto, again)
    known[[4, 19, 30]] = False  # what is not known takes no part at all
    wrong[[4, 19, 30]] = np.nan
    onto, inliers = model.robust_fit(wrong, known)
    np.testing.assert_array_equal(inliers[~good], False)
    assert np.abs(apply(onto, wrong) - truth)[good].max() < 1.5


def test_samples_stay_within_their_bounds(model):
    rng = np.random.default_rng(4)
    for _ in range(20):
        drawn = model.sample(rng, most=1.5)
        b = model.modes @ (drawn - model.mean).ravel()
        assert (np.abs(b) <= 1.5 * np.sqrt(model.variances) + 1e-9).all()
        assert mm_per_pixel(drawn) == pytest.approx(1.0, abs=0.6)


def test_real_hands_spread_as_published(data):
    # hand_facts.md, section 1: 17 modes for 95 %, 50 mm wrist, residual of 17 modes about 1.2 mm
    shapes = np.stack(list(training_shapes(data / "hand").values()))
    model = ShapeModel.of(shapes)
    assert 15 <= len(model.variances) <= 19
    distances = [model.mahalanobis2(s) for s in shapes]
    assert 14 < np.median(distances) < 18
    assert np.median([model.residual_mm(s) for s in shapes]) < 1.6
