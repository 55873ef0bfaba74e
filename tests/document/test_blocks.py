"""Strokes in mm, shapes between slices, pieces of labels."""

import numpy as np
import pytest

from xgen_studio.document.blocks import between, extent, largest_part, stroke

SHAPE = (30, 50, 70)


def whole(block, shape=SHAPE):
    made = np.zeros(shape, bool)
    made[block.window] = block.inside
    return made


def distances(start, end, spacing):
    """mm from each voxel's middle to a segment, one by one as geometry has it."""
    a, b = np.array(start) * spacing, np.array(end) * spacing
    middles = (np.stack(np.indices(SHAPE), -1) + 0.5) * spacing
    t = np.clip((middles - a) @ (b - a) / max(float((b - a) @ (b - a)), 1e-12), 0, 1)
    return np.linalg.norm(middles - (a + t[..., None] * (b - a)), axis=-1)


def test_a_ball_is_round_in_millimetres_whatever_the_voxels():
    spacing = (4.0, 0.8, 0.5)
    start, end = (12.3, 20.2, 30.7), (14.9, 31.4, 41.0)
    made = whole(stroke(start, end, (9.0, 9.0), spacing, SHAPE))
    far = distances(start, end, np.array(spacing))
    sure = abs(far - 9.0) > 1e-3
    np.testing.assert_array_equal(made[sure], (far <= 9.0)[sure])
    assert made.sum() > 1000


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_disc_stays_on_its_slice_and_is_round_there(axis):
    spacing = np.array((3.0, 0.8, 0.5))
    start, end = [12.5, 20.5, 30.5], [14.9, 31.4, 41.0]
    made = whole(stroke(tuple(start), tuple(end), (6.0, 6.0), tuple(spacing), SHAPE, axis))
    slices = np.flatnonzero(made.any(tuple(a for a in range(3) if a != axis)))
    assert slices.tolist() == [int(start[axis])]
    end[axis] = start[axis]
    far = np.take(distances(start, end, spacing), slices[0], axis)
    sure = abs(far - 6.0) > 1e-3
    np.testing.assert_array_equal(np.take(made, slices[0], axis)[sure], (far <= 6.0)[sure])


def test_a_pen_pressed_harder_widens_the_stroke():
    made = whole(stroke((15, 25, 10), (15, 25, 60), (2.0, 8.0), (1.0, 1.0, 1.0), SHAPE))
    widths = made[15].sum(0)
    assert widths[12] == 4 and widths[58] >= 14


def test_a_tiny_brush_covers_the_voxel_under_it_and_none_beside_the_volume():
    small = whole(stroke((4.9, 7.1, 9.9), (4.9, 7.1, 9.9), (0.1, 0.1), (5, 1, 1), SHAPE))
    assert np.argwhere(small).tolist() == [[4, 7, 9]]
    assert stroke((-9, 5, 5), (-9, 6, 5), (2, 2), (1, 1, 1), SHAPE).empty
    edge = stroke((0.5, 0.5, 69.5), (0.5, 0.5, 69.5), (3, 3), (1, 1, 1), SHAPE)
    assert edge.first == (0, 0, 66) and edge.inside.shape == (4, 4, 4)


def disc(row, column, radius, spacing=(1.0, 1.0), shape=(60, 80)):
    y, x = np.indices(shape)
    return np.hypot((y - row) * spacing[0], (x - column) * spacing[1]) <= radius


def test_shapes_between_two_slices_grow_and_walk_evenly():
    shapes = between(disc(20, 20, 6), disc(35, 50, 14), 3, (1.0, 1.0))
    for i, shape in enumerate(shapes, start=1):
        expected = disc(20 + 15 * i / 4, 20 + 30 * i / 4, 6 + 2 * i)
        dice = 2 * (shape & expected).sum() / (shape.sum() + expected.sum())
        assert dice > 0.97, i
        assert abs(shape.sum() / expected.sum() - 1) < 0.03, i


def test_shapes_between_are_measured_in_millimetres():
    # a circle and an upright ellipse; the pixels are three times as high as wide
    spacing = (3.0, 1.0)
    first, last = disc(30, 40, 12, spacing), disc(30, 40, 24, spacing)
    (middle,) = between(first, last, 1, spacing)
    expected = disc(30, 40, 18, spacing)
    assert 2 * (middle & expected).sum() / (middle.sum() + expected.sum()) > 0.97


def test_a_shape_that_fills_its_box_has_an_outside():
    (middle,) = between(np.ones((4, 6), bool), np.ones((4, 6), bool), 1, (1.0, 1.0))
    assert middle.all()


def test_the_box_of_a_label_and_its_largest_piece():
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:9, 10:20, 5:8] = 7
    labels[20, 40, 60] = 7
    labels[25] = 2
    assert extent(labels, 7) == (slice(3, 21), slice(10, 41), slice(5, 61))
    assert extent(labels, 9) is None
    largest = largest_part(labels == 7)
    assert largest.sum() == 6 * 10 * 3 and largest[5, 15, 6] and not largest[20, 40, 60]
