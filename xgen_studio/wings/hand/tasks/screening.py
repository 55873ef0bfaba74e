"""Screen hands: judge pairs of radiograph and heatmap, or real landmarks rendered as heatmaps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xgen_studio
from xgen_studio.errors import CallError, InputError
from xgen_studio.evaluation.statistics import wilson
from xgen_studio.foreign import read_json
from xgen_studio.imaging import (
    brightness_up,
    file_hash,
    make_folder,
    picture_size,
    read_image,
    spelled,
    write_json,
)
from xgen_studio.imaging.formats.raster import COLOUR_NOTE
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.hand.science.calibration import GRID, all_right, seen
from xgen_studio.wings.hand.science.gate import MOST_PEAKS, Gate, Screening, load_gate
from xgen_studio.wings.hand.science.labelling import Labels
from xgen_studio.wings.hand.science.landmarks import COUNT
from xgen_studio.wings.hand.science.measures import UNITS, merged_pairs
from xgen_studio.wings.hand.science.norms import framing
from xgen_studio.wings.hand.science.peaks import Peaks, find_peaks
from xgen_studio.wings.hand.science.reading import read_landmarks
from xgen_studio.wings.hand.tasks.asks import Screen

HEATMAP = "_heatmap.png"
FILE = "screening.json"
HASH = "heatmap_sha256"
CENTRE = 0.5  # files have pixel centres at whole numbers, as landmark tables do; `Peaks` the edges
BATCH = 200  # hands between two reports


def read_heatmap(path: Path) -> NDArray[np.float64]:
    """A heatmap (H, W) in [0, 1] from a grey 8- or 16-bit picture."""
    image = read_image(path)
    pixels = brightness_up(image)
    if COLOUR_NOTE in image.notes:
        raise InputError(f"{path}: is in colour; a heatmap is grey, brightest at the landmarks")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: a heatmap is an 8- or 16-bit grey picture, not {pixels.dtype}")
    if min(pixels.shape) < 32:
        raise InputError(
            f"{path}: has {pixels.shape[1]} x {pixels.shape[0]} px; a heatmap of 37 landmarks needs"
            " more (the paper's have 256 x 256)"
        )
    return pixels / float(np.iinfo(pixels.dtype).max)


def find_pairs(folder: Path) -> list[tuple[str, Path]]:
    """(id, heatmap) of every pair in a folder; InputError where a radiograph has no heatmap, or one
    of another size. Heatmaps alone are judged where there is no radiograph at all; beside
    radiographs one alone was cut off while it was written."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    files = [p for p in folder.glob("*.png") if not p.name.startswith(".")]  # no unfinished ones
    pictures = {p.stem: p for p in files if not p.name.endswith(HEATMAP)}
    heatmaps = {p.name.removesuffix(HEATMAP): p for p in files if p.name.endswith(HEATMAP)}
    if not heatmaps:
        raise InputError(f"{folder}: holds no NAME{HEATMAP}; make pairs with xgen generate")
    if alone := sorted(set(pictures) - set(heatmaps)):
        more = f" ({len(alone)} radiographs have none)" if len(alone) > 1 else ""
        raise InputError(f"{folder}: {alone[0]}{HEATMAP} is missing{more}")
    for id, picture in pictures.items():
        sizes = [picture_size(picture), picture_size(heatmaps[id])]
        if sizes[0] != sizes[1]:
            (w, h), (w2, h2) = sizes
            raise InputError(f"{picture}: has {w} x {h} px, its heatmap {w2} x {h2}: not a pair")
    return sorted((id, path) for id, path in heatmaps.items() if id in pictures or not pictures)


def _peaks_of(path: Path) -> tuple[Peaks, tuple[int, int]]:
    """The peaks of a heatmap file, and its size (rows, columns)."""
    heatmap = read_heatmap(path)
    return find_peaks(heatmap, MOST_PEAKS), (heatmap.shape[0], heatmap.shape[1])


def judge_file(gate: Gate, id: str, heatmap: Path) -> Screening:
    """Judge one hand by its heatmap file, as a folder of them is judged."""
    peaks, grid = _peaks_of(heatmap)
    [judged] = gate.judge([id], [peaks], grid)
    return judged


