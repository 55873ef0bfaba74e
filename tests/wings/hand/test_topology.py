"""The graph of the hand: connected, sparse, and as near the published one as its rule promises."""

import itertools

import numpy as np

from xgen_studio.wings.hand.science.landmarks import COUNT, FINGERS
from xgen_studio.wings.hand.science.preparation import training_shapes
from xgen_studio.wings.hand.science.shape import ShapeModel
from xgen_studio.wings.hand.science.topology import edges, gabriel


def reached(pairs, start=0):
    seen, front = {start}, [start]
    while front:
        here = front.pop()
        for pair in pairs:
            if here in pair:
                other = pair[0] + pair[1] - here
                if other not in seen:
                    seen.add(other)
                    front.append(other)
    return seen


def test_a_gabriel_graph_joins_two_points_when_none_lies_between_them():
    bow = np.array([(0.0, 0), (10, 1), (20, 0)])
    assert gabriel(bow) == [(0, 1), (1, 2)]
    far = np.array([(0.0, 0), (10, 12), (20, 0)])
    assert gabriel(far) == [(0, 1), (0, 2), (1, 2)]


def test_the_hand_s_graph_is_connected_and_sparse(data):
    mean = ShapeModel.of(np.stack(list(training_shapes(data / "hand").values()))).mean
    found = edges(mean)
    assert len(found) == len(set(found)) and all(i < j for i, j in found)
    assert 60 <= len(found) <= 68  # the published one has 63
    assert reached(found) == set(range(COUNT))
    for finger in FINGERS:
        for a, b in itertools.pairwise(finger):
            assert (min(a, b), max(a, b)) in found
    degree = np.bincount(np.array(found).ravel(), minlength=COUNT)
    assert degree.min() >= 2 and degree.max() <= 7
