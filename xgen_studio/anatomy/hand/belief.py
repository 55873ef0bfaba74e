"""Loopy belief propagation, max-product in the log domain, for many graphs of one topology at once.

Messages of all samples and edges are one array; a pass is a handful of NumPy operations. Exact on
trees; on loops it is followed by iterated conditional modes (Besag 1986), and the better labelling
wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAMPING = 0.5
MOST_PASSES = 100
TOLERANCE = 1e-6
IMPOSSIBLE = -1e9  # the log potential of a candidate that is not there


@dataclass(frozen=True)
class Labelling:
    """The states (B, N) that maximise the energies (B,), the beliefs (B, N, L) they come from, and
    whether the messages of each sample settled."""

    states: NDArray[np.intp]
    energies: Floats
    beliefs: Floats
    converged: NDArray[np.bool_]


def energy(
    unary: Floats, binary: Floats, edges: Sequence[tuple[int, int]], states: NDArray[np.intp]
) -> Floats:
    """Sum of log potentials (B,) of a labelling (B, N)."""
    batch, nodes, _ = unary.shape
    rows = np.arange(batch)
    total = unary[rows[:, None], np.arange(nodes)[None], states].sum(1)
    for e, (i, j) in enumerate(edges):
        total = total + binary[rows, e, states[:, i], states[:, j]]
    result: Floats = total
    return result


def max_product(unary: Floats, binary: Floats, edges: Sequence[tuple[int, int]]) -> Labelling:
    """Label every node of every sample.

    unary   (B, N, L) log potentials; IMPOSSIBLE where a sample has fewer than L candidates
    binary  (B, E, L, L) log potentials of edge e = (i, j): [state of i, state of j]
    """
    batch, nodes, states = unary.shape
    heads = np.array([i for i, _ in edges] + [j for _, j in edges])  # a message goes head -> tail
    tails = np.array([j for _, j in edges] + [i for i, _ in edges])
    count = len(edges)
    back = np.concatenate([np.arange(count) + count, np.arange(count)])
    into = np.zeros((nodes, 2 * count))
    into[tails, np.arange(2 * count)] = 1.0
    both = np.concatenate([binary, binary.swapaxes(2, 3)], 1)
    messages = np.zeros((batch, 2 * count, states))
    moving = np.arange(batch)
    converged = np.zeros(batch, dtype=bool)
    for _ in range(MOST_PASSES):
        old = messages[moving]
        beliefs = unary[moving] + np.einsum("nm,bml->bnl", into, old, optimize=True)
        sent = beliefs[:, heads] - old[:, back]
        new = (both[moving] + sent[..., None]).max(2)
        new -= new.max(2, keepdims=True)
        new = DAMPING * old + (1 - DAMPING) * new
        messages[moving] = new
        settled = np.abs(new - old).max((1, 2)) < TOLERANCE
        converged[moving[settled]] = True
        moving = moving[~settled]
        if not moving.size:
            break
    beliefs = unary + np.einsum("nm,bml->bnl", into, messages, optimize=True)
    first = beliefs.argmax(2)
    start = unary.argmax(2)
    best, best_energy = _modes(unary, both, heads, tails, edges, binary, first)
    other, other_energy = _modes(unary, both, heads, tails, edges, binary, start)
    better = other_energy > best_energy
    best[better], best_energy[better] = other[better], other_energy[better]
    return Labelling(best, best_energy, beliefs, converged)


def _modes(
    unary: Floats,
    both: Floats,
    heads: NDArray[np.intp],
    tails: NDArray[np.intp],
    edges: Sequence[tuple[int, int]],
    binary: Floats,
    states: NDArray[np.intp],
) -> tuple[NDArray[np.intp], Floats]:
    """Iterated conditional modes: each node takes its best state given its neighbours', until no
    sample gains."""
    batch, nodes, _ = unary.shape
    states = states.copy()
    rows = np.arange(batch)
    incoming = [np.flatnonzero(tails == n) for n in range(nodes)]
    for _ in range(20):
        changed = False
        for n in range(nodes):
            score = unary[:, n].copy()
            for m in incoming[n]:
                score += both[rows, m, states[:, heads[m]]]
            best = score.argmax(1)
            gain = score[rows, best] > score[rows, states[:, n]] + 1e-12
            if gain.any():
                states[gain, n] = best[gain]
                changed = True
        if not changed:
            break
    return states, energy(unary, binary, edges, states)