def screen(ask: Screen, bench: Bench) -> Iterator[str]:
    """Judge; tells what was found in words."""
    if (ask.folder is None) == (ask.landmarks is None):
        raise CallError("name a folder of pairs, or a table with --landmarks")
    gate = load_gate(ask.gate)
    check_free([ask.out / FILE], ask.overwrite)
    if ask.landmarks is not None:
        yield _screen_table(gate, ask.landmarks, ask.out, bench)
    else:
        assert ask.folder is not None
        yield screen_folder(gate, ask.folder, ask.out, bench)


def screen_folder(gate: Gate, folder: Path, out: Path, bench: Bench) -> str:
    """Judge every pair of a folder; writes `screening.json`, returns what was found in words."""
    found: list[Screening] = []
    hands: list[tuple[str, Peaks, tuple[int, int]]] = []
    pairs = find_pairs(folder)
    if odd := [id for id, _ in pairs if spelled(id) != id]:
        raise InputError(f"{folder}: the name {spelled(odd[0])} is no UTF-8; rename the pair")
    with ThreadPoolExecutor(2) as pool:  # pictures are decoded outside Python's lock
        read = pool.map(_peaks_of, [path for _, path in pairs])
        try:
            for done, ((id, _), (peaks, grid)) in enumerate(zip(pairs, read, strict=True)):
                bench.report(done, len(pairs), "peaks")
                hands.append((id, peaks, grid))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for grid, group in groupby(sorted(hands, key=lambda hand: hand[2]), key=lambda hand: hand[2]):
        some = list(group)
        for first in range(0, len(some), BATCH):
            bench.report(len(found), len(pairs), "labelling")
            part = some[first : first + BATCH]
            found += gate.judge([id for id, _, _ in part], [peaks for _, peaks, _ in part], grid)
    found.sort(key=lambda screening: screening.id)
    make_folder(out)
    write_json(out / FILE, as_table(gate, found, folder), indent=None)
    return in_words(gate, found)


def _screen_table(gate: Gate, table: Path, out: Path, bench: Bench) -> str:
    """Judge real landmark sets; landmarks come back in the pixels of the table."""
    hands = read_landmarks(table)
    found: list[Screening] = []
    extra: dict[str, dict[str, Any]] = {}
    ids = list(hands)
    for first in range(0, len(ids), BATCH):
        bench.report(first, len(ids), "hands")
        part = ids[first : first + BATCH]
        frames = [framing(hands[id], GRID) for id in part]
        placed = [
            hands[id] * scale + offset for id, (scale, offset) in zip(part, frames, strict=True)
        ]
        judged = gate.judge(part, [seen(points) for points in placed], GRID)
        for screening, truth, (scale, offset) in zip(judged, placed, frames, strict=True):
            extra[screening.id] = {
                "all_labels_right": all_right(screening, truth),
                "landmarks": _plain((screening.landmarks - offset) / scale),
                **_peaks(screening, scale, offset),
            }
        found += judged
    made = as_table(gate, found)
    for sample in made["samples"]:
        sample |= extra[sample["id"]]
    right = sum(e["all_labels_right"] for e in extra.values())
    made["all_labels_right"] = right
    make_folder(out)
    write_json(out / FILE, made, indent=None)
    return f"{in_words(gate, found)}\nall 37 labels right: {right} of {len(found)}"


def as_table(gate: Gate, found: Sequence[Screening], folder: Path | None = None) -> dict[str, Any]:
    """The content of `screening.json`: decisions with their reasons and metrics, and how many real
    hands pass the very same gate; of a folder of pairs, which heatmaps were judged, too."""
    accepted = sum(s.accepted for s in found)
    passed, n = gate.real_rate()
    return {
        "gate": gate.name,
        "accepted": accepted,
        "total": len(found),
        "interval95": wilson(accepted, len(found)),
        "real_hands": {
            "passed": passed,
            "total": n,
            "interval95": wilson(passed, n),
            "how": gate.how_real,
        },
        "limits": {
            c.code: {
                "metric": c.metric,
                "limit": c.limit,
                "unit": UNITS[c.metric],
                "at_least": c.at_least,
            }
            for c in gate.checks
        },
        "xgen_studio": xgen_studio.__version__,
        "samples": [
            as_sample(s) | ({HASH: heatmap_hash(folder, s.id)} if folder is not None else {})
            for s in found
        ],
    }


def heatmap_hash(folder: Path, id: str) -> str:
    """What tells a hand's heatmap file from another one of the same name; "" where there is none:
    a screening may be kept apart from its pairs."""
    path = folder / f"{id}{HEATMAP}"
    return file_hash(path)[:16] if path.exists() else ""


