"""Screening: its speed, and its energy beside py-factorgraph (the authors' library) and pgmpy's
MPLP on the very same potentials."""

from __future__ import annotations

import time

import numpy as np

from tests.wings.hand.field import mplp_labelling
from xgen_studio.wings.hand.science.belief import energy, max_product
from xgen_studio.wings.hand.science.calibration import GRID, render, varied
from xgen_studio.wings.hand.science.gate import MOST_PEAKS, load_gate
from xgen_studio.wings.hand.science.peaks import find_peaks
from xgen_studio.wings.hand.science.published import potentials

HANDS = 400
COMPARED = 12  # hands that the slow libraries solve


def factorgraph_labelling(unary, binary, edges):
    """Marginal modes of py-factorgraph's sum-product; potentials shifted, which changes nothing."""
    import factorgraph as fg

    graph = fg.Graph()
    states = unary.shape[1]
    for node in range(len(unary)):
        graph.rv(str(node), states)
        graph.factor([str(node)], potential=np.exp(unary[node] - unary[node].max()))
    for (i, j), table in zip(edges, binary, strict=True):
        graph.factor([str(i), str(j)], potential=np.exp(table - table.max()))
    graph.lbp(normalize=True)
    found = {rv.name: int(np.argmax(values)) for rv, values in graph.rv_marginals()}
    return np.array([found[str(node)] for node in range(len(unary))])


def screening(row) -> None:
    """Peaks, labels and judgement of 400 heatmaps, by both gates; then the solvers side by side."""
    shape = load_gate().norms.shape
    rng = np.random.default_rng(0)
    heatmaps = [render(varied(shape.sample(rng), rng)) for _ in range(HANDS)]
    ids = [str(i) for i in range(HANDS)]
    for name in ("calibrated", "paper"):
        gate = load_gate(name)
        began = time.perf_counter()
        hands = [find_peaks(heatmap, MOST_PEAKS) for heatmap in heatmaps]
        gate.judge(ids, hands, GRID)
        seconds = time.perf_counter() - began
        row(f"screening {HANDS} hands, {name} gate", f"{seconds:.2f} s", "target 4")
    norms = load_gate("paper").norms
    some = [hand.first(37) for hand in hands[:COMPARED]]
    unary, binary, _ = potentials(some, GRID, norms)
    began = time.perf_counter()
    ours = max_product(unary, binary, norms.edges)
    own = (time.perf_counter() - began) / COMPARED
    row("belief propagation, 37 landmarks x 16 candidates, ms a hand", f"{own * 1e3:.1f}")
    for name, solve in (("py-factorgraph", factorgraph_labelling), ("pgmpy Mplp", mplp_labelling)):
        try:
            began = time.perf_counter()
            found = np.stack([solve(u, b, norms.edges) for u, b in zip(unary, binary, strict=True)])
        except ImportError:
            row(f"{name}", "not installed", "pip install factorgraph==0.0.3")
            continue
        seconds = (time.perf_counter() - began) / COMPARED
        theirs = energy(unary, binary, norms.edges, found)
        row(
            f"{name}: its time over ours; hands where ours has equal or more energy",
            f"{seconds / own:.0f}; {int((ours.energies >= theirs - 1e-4).sum())} of {COMPARED}",
            "target 20",
        )
