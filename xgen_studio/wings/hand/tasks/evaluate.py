"""Evaluate a model of hands: acceptance by every gate over ten runs, diversity, copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.bundles import Bundle
from xgen_studio.errors import CallError
from xgen_studio.evaluation.images import spectrum_distance
from xgen_studio.evaluation.statistics import estimate, in_words
from xgen_studio.imaging import make_folder, write_png8
from xgen_studio.tasks.asks import Evaluate
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.tasks.evaluate import Evaluation
from xgen_studio.tasks.provenance import made_by
from xgen_studio.wings.hand.science import evaluation as hand
from xgen_studio.wings.hand.science.data import load_hands, on_grid
from xgen_studio.wings.hand.science.gate import GATES, MOST_PEAKS, Screening, load_gate
from xgen_studio.wings.hand.science.landmarks import Points
from xgen_studio.wings.hand.science.peaks import Peaks, find_peaks
from xgen_studio.wings.hand.tasks import evaluate_localiser
from xgen_studio.wings.hand.tasks.drawing import Hand, generator_on

RUNS, HANDS = 10, 100  # as published
PAPER = {"hand-ddpm": "0.40 ± 0.03", "hand-vae": "0.03 ± 0.03"}  # table 1, trained on 597 hands
SHEET = 8  # hands a side of the contact sheet


def evaluate(ask: Evaluate, bundle: Bundle, bench: Bench) -> Evaluation:
    """Whatever the model is: one that draws hands, or one that finds their landmarks."""
    if "landmarks" in bundle.methods:
        return evaluate_localiser.evaluate(ask, bundle, bench)
    table = evaluate_hands(ask, bench)
    return Evaluation(table, markdown(table), measured(table))


def evaluate_hands(ask: Evaluate, bench: Bench) -> dict[str, Any]:
    """The table; writes contact sheets. `ask.limit` bounds all hands together."""
    arrays = load_hands(ask.data)
    generator = generator_on(bench, ask.model, ask.device)
    bundle = generator.bundle
    hears = generator.hears(bundle.default_method)
    kinds = ("drawn", "free") if hears else ("free",)
    runs, count = _size(ask.limit, len(kinds))
    make_folder(ask.out)
    table: dict[str, Any] = {"model": bundle.name, "paper": PAPER.get(bundle.name), "kinds": {}}
    for number, kind in enumerate(kinds):
        made: list[Hand] = []
        total = runs * count
        for seed in range(total):
            bench.report(number * total + seed, len(kinds) * total, f"{kind} hands")
            options = {"shape": kind}
            own = Drawing(bundle.name, seed=1_000_000 * number + seed, options=options)
            made.append(generator.one(own))
        table["kinds"][kind] = _judged(made, count, arrays)
        _sheet(ask.out / f"{kind}.png", made)
    table["provenance"] = made_by(bundle, bundle.default_method, generator.device) | {
        "sampler": f"{bundle.sampler}, {bundle.steps} steps",
        "first_seed": {kind: 1_000_000 * n for n, kind in enumerate(kinds)},
    }
    return table


def _size(limit: int | None, kinds: int) -> tuple[int, int]:
    """Runs of a kind, and hands a run: as published, or fewer, two hands at least."""
    if limit is None:
        return RUNS, HANDS
    runs = min(RUNS, limit // (2 * kinds))
    if runs < 1:
        raise CallError(f"--limit {limit}: at least {2 * kinds} hands")
    return runs, min(HANDS, limit // (kinds * runs))


def _judged(made: list[Hand], count: int, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    peaks: list[Peaks] = [find_peaks(one.heatmap, MOST_PEAKS) for one in made]
    grid = (made[0].heatmap.shape[0], made[0].heatmap.shape[1])
    result: dict[str, Any] = {"acceptance": {}}
    calibrated: list[Screening] = []
    for name in GATES:
        gate = load_gate(name)
        found = gate.judge([str(i) for i in range(len(made))], peaks, grid)
        runs = [found[first : first + count] for first in range(0, len(found), count)]
        result["acceptance"][name] = hand.acceptance(gate, runs)
        if name == "calibrated":
            calibrated = found
    accepted = [i for i, s in enumerate(calibrated) if s.accepted]
    trained = ~arrays["held_out"]
    plain = trained & ~arrays["bent"]
    if len(accepted) > 2:
        shapes = np.stack([calibrated[i].landmarks for i in accepted])
        pictures = on_grid(np.stack([made[i].pixels for i in accepted]))
        side = (made[0].pixels.shape[1] - pictures.shape[2]) // 2
        result["carpus"] = _carpus(pictures, shapes - (side, 0), arrays, plain)
        shape = load_gate().norms.shape
        real: Points = arrays["points"][plain].astype(np.float64)
        result["spread_of_accepted"] = hand.spread(shape, shapes, real)
        result["spread_told"] = (
            hand.spread(shape, np.stack([one.told for one in made if one.told is not None]), real)
            if made[0].told is not None
            else None
        )
    if made[0].told is not None and accepted:
        told = [made[i].told for i in accepted]
        off = hand.told_errors_mm(
            [t for t in told if t is not None], [calibrated[i] for i in accepted]
        )
        result["told_mm"] = estimate(off).as_dict()
    known = hand.small(arrays["images"][trained].astype(np.float32))
    ours, _ = hand.nearest(hand.small(on_grid(np.stack([one.pixels for one in made]))), known)
    held = hand.small(arrays["images"][arrays["held_out"]].astype(np.float32))
    theirs, _ = hand.nearest(held, known)
    result["nearest_training_image"] = {
        "generated": _quantiles(ours),
        "held_out_real": _quantiles(theirs),
        "below_the_least_of_real": int((ours < theirs.min()).sum()),
        "n": len(ours),
        "n_real": len(theirs),
    }
    return result


def _carpus(
    pictures: np.ndarray, points: Points, arrays: dict[str, np.ndarray], trained: np.ndarray
) -> dict[str, Any]:
    """How far, in decades, the spectrum of carpi lies from that of real ones that were trained on;
    beside it that of real ones held out. Soft bones lack power at high frequencies."""

    def real(which: np.ndarray) -> np.ndarray:
        return hand.carpi(arrays["images"][which] / 255.0, arrays["points"][which])

    known = real(trained)
    ours = hand.carpi(np.rint(pictures * 255) / 255, points)  # in 8 bits, as the real ones are
    return {
        "generated": spectrum_distance(ours, known),
        "held_out_real": spectrum_distance(real(arrays["held_out"]), known),
        "n": len(ours),
        "n_held_out": int(arrays["held_out"].sum()),
        "n_trained": len(known),
    }


def _quantiles(values: np.ndarray) -> dict[str, float]:
    names = {"least": 0, "p1": 1, "p5": 5, "median": 50}
    return {name: float(np.percentile(values, q)) for name, q in names.items()}


def _sheet(path: Path, made: list[Hand]) -> None:
    chosen = np.linspace(0, len(made) - 1, min(SHEET**2, len(made))).astype(int)
    tiles = [made[i].pixels for i in chosen]
    while len(tiles) % SHEET:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.concatenate(tiles[i : i + SHEET], 1) for i in range(0, len(tiles), SHEET)]
    write_png8(path, np.concatenate(rows, 0), {"synthetic": True})


def markdown(table: dict[str, Any]) -> str:
    """The tables as Markdown."""
    lines = [
        f"# {table['model']}",
        "",
        "Accepted share: mean ± SD over runs, and of all hands with 95 % (Wilson) interval.",
        "",
        "| shape | gate | mean ± SD over runs | all hands | real hands that pass | paper |",
        "|---|---|---|---|---|---|",
    ]
    for kind, result in table["kinds"].items():
        for gate, figures in result["acceptance"].items():
            low, high = figures["interval95"]
            real = figures["real_hands"]
            sd = figures["sd_over_runs"]
            lines.append(
                f"| {kind} | {gate} | {figures['mean']:.3f}"
                f" ± {sd if sd is None else format(sd, '.3f')} ({figures['runs']} runs of"
                f" {figures['hands_a_run']}) | {figures['accepted']} of {figures['n']}"
                f" [{low:.3f}, {high:.3f}] | {real['passed']} of {real['n']} |"
                f" {table['paper'] if gate == 'paper' and table['paper'] else ''} |"
            )
    for kind, result in table["kinds"].items():
        lines += ["", f"## {kind}", ""]
        if "spread_of_accepted" in result:
            rows = result["spread_of_accepted"]
            said = ", ".join(
                f"{name} {v['mean']:.2f} [{v['ci95'][0]:.2f}, {v['ci95'][1]:.2f}]"
                for name, v in rows["sd_ratio"].items()
            )
            lines.append(
                f"- SD of shape parameters over that of real hands (n = {rows['n']} accepted,"
                f" {rows['n_real']} real): {said}"
            )
        if "told_mm" in result:
            off = in_words(result["told_mm"], 2)
            n = result["told_mm"]["n"]
            lines.append(
                f"- from the landmarks told to those of the heatmap, {n} accepted hands, mm: {off}"
            )
        if "carpus" in result:
            row = result["carpus"]
            lines.append(
                f"- spectrum of the carpus from that of {row['n_trained']} real ones: generated"
                f" {row['generated']:.2f} decades (n = {row['n']}), held-out real"
                f" {row['held_out_real']:.2f} (n = {row['n_held_out']})"
            )
        near = result["nearest_training_image"]
        lines.append(
            f"- distance to the nearest training image (0 a copy, 2 a negative): generated median"
            f" {near['generated']['median']:.3f}, least {near['generated']['least']:.3f};"
            f" held-out real median {near['held_out_real']['median']:.3f}, least"
            f" {near['held_out_real']['least']:.3f} (n = {near['n']} and {near['n_real']});"
            f" {near['below_the_least_of_real']} generated lie nearer than any real one"
        )
        reasons = result["acceptance"]["calibrated"]["reasons"]
        lines.append("- reasons (calibrated): " + ", ".join(f"{k} {v}" for k, v in reasons.items()))
    return "\n".join(lines) + "\n"


def measured(table: dict[str, Any]) -> dict[str, str]:
    """The figures for the model's card."""
    found = {}
    for kind, result in table["kinds"].items():
        for gate in ("calibrated", "paper"):
            figures = result["acceptance"][gate]
            low, high = figures["interval95"]
            sd = figures["sd_over_runs"] or 0.0
            real = figures["real_hands"]
            found[f"accepted, {gate} gate, shape {kind}"] = (
                f"{figures['mean']:.3f} ± {sd:.3f} over {figures['runs']} runs of"
                f" {figures['hands_a_run']} [{low:.3f}, {high:.3f}]; of real hands"
                f" {real['passed']} of {real['n']} pass"
            )
        if "spread_of_accepted" in result:
            ratio = result["spread_of_accepted"]["sd_ratio"]["all modes"]
            found[f"SD of shapes over real, shape {kind}"] = (
                f"{ratio['mean']:.2f} [{ratio['ci95'][0]:.2f}, {ratio['ci95'][1]:.2f}]"
            )
        if "carpus" in result:
            row = result["carpus"]
            found[f"carpus, spectrum, shape {kind}"] = (
                f"{row['generated']:.2f} decades from real ones, held-out real ones"
                f" {row['held_out_real']:.2f} (0: as sharp)"
            )
        near = result["nearest_training_image"]
        found[f"nearest training image, shape {kind}"] = (
            f"median {near['generated']['median']:.3f}, held-out real"
            f" {near['held_out_real']['median']:.3f} (0 a copy)"
        )
    return found
