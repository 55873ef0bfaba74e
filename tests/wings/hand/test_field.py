"""Our belief propagation beside pgmpy: exact on trees, as good as MPLP on the real field."""

import numpy as np
import pytest

pytest.importorskip("pgmpy")

from tests.wings.hand.field import markov_network, mplp_labelling
from xgen_studio.wings.hand.science.belief import energy, max_product
from xgen_studio.wings.hand.science.calibration import GRID, seen
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.norms import in_frame
from xgen_studio.wings.hand.science.published import potentials

TREE = [(0, 1), (1, 2), (1, 3), (3, 4)]


def test_on_a_tree_it_agrees_with_exact_inference():
    from pgmpy.inference import VariableElimination

    rng = np.random.default_rng(0)
    unary, binary = rng.normal(size=(6, 5, 4)), rng.normal(size=(6, 4, 4, 4))
    ours = max_product(unary, binary, TREE)
    for i in range(6):
        exact = VariableElimination(markov_network(unary[i], binary[i], TREE))
        found = exact.map_query([str(n) for n in range(5)], show_progress=False)
        assert [found[str(n)] for n in range(5)] == ours.states[i].tolist()


def test_on_the_published_field_it_is_no_worse_than_mplp():
    norms = load_gate("paper").norms
    rng = np.random.default_rng(1)
    hand = seen(in_frame(norms.shape.sample(rng, 1.5), GRID)).first(37)
    unary, binary, _ = potentials([hand], GRID, norms)
    ours = max_product(unary, binary, norms.edges)
    mplp = mplp_labelling(unary[0], binary[0], norms.edges)
    theirs = energy(unary, binary, norms.edges, mplp[None])
    assert ours.energies[0] >= theirs[0] - 1e-6
