"""What one gesture covers, against the plain definition pixel by pixel."""

import math

import numpy as np
import pytest
from skimage.measure import points_in_poly

from xgen_studio.document import regions

SHAPE = (40, 60)


def whole(region, shape=SHAPE):
    out = np.zeros(shape, bool)
    if region.inside.size:
        out[region.window] = region.inside
    return out


def distance_to_segment(x, y, a, b):
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = 0 if dx == dy == 0 else ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)
    t = min(max(t, 0), 1)
    return math.hypot(x - a[0] - t * dx, y - a[1] - t * dy)


@pytest.mark.parametrize("radius", [0.3, 1.0, 4.5, 12.0])
@pytest.mark.parametrize(
    "ends", [((20.2, 15.7), (20.2, 15.7)), ((5.0, 8.0), (44.5, 30.1)), ((-6.0, 10.0), (8.0, 70.0))]
)
def test_a_round_brush_covers_what_lies_within_its_radius_of_the_path(radius, ends):
    made = whole(regions.round_segment(*ends, radius, SHAPE))
    for row in range(SHAPE[0]):
        for column in range(SHAPE[1]):
            distance = distance_to_segment(column + 0.5, row + 0.5, *ends)
            if abs(distance - radius) > 1e-3:
                under = any((int(x), int(y)) == (column, row) for x, y in ends if x > 0 and y > 0)
                assert made[row, column] == (distance < radius or under)


def test_a_pen_s_radius_changes_along_the_path():
    made = whole(regions.round_segment((5, 20), (55, 20), 2, SHAPE, end_radius=10))
    widths = made.sum(0)
    assert widths[10] < widths[30] < widths[50] <= 20


@pytest.mark.parametrize(
    "end", [(30.0, 20.0), (41.0, 20.0), (30.0, 33.0), (45.5, 31.5), (12.0, 30.0), (14.3, 6.2)]
)
def test_a_square_brush_covers_the_union_of_its_squares(end):
    start, r = (30.0, 20.0), 4.0
    made = whole(regions.square_segment(start, end, r, SHAPE))
    steps = np.linspace(0, 1, 400)
    x, y = np.arange(60)[None] + 0.5, np.arange(40)[:, None] + 0.5
    swept = np.zeros(SHAPE, bool)
    for t in steps:
        cx, cy = start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])
        swept |= (np.abs(x - cx) < r) & (np.abs(y - cy) < r)
    assert (made ^ swept).sum() <= 3  # middles exactly on the edge


@pytest.mark.parametrize("seed", range(30))
def test_a_polygon_agrees_with_an_independent_even_odd_test(seed):
    rng = np.random.default_rng(seed)
    outline = rng.uniform((-20, -20), (80, 60), size=(rng.integers(3, 12), 2))
    made = whole(regions.polygon([tuple(p) for p in outline], SHAPE))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    middles = np.stack([x.ravel(), y.ravel()], 1)
    np.testing.assert_array_equal(made, points_in_poly(middles, outline).reshape(SHAPE))


def test_two_points_enclose_nothing():
    assert regions.polygon([(1, 1), (5, 5)], SHAPE).empty


def test_outside_the_picture_nothing_is_covered():
    assert regions.round_segment((-50, -50), (-40, -40), 5, SHAPE).empty
    assert regions.square_segment((200, 5), (210, 5), 5, SHAPE).empty
    assert regions.flood(np.zeros(SHAPE, np.uint8), (-1, 3)).empty


def test_flood_stays_in_its_piece_unless_asked_for_all():
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:10, 5:10] = 3
    labels[20:30, 40:50] = 3
    assert regions.flood(labels, (6.5, 7.5)).inside.sum() == 25
    assert regions.flood(labels, (6.5, 7.5), connected=False).inside.sum() == 125


def test_the_wand_takes_touching_pixels_of_like_grey():
    grey = np.zeros(SHAPE, np.float32)
    grey[10:20, 10:20] = 0.5
    grey[15:18, 12:15] = 0.56
    grey[30:35, 30:35] = 0.5
    assert regions.wand(grey, (11, 11), 0.02).inside.sum() == 100 - 9
    assert regions.wand(grey, (11, 11), 0.1).inside.sum() == 100


def test_growing_then_shrinking_keeps_a_disc_and_edges_do_not_eat():
    y, x = np.ogrid[:40, :60]
    disc = (x - 30) ** 2 + (y - 20) ** 2 <= 100
    assert (regions.grown(disc, 3).sum(), regions.grown(disc, -3).sum()) == pytest.approx(
        (math.pi * 169, math.pi * 49), rel=0.08
    )
    leg = np.ones(SHAPE, bool)
    assert regions.grown(leg, -3).all()


def test_smoothing_removes_a_spike_and_keeps_the_size():
    square = np.zeros(SHAPE, bool)
    square[10:30, 10:40] = True
    spiked = square.copy()
    spiked[19, 40:50] = True
    smooth = regions.smoothed(spiked, 2)
    assert not smooth[19, 43:].any()
    assert smooth.sum() == pytest.approx(square.sum(), rel=0.04)
