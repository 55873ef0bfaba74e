"""Loopy belief propagation, max-product in the log domain, for many graphs of one topology at once.

Messages of all samples and edges are one array; a pass is a handful of NumPy operations. Exact on
trees; on loops it is followed by iterated conditional modes (Besag 1986) from several starts, and
the best labelling wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAMPING = 0.5
MOST_PASSES = 100
MOST_ROUNDS = 20  # of iterated conditional modes
TOLERANCE = 1e-4
PERTURBATIONS = (0.5, 0.5, 1.0, 2.0)  # of the beliefs: further starts, the same for every sample
LEAVE = 0.3  # share of settled samples at which they are taken out of the arrays
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
    unary: Floats,
    binary: Floats,
    edges: Sequence[tuple[int, int]],
    states: NDArray[np.intp],
    which: NDArray[np.intp] | None = None,
) -> Floats:
    """Sums of log potentials (S,) of labellings (S, N), of the samples `which` (S,) or each of its
    own sample."""
    of = (np.arange(len(unary)) if which is None else which)[:, None]
    i, j = np.array(edges).T
    total: Floats = unary[of, np.arange(states.shape[1]), states].sum(1)
    return total + binary[of, np.arange(len(i)), states[:, i], states[:, j]].sum(1)


def max_product(unary: Floats, binary: Floats, edges: Sequence[tuple[int, int]]) -> Labelling:
    """Label every node of every sample.

    unary   (B, N, L) log potentials; IMPOSSIBLE where a sample has fewer than L candidates
    binary  (B, E, L, L) log potentials of edge e = (i, j): [state of i, state of j]
    """
    heads = np.array([i for i, _ in edges] + [j for _, j in edges])  # a message goes head -> tail
    tails = np.array([j for _, j in edges] + [i for i, _ in edges])
    beliefs, converged = _propagate(unary, binary, heads, tails)
    noise = np.random.default_rng(0).gumbel(size=(len(PERTURBATIONS), *unary.shape[1:]))
    starts = [beliefs, unary, *(beliefs + p * n for p, n in zip(PERTURBATIONS, noise, strict=True))]
    states = np.stack([start.argmax(2) for start in starts], 1)  # (B, starts, N)
    batch, tries, nodes = states.shape
    which = np.repeat(np.arange(batch), tries)
    tried = np.concatenate([which[:, None], states.reshape(-1, nodes)], 1)
    tried, back = np.unique(tried, axis=0, return_inverse=True)  # many starts are the same
    modes, energies = _modes(unary, binary, edges, tried[:, 0], tried[:, 1:])
    each = energies[back].reshape(batch, tries)
    best = back.reshape(batch, tries)[np.arange(batch), each.argmax(1)]
    return Labelling(modes[best], energies[best], beliefs, converged)


def _propagate(
    unary: Floats, binary: Floats, heads: NDArray[np.intp], tails: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Beliefs (B, N, L) after the messages settled, or MOST_PASSES; and which samples settled.

    Single precision with the samples innermost, so that every operation runs along memory.
    """
    batch, nodes, states = unary.shape
    count = len(heads) // 2
    back = np.concatenate([np.arange(count) + count, np.arange(count)])
    order = np.argsort(tails, kind="stable")  # messages into one node lie side by side
    first = np.searchsorted(tails[order], np.arange(nodes))
    alone = np.ascontiguousarray(np.moveaxis(unary, 0, -1), dtype=np.float32)  # (N, L, B)
    pair = np.moveaxis(binary, 0, -1).astype(np.float32)
    # [message, state of its head, state of its tail, sample]
    both = np.ascontiguousarray(np.concatenate([pair, pair.swapaxes(1, 2)]))
    messages = np.zeros((2 * count, states, batch), dtype=np.float32)
    final = np.zeros_like(messages)
    rows = np.arange(batch)  # the samples still in the arrays
    settled = np.zeros(batch, dtype=bool)
    converged = np.zeros(batch, dtype=bool)

    def summed(own: NDArray[np.float32], sent: NDArray[np.float32]) -> NDArray[np.float32]:
        sums: NDArray[np.float32] = own + np.add.reduceat(sent[order], first, axis=0)
        return sums

    for _ in range(MOST_PASSES):
        sent = summed(alone, messages)[heads] - messages[back]
        new = both[:, 0] + sent[:, 0, None]
        room = np.empty_like(new)
        for state in range(1, states):
            np.add(both[:, state], sent[:, state, None], out=room)
            np.maximum(new, room, out=new)
        new -= new.max(1, keepdims=True)
        new += DAMPING * (messages - new)
        fresh = ~settled & (np.abs(new - messages).max((0, 1)) < TOLERANCE)
        messages = new
        final[..., rows[fresh]] = new[..., fresh]
        settled |= fresh
        converged[rows[fresh]] = True
        if settled.all():
            break
        if settled.mean() > LEAVE:
            keep = ~settled
            rows, settled = rows[keep], settled[keep]
            alone, both, messages = alone[..., keep], both[..., keep], messages[..., keep]
    final[..., rows[~settled]] = messages[..., ~settled]
    whole = np.moveaxis(unary, 0, -1).astype(np.float32)
    return np.moveaxis(summed(whole, final), -1, 0).astype(np.float64), converged


def _modes(
    unary: Floats,
    binary: Floats,
    edges: Sequence[tuple[int, int]],
    which: NDArray[np.intp],
    states: NDArray[np.intp],
) -> tuple[NDArray[np.intp], Floats]:
    """Iterated conditional modes, of nodes and of edges, of labellings (S, N) of the samples
    `which` (S,): one node, or the two of an edge together, take their best states given their
    neighbours', until nothing is gained. Returns labellings and energies (S,)."""
    nodes, count = unary.shape[1:]
    states = states.copy()
    at = [[(e, i, j) for e, (i, j) in enumerate(edges) if n in (i, j)] for n in range(nodes)]

    def scores(
        n: int, sample: NDArray[np.intp], now: NDArray[np.intp], without: int = -1
    ) -> Floats:
        """Of each state of a node (S, L), its neighbours being as they are."""
        total: Floats = unary[sample, n]
        for e, i, j in at[n]:
            if e != without:
                row = binary[sample, e, :, now[:, j]] if i == n else binary[sample, e, now[:, i]]
                total += row
        return total

    moving = np.arange(len(states))  # the labellings that gained in the last round
    for _ in range(MOST_ROUNDS):
        sample, now = which[moving], states[moving]
        rows = np.arange(len(moving))
        gained = np.zeros(len(moving), dtype=bool)
        for n in range(nodes):
            score = scores(n, sample, now)
            best = score.argmax(1)
            gain = score[rows, best] > score[rows, now[:, n]] + 1e-12
            now[gain, n] = best[gain]
            gained |= gain
        for e, (i, j) in enumerate(edges):  # then both ends of each edge together
            score = binary[sample, e] + scores(i, sample, now, e)[:, :, None]
            score += scores(j, sample, now, e)[:, None]
            flat = score.reshape(len(moving), -1)
            best = flat.argmax(1)
            gain = flat[rows, best] > score[rows, now[:, i], now[:, j]] + 1e-9
            now[gain, i], now[gain, j] = np.divmod(best[gain], count)
            gained |= gain
        states[moving] = now
        moving = moving[gained]
        if not moving.size:
            break
    return states, energy(unary, binary, edges, states, which)
