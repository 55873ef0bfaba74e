"""Floating outlines: moved, stretched, turned, bent."""

import numpy as np
import pytest

from xgen_studio.document import outline

SQUARE = np.array([(0.0, 0), (10, 0), (20, 0), (20, 10), (20, 20), (10, 20), (0, 20), (0, 10)])


def test_scaling_keeps_the_point_it_is_about():
    out = outline.scaled(SQUARE, (20, 20), 0.5, 2.0)
    assert outline.box(out) == (10, -20, 20, 20)


def test_mirroring_in_place_keeps_the_box():
    shape = np.array([(0.0, 0), (30, 0), (0, 10)])
    out = outline.scaled(shape, (15, 0), -1, 1)
    assert outline.box(out) == outline.box(shape)
    assert out.tolist() == [[30, 0], [0, 0], [30, 10]]


def test_a_quarter_turn_is_clockwise_on_the_screen():
    out = outline.turned(np.array([(1.0, 0.0)]), (0, 0), np.pi / 2)
    np.testing.assert_allclose(out, [(0, 1)], atol=1e-12)  # y grows downwards


def test_a_pull_moves_its_point_fully_its_neighbours_less_and_the_far_side_not():
    out = outline.bent(SQUARE, 0, 4.0, 0.0, reach=15.0)
    moved = (out - SQUARE)[:, 0]
    assert moved[0] == pytest.approx(4)
    assert 0 < moved[1] < 4 and moved[1] == pytest.approx(moved[-1])  # both ways round
    assert moved[4] == 0
    assert (out[:, 1] == SQUARE[:, 1]).all()


def test_the_nearest_point_is_found_with_its_distance():
    assert outline.nearest(SQUARE, 22, 9) == (3, pytest.approx(np.hypot(2, 1)))
