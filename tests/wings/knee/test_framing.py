"""Masks of ordinary radiographs are drawn at the joint."""

import numpy as np
import pytest

from xgen_studio.wings.knee.science.framing import BONE_SHARE, frame
from xgen_studio.wings.knee.science.labels import FEMUR, LEG, TIBIA, XRAY_GRID


def upright(named=True):
    """A tall picture, 900 x 500 px: the joint at row 410, the bones 110 px wide, off the middle."""
    labels = np.zeros((900, 500), np.uint8)
    labels[:, 120:340] = LEG
    labels[:400, 190:270] = FEMUR if named else 2
    labels[340:400, 170:280] = FEMUR if named else 2
    labels[420:, 190:270] = TIBIA if named else 2
    labels[420:470, 170:280] = TIBIA if named else 2
    return labels


@pytest.mark.parametrize("named", [True, False])
def test_a_tall_mask_is_cropped_at_the_joint_with_bones_of_the_usual_width(named):
    labels = upright(named)
    window = frame(labels, XRAY_GRID)
    assert window.columns == pytest.approx(110 / BONE_SHARE)
    assert window.rows / window.columns == pytest.approx(160 / 288)
    assert window.top + window.rows / 2 == pytest.approx(410)
    assert window.left + window.columns / 2 == pytest.approx(225)
    taken = window.taken_from(labels, XRAY_GRID)
    wide = (taken >= 2).any(0).mean()
    assert wide == pytest.approx(BONE_SHARE, abs=0.01)


def test_the_same_knee_gives_the_same_condition_however_tall_the_picture():
    tall, short = upright(), upright()[250:560]
    both = [frame(x, XRAY_GRID).taken_from(x, XRAY_GRID) for x in (tall, short)]
    np.testing.assert_array_equal(*both)


def test_bones_that_touch_are_framed_where_they_are_widest():
    labels = upright(named=False)
    labels[400:420, 200:250] = 2
    middle = frame(labels, XRAY_GRID)
    assert 340 <= middle.top + middle.rows / 2 <= 470


def test_a_leg_alone_is_framed_at_its_middle():
    labels = (upright() > 0).astype(np.uint8)
    window = frame(labels, XRAY_GRID)
    assert window.left + window.columns / 2 == pytest.approx(230)
    assert window.columns == pytest.approx(220 / 0.82)


def test_a_drr_mask_is_made_square_by_going_on_at_its_edges():
    labels = upright()
    taken = frame(labels, (256, 256)).taken_from(labels, (256, 256))
    assert set(np.unique(taken)) == {0, LEG, FEMUR, TIBIA}
    assert not taken[:, :60].any() and not taken[:, -60:].any()  # background goes on sideways


def test_a_mask_of_the_model_s_shape_is_taken_whole():
    labels = np.zeros((320, 576), np.uint8)
    labels[:, 200:400] = LEG
    window = frame(labels, XRAY_GRID)
    assert (window.top, window.left, window.rows, window.columns) == (0, 0, 320, 576)
