"""Evaluate a localiser on held-out real hands, and whether synthetic hands made it better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.bundles import Bundle
from xgen_studio.errors import InputError
from xgen_studio.evaluation.statistics import estimate, in_words, paired
from xgen_studio.imaging import Image, read_image
from xgen_studio.networks import Localiser
from xgen_studio.paths import shared_data
from xgen_studio.tasks.asks import Evaluate
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.evaluate import Evaluation
from xgen_studio.tasks.provenance import made_by
from xgen_studio.training.learner import MAIN
from xgen_studio.training.run import trained
from xgen_studio.training.run_folder import CHECKPOINT
from xgen_studio.wings.hand.science.accuracy import errors_mm, outliers, truncated_errors_mm
from xgen_studio.wings.hand.science.gate import load_gate
from xgen_studio.wings.hand.science.landmarks import Points, check_inside, read_table
from xgen_studio.wings.hand.science.localiser import checked
from xgen_studio.wings.hand.science.localising import locate
from xgen_studio.wings.hand.science.preparation import TEST_FOLD, read_fold

BASE = "real"  # the arm that the others are compared with


def held_out(folder: Path, limit: int | None = None) -> dict[str, tuple[Image, Points]]:
    """Test images (fold 1) of a data folder with their landmarks, never used for training or
    choosing; at most `limit` of them."""
    hands = folder / "hand"
    table, test = read_table(hands / "landmarks_images.csv"), read_fold(hands / TEST_FOLD)
    found: dict[str, tuple[Image, Points]] = {}
    for id, points in sorted(table.items()):
        if limit is not None and len(found) >= limit:
            break
        if id in test:
            file = hands / "images" / f"{id}.jpg"
            image = read_image(file)
            check_inside(points, image.shape[1], image.shape[0], str(file))
            found[id] = (image, points)
    if not found:
        raise InputError(f"{hands}: holds no test image of fold 1")
    return found


def _network(run: Path) -> Localiser:
    return checked(trained(run)[0].parts[MAIN], str(run))


def errors_of(
    network: Localiser, hands: Mapping[str, tuple[Image, Points]]
) -> tuple[np.ndarray, np.ndarray]:
    """Errors in mm (images, 37): from float coordinates, and as NFDP's code truncates them."""
    gate = load_gate()
    plain, truncated = [], []
    for image, truth in hands.values():
        found = locate(network, gate, image).points
        plain.append(errors_mm(found, truth))
        truncated.append(truncated_errors_mm(found, truth, (image.shape[1], image.shape[0])))
    return np.stack(plain), np.stack(truncated)


