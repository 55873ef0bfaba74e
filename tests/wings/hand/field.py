"""The Markov random field of one hand as a pgmpy model: to look into, and to check ours against.

pgmpy has no loopy belief propagation (its issue 383), so labelling is done by `belief`; here its
exact inference on trees and its MPLP on loops are the oracles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.wings.hand.science.belief import IMPOSSIBLE, Floats

LOWEST = -60.0  # log potentials below are as good as impossible; exp of less is no number to add


def markov_network(unary: Floats, binary: Floats, edges: Sequence[tuple[int, int]]) -> Any:
    """A pgmpy `DiscreteMarkovNetwork` of log potentials: unary (N, L), binary (E, L, L). Nodes are
    called "0", "1", ...; a node's states are its candidates."""
    from pgmpy.factors.discrete import DiscreteFactor
    from pgmpy.models import DiscreteMarkovNetwork

    states = unary.shape[1]
    network = DiscreteMarkovNetwork([(str(i), str(j)) for i, j in edges])
    network.add_nodes_from(str(n) for n in range(len(unary)))
    for node, row in enumerate(unary):
        network.add_factors(DiscreteFactor([str(node)], [states], np.exp(_bounded(row))))
    for (i, j), table in zip(edges, binary, strict=True):
        network.add_factors(
            DiscreteFactor([str(i), str(j)], [states, states], np.exp(_bounded(table)).ravel())
        )
    return network


def mplp_labelling(
    unary: Floats, binary: Floats, edges: Sequence[tuple[int, int]]
) -> NDArray[np.intp]:
    """The labelling (N,) of pgmpy's MPLP (Globerson 2008).

    It maximises the plain sum of factor values, and starts its best at 0: it is fed the logarithms,
    shifted to be positive.
    """
    from pgmpy.factors.discrete import DiscreteFactor
    from pgmpy.inference import Mplp
    from pgmpy.models import DiscreteMarkovNetwork

    states = unary.shape[1]
    network = DiscreteMarkovNetwork([(str(i), str(j)) for i, j in edges])
    for node, row in enumerate(unary):
        network.add_factors(DiscreteFactor([str(node)], [states], _bounded(row) - LOWEST))
    for (i, j), table in zip(edges, binary, strict=True):
        values = (_bounded(table) - LOWEST).ravel()
        network.add_factors(DiscreteFactor([str(i), str(j)], [states, states], values))
    found = Mplp(network).map_query()
    return np.array([int(found[str(node)]) for node in range(len(unary))], dtype=np.intp)


def _bounded(values: Floats) -> Floats:
    """Log potentials from LOWEST on; what stands for "no candidate" stays below all others."""
    bounded: Floats = np.where(values <= IMPOSSIBLE / 2, LOWEST, np.maximum(values, LOWEST + 1))
    return bounded