def read_screening(path: Path) -> tuple[str, list[Screening]]:
    """The gate's name and the hands of a `screening.json`; InputError where it is none, or where a
    heatmap beside it is not the one that was judged."""
    table = read_json(path)
    try:
        found = [_from_sample(sample) for sample in table["samples"]]
        hashes = {str(s["id"]): str(s[HASH]) for s in table["samples"] if HASH in s}
        gate = str(table["gate"])
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise InputError(
            f"{path}: cannot be read as a screening ({error!r}); make it again with xgen screen"
        ) from error
    for id, judged in hashes.items():
        if heatmap_hash(path.parent, id) not in (judged, ""):
            raise InputError(
                f"{path.parent / id}{HEATMAP}: is not the heatmap that was judged; judge the folder"
                " again with xgen screen"
            )
    return gate, found


def _from_sample(sample: dict[str, Any]) -> Screening:
    """The hand that `as_sample` wrote; ValueError where it cannot have."""
    id = str(sample["id"])
    if Path(id).name != id or set(sample["metrics"]) != set(UNITS):
        raise ValueError(f"hand {id} has other metrics, or no plain name")
    metrics = {k: float("nan") if v is None else float(v) for k, v in sample["metrics"].items()}
    peaks = np.array(sample["peaks"], dtype=float).reshape(-1, 3)
    numbers = np.array(sample["labels"], dtype=np.intp)
    if numbers.shape != (COUNT,) or numbers.max() >= len(peaks):
        raise ValueError(f"hand {id} has {len(numbers)} labels of {len(peaks)} peaks")
    labels = Labels(numbers, metrics["edges"])
    halves = np.array(sample["halves"], dtype=float).reshape(len(peaks), 2, 2) + CENTRE
    return Screening(
        id,
        tuple(sample["reasons"]),
        tuple(sample["details"]),
        metrics,
        np.array(sample["landmarks"], dtype=float).reshape(COUNT, 2) + CENTRE,
        labels,
        Peaks(peaks[:, :2] + CENTRE, peaks[:, 2], halves),
    )


def as_sample(screening: Screening) -> dict[str, Any]:
    """One hand of `screening.json`. Landmarks and peaks are in px, pixel
    centres at whole numbers; null is what was not measured."""
    return {
        "id": screening.id,
        "accepted": screening.accepted,
        "reasons": list(screening.reasons),
        "details": list(screening.details),
        "metrics": {k: _number(v) for k, v in screening.metrics.items()},
        "landmarks": _plain(screening.landmarks - CENTRE),
        "labels": screening.labels.peaks.tolist(),
        "merged": [list(pair) for pair in merged_pairs(screening.labels)],
        **_peaks(screening, 1.0, CENTRE),
    }


def _peaks(
    screening: Screening, scale: float, offset: float | NDArray[np.float64]
) -> dict[str, Any]:
    """Peaks as x, y, height, and the halves of each, in the pixels of the file:
    (place - offset) / scale."""
    peaks = screening.peaks
    places = _plain((peaks.places - offset) / scale)
    halves = np.empty((0, 2, 2)) if peaks.halves is None else (peaks.halves - offset) / scale
    return {
        "peaks": [[*p, _number(h)] for p, h in zip(places, peaks.heights, strict=True)],
        "halves": [_plain(pair) for pair in halves],
    }


def judged_before(gate: Gate, folder: Path, numbers: Iterable[int]) -> dict[str, Screening]:
    """What a folder's screening by the same gate says of hands with these numbers, by id."""
    ids = {f"{i:03d}" for i in numbers}
    try:
        name, found = read_screening(folder / FILE)
    except InputError:
        return {}
    return {one.id: one for one in found if one.id in ids} if name == gate.name else {}


def in_words(gate: Gate, found: Sequence[Screening]) -> str:
    """For the terminal: how many, why not the others, and how real hands fare."""
    accepted, total = sum(s.accepted for s in found), len(found)
    passed, n = gate.real_rate()
    reasons = Counter(reason for s in found for reason in s.reasons)
    lines = [
        f"gate {gate.name}: {accepted} of {total} accepted ({_percent(accepted, total)});"
        f" of real hands {passed} of {n} pass ({_percent(passed, n)})"
    ]
    if reasons:
        lines.append("reasons: " + ", ".join(f"{k} {v}" for k, v in reasons.most_common()))
    return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{100 * part / max(whole, 1):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def _plain(points: NDArray[np.float64]) -> list[list[float | None]]:
    return [[_number(x), _number(y)] for x, y in points]
