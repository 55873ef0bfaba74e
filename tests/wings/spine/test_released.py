"""Height loss and grades as HealthiVert-GAN released them, on masks whose answer is known."""

import numpy as np
import pytest

from xgen_studio.errors import InputError
from xgen_studio.wings.spine.science.findings import Grade
from xgen_studio.wings.spine.science.healthivert.released import depedicle_released, released_rhlv
from xgen_studio.wings.spine.science.healthivert.svm import fit_svm, read_svm


def body(heights, width=30, depth=30):
    """A mask (z, y, x) with columns of these heights from front to back, the same in each slice
    across; its lower endplate is even."""
    mask = np.zeros((60, 40, 40), bool)
    heights = np.broadcast_to(heights, depth)
    for y, high in enumerate(heights):
        mask[10 : 10 + int(high), 5 + y, 4 : 4 + width] = True
    return mask


def test_a_crush_of_a_quarter_is_one_of_a_quarter_in_each_third():
    found = released_rhlv(body(28), body(21))
    assert list(found) == ["anterior", "middle", "posterior"]
    assert found == pytest.approx({k: 0.25 for k in found}, abs=1e-6)


def test_a_wedge_loses_its_height_in_front():
    heights = np.linspace(20.0, 28.0, 30).round()
    found = released_rhlv(body(28), body(heights))
    # thirds of the healthy body from front to back: columns 0-8, 9-18, 19-29
    for third, part in zip(found, (slice(0, 9), slice(9, 19), slice(19, 30)), strict=True):
        assert found[third] == pytest.approx(1 - heights[part].mean() / 28, abs=1e-6)
    assert found["anterior"] > 0.2 > 0.05 > found["posterior"]


def test_columns_below_seven_tenths_of_the_middle_one_do_not_count():
    """So a severe wedge is found milder than it is, as in the released code."""
    heights = np.full(30, 24)
    heights[:4], heights[4:9] = 8, 20
    found = released_rhlv(body(24), body(heights))
    assert found["anterior"] == pytest.approx(1 - 20 / 24, abs=1e-6)
    heights[:9] = 8  # nothing is left of the third: all is lost
    assert released_rhlv(body(24), body(heights))["anterior"] == pytest.approx(1, abs=1e-6)


def test_a_healthy_vertebra_made_too_low_is_scaled_up_in_silence():
    """The released r_k: the loss of a third is 0, not -25 %."""
    assert released_rhlv(body(20), body(25)) == pytest.approx(
        {"anterior": 0, "middle": 0, "posterior": 0}, abs=1e-6
    )
    behind = np.where(np.arange(30) < 9, 20, 26)  # only the front of it is too low
    real = np.where(np.arange(30) < 9, 24, 13)
    real[12:18] = 26
    found = released_rhlv(body(behind), body(real))
    assert found["anterior"] == pytest.approx(0, abs=1e-6)


def test_only_the_middle_of_the_width_counts():
    crushed = body(28)
    crushed[24:, :, :11] = False  # of the sides, from 4 to 33, the middle 40 % is 12 to 23
    crushed[24:, :, 25:] = False
    assert released_rhlv(body(28), crushed)["middle"] == pytest.approx(0, abs=1e-6)


def test_masks_that_show_nothing_are_refused():
    empty = np.zeros((60, 40, 40), bool)
    with pytest.raises(InputError, match="empty"):
        released_rhlv(body(20), empty)
    with pytest.raises(InputError, match="no sagittal slice"):
        released_rhlv(empty, body(20))


def test_what_lies_behind_the_canal_is_cut_off_in_one_plane():
    labels = np.zeros((40, 64, 32), np.uint8)
    labels[5:18, 20:40, 8:26] = 20
    labels[5:18, 40:44, 8:12] = 20  # a pedicle beside the canal
    labels[5:18, 50:60, 10:24] = 20  # the spinous process
    labels[22:36, 20:42, 8:26] = 21
    bodies = depedicle_released(labels)
    assert set(np.nonzero(bodies == 20)[1]) == set(range(20, 40))
    assert set(np.nonzero(bodies == 21)[1]) == set(range(20, 42))
    assert (labels[:, 50:] == 20).any()  # the input stays


@pytest.mark.parametrize("grades", [(0, 1, 2, 3), (0, 2)])
def test_the_grader_read_back_says_what_scikit_learn_says(tmp_path, grades):
    svm = pytest.importorskip("sklearn.svm")
    rng = np.random.default_rng(0)
    y = rng.choice(grades, 150)
    x = 0.14 * y[:, None] * (1.0, 0.8, 0.4) + rng.normal(0, 0.07, (150, 3))
    fit_svm(x, y).save(tmp_path / "svm.json")
    grader = read_svm(tmp_path / "svm.json")
    z = (x - x.mean(0)) / x.std(0)
    machine = svm.SVC(kernel="linear", class_weight="balanced").fit(z, y)
    assert [grader.grade(*row) for row in x] == machine.predict(z).tolist()
    assert grader.grade(0, 0, 0) is Grade.NORMAL and grader.examples == 150


def test_a_damaged_grader_is_refused(tmp_path):
    path = tmp_path / "svm.json"
    path.write_text(
        '{"grades": [0, 1, 2], "mean": [0, 0, 0], "scale": [1, 1, 1],'
        '"normals": [[1, 0, 0]], "offsets": [0], "examples": 3}'
    )
    with pytest.raises(InputError, match="3 grades need 3"):
        read_svm(path)
    with pytest.raises(InputError, match="two grades"):
        fit_svm(np.zeros((4, 3)), np.zeros(4))