def figures(plain: np.ndarray, truncated: np.ndarray, seeds: int = 1) -> dict[str, Any]:
    """Errors (seeds x images, 37) as a table row: intervals are over images, whatever the seeds."""
    images = np.repeat(np.tile(np.arange(len(plain) // seeds), seeds), plain.shape[1])
    return {
        "images": len(plain) // seeds,
        "error_mm": estimate(plain.ravel(), images).as_dict(),
        "outliers": outliers(plain.ravel()),
        "landmarks": int(plain.size),
        "truncated_error_mm": estimate(truncated.ravel(), images).as_dict(),
        "truncated_outliers": outliers(truncated.ravel()),
    }


def evaluate(ask: Evaluate, bundle: Bundle, bench: Bench) -> Evaluation:
    """The bundle's own figures, and those of a folder of runs to compare (`--study`)."""
    data, runs = ask.data or shared_data(), ask.values.get("study")
    if data is None or not (data / "hand" / TEST_FOLD).exists():
        raise InputError(
            f"{bundle.name}: needs the folder of real images (with hand/{TEST_FOLD}), not prepared"
            f" arrays; name it with --data{f', not {data}' if data else ''}"
        )
    hands = held_out(data, ask.limit)
    bench.report(0, 1, "held-out hands")
    network = checked(bundle.model("landmarks", bench.device(ask.device)), bundle.name)
    row = figures(*errors_of(network, hands))
    table: dict[str, Any] = {"images": len(hands), "arms": {bundle.name: row}}
    if runs is not None:
        table["arms"] |= study(runs, hands, bench)
    table["provenance"] = made_by(bundle, "landmarks", ask.device)
    return Evaluation(table, markdown(table), measured(table))


def measured(table: dict[str, Any]) -> dict[str, str]:
    """The figures for the model's card."""
    found = {}
    for arm, row in table["arms"].items():
        found[f"{arm}, error on {table['images']} held-out hands"] = (
            f"{in_words(row['error_mm'], 3)} mm; {_counts(row['outliers'].values())} of"
            f" {row['landmarks']} landmarks beyond 2 / 4 / 10 / 20 mm; by the published, truncating"
            f" metric {in_words(row['truncated_error_mm'], 3)} mm"
        )
        if "against_real_mm" in row:
            found[f"{arm}, against real alone"] = f"{in_words(row['against_real_mm'], 3)} mm"
    return found


def study(folder: Path, hands: Mapping[str, tuple[Image, Points]], bench: Bench) -> dict[str, Any]:
    """Runs of a folder, named ARM-SEED (real-0, ddpm-0, ...): each arm's errors over its seeds, and
    its difference from the arm "real" on the same images, by paired bootstrap."""
    runs: dict[str, list[Path]] = {}
    for run in sorted(p.parent for p in folder.glob(f"*/{CHECKPOINT}")):
        arm, _, seed = run.name.rpartition("-")
        if seed.isdigit():
            runs.setdefault(arm, []).append(run)
    if BASE not in runs:
        raise InputError(f"{folder}: holds no run named {BASE}-0, {BASE}-1, ... to compare with")
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    total = sum(len(each) for each in runs.values())
    done = 0
    for arm, each in runs.items():
        for run in each:
            bench.report(done, total, run.name)
            done += 1
            found.setdefault(arm, []).append(errors_of(_network(run), hands))
    arms: dict[str, Any] = {}
    base = np.mean([plain for plain, _ in found[BASE]], axis=0)
    for arm, each_seed in found.items():
        plain = np.concatenate([a for a, _ in each_seed])
        row = figures(plain, np.concatenate([b for _, b in each_seed]), len(each_seed))
        row["seeds"] = len(each_seed)
        row["error_mm_of_each_seed"] = [float(a.mean()) for a, _ in each_seed]
        mean = np.mean([a for a, _ in each_seed], axis=0)
        groups = np.repeat(np.arange(len(mean)), mean.shape[1])
        if arm != BASE:
            row["against_real_mm"] = paired(mean.ravel(), base.ravel(), groups).as_dict()
        arms[arm] = row
    return arms


def markdown(table: dict[str, Any]) -> str:
    """The study, or the one model's figures, as Markdown."""
    lines = [
        f"{table['images']} held-out images (fold 1); mean ± SD [95 % bootstrap over images], mm.",
        "",
        "| | error | > 2 / 4 / 10 / 20 mm | published metric (truncated) | > 2 / 4 / 10 / 20 |"
        " against real |",
        "|---|---|---|---|---|---|",
    ]
    for arm, row in table["arms"].items():
        against = row.get("against_real_mm")
        seeds = f", {row['seeds']} seeds" if "seeds" in row else ""
        lines.append(
            f"| {arm}{seeds} | {in_words(row['error_mm'], 3)} | {_counts(row['outliers'].values())}"
            f" of {row['landmarks']} | {in_words(row['truncated_error_mm'], 3)} |"
            f" {_counts(row['truncated_outliers'].values())} |"
            f" {in_words(against, 3) if against else ''} |"
        )
    return "\n".join(lines) + "\n"


def _counts(values: Sequence[int] | Any) -> str:
    return " / ".join(str(value) for value in values)
