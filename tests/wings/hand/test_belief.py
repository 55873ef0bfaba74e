"""Belief propagation: exact on trees, as good as exhaustive search on small loops."""

import itertools

import numpy as np

from xgen_studio.wings.hand.science.belief import IMPOSSIBLE, energy, max_product

TREE = [(0, 1), (1, 2), (1, 3), (3, 4)]
LOOPY = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 0), (1, 3)]


def potentials(batch, nodes, edges, states, seed=0, coupling=1.0):
    rng = np.random.default_rng(seed)
    unary = rng.normal(size=(batch, nodes, states))
    binary = coupling * rng.normal(size=(batch, len(edges), states, states))
    return unary, binary


def exhaustive(unary, binary, edges):
    """The best energy of each sample, by trying every labelling."""
    nodes, states = unary.shape[1:]
    best = np.full(len(unary), -np.inf)
    for labelling in itertools.product(range(states), repeat=nodes):
        tried = np.tile(labelling, (len(unary), 1))
        best = np.maximum(best, energy(unary, binary, edges, tried))
    return best


def test_on_a_tree_it_is_exact():
    unary, binary = potentials(40, 5, TREE, 4)
    found = max_product(unary, binary, TREE)
    np.testing.assert_allclose(found.energies, exhaustive(unary, binary, TREE))
    np.testing.assert_allclose(energy(unary, binary, TREE, found.states), found.energies)
    assert found.converged.all()


def test_on_loops_it_comes_as_close_as_exhaustive_search():
    unary, binary = potentials(60, 5, LOOPY, 4, seed=1, coupling=0.7)
    found = max_product(unary, binary, LOOPY)
    best = exhaustive(unary, binary, LOOPY)
    assert (found.energies <= best + 1e-9).all()
    assert np.isclose(found.energies, best).mean() > 0.9


def test_a_candidate_that_is_not_there_is_never_taken():
    unary, binary = potentials(20, 5, LOOPY, 6, seed=2)
    unary[:, :, 4:] = IMPOSSIBLE
    assert max_product(unary, binary, LOOPY).states.max() < 4


def test_a_sample_is_labelled_alike_alone_and_in_a_batch():
    unary, binary = potentials(16, 5, LOOPY, 5, seed=3)
    together = max_product(unary, binary, LOOPY)
    for i in (0, 7, 15):
        alone = max_product(unary[i : i + 1], binary[i : i + 1], LOOPY)
        np.testing.assert_array_equal(alone.states[0], together.states[i])


def test_the_order_of_an_edge_s_ends_does_not_matter():
    unary, binary = potentials(10, 5, TREE, 4, seed=4)
    turned = [(j, i) for i, j in TREE]
    found = max_product(unary, binary.swapaxes(2, 3), turned)
    np.testing.assert_array_equal(found.states, max_product(unary, binary, TREE).states)
