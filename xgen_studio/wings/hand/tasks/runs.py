"""Runs of hands: what each was to be, so that window or terminal can finish what the other began.
Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import CallError, InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import write_json
from xgen_studio.tables import from_table
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.tasks.provenance import array_hash
from xgen_studio.wings.hand.science.reading import read_landmarks
from xgen_studio.wings.hand.science.writing import EXACT, write_table
from xgen_studio.wings.hand.tasks.asks import DrawHands
from xgen_studio.wings.hand.tasks.screening import FILE, HEATMAP

__all__ = ["FILE", "HEATMAP", "finishing", "hands_lacking", "note_run", "same_run"]

RUN = "run.json"
TOLD = "told.csv"  # the landmarks that hands are told, so that a run needs no file outside it
TEXTS = ("model", "seed", "method", "sampler", "steps", "shape", "gate")  # as a user says them


@dataclass(frozen=True)
class RunCard:
    """What `run.json` says of a run."""

    model: str
    count: int
    seed: int
    method: str = ""
    sampler: str = ""
    steps: int = 0
    shape: str = ""
    gate: str = ""
    landmarks: str = ""  # a table in the run's folder
    landmarks_sha256: str = ""  # of their places


def _as_table(ask: DrawHands) -> dict[str, Any]:
    d, told = ask.drawing, list(read_landmarks(ask.landmarks).values()) if ask.landmarks else []
    card = RunCard(
        d.model,
        ask.count,
        d.seed,
        d.method or "",
        d.sampler or "",
        d.steps or 0,
        str(d.options.get("shape") or ""),
        ask.gate,
        TOLD if told else "",
        array_hash(np.stack(told)) if told else "",
    )
    return vars(card)


def read_run(folder: Path) -> RunCard | None:
    """What the run of a folder was to be; None where nothing sound says so."""
    try:
        return from_table(RunCard, read_json(folder / RUN), str(folder / RUN))
    except InputError:
        return None


def note_run(ask: DrawHands) -> None:
    """Write down what a run is to be, and the landmarks it is told, without their ids, which may be
    anything. They are exact: what is told again is told the same."""
    if ask.landmarks:
        hands = read_landmarks(ask.landmarks).values()
        write_table(ask.folder / TOLD, {f"{i:03d}": p for i, p in enumerate(hands)}, EXACT)
    write_json(ask.folder / RUN, _as_table(ask))


def hands_lacking(folder: Path) -> int:
    """How many hands a run was to have beside those that are there."""
    card = read_run(folder)
    return card.count - len(drawn_already(folder, card.count)) if card is not None else 0


def drawn_already(folder: Path, count: int) -> frozenset[int]:
    """The hands of a run that are whole."""
    pairs = {i: f"{i:03d}" for i in range(count)}
    return frozenset(
        i
        for i, name in pairs.items()
        if (folder / f"{name}.png").exists() and (folder / f"{name}{HEATMAP}").exists()
    )


def finishing(folder: Path, device: str = "cpu", gate: str = "") -> DrawHands:
    """The request that finishes an interrupted run; InputError where there is none."""
    card = read_run(folder)
    if card is None:
        raise InputError(f"{folder}: holds no {RUN}; only runs that say what they were to be go on")
    have = drawn_already(folder, card.count)
    options = {"shape": card.shape} if card.shape else {}
    drawing = Drawing(
        card.model,
        card.method or None,
        card.sampler or None,
        card.steps or None,
        card.seed,
        options,
        device,
    )
    landmarks = (
        folder / card.landmarks if card.landmarks else None
    )  # absolute ones stay so: old runs
    return DrawHands(drawing, card.count, folder, card.gate or gate, landmarks, have)


def same_run(ask: DrawHands) -> DrawHands:
    """The request, judged as the run of its folder is. CallError where that holds hands of another
    model or other seeds: no run is mixed."""
    card = read_run(ask.folder)
    if card is None:
        return ask
    now = RunCard(**_as_table(replace(ask, gate=ask.gate or card.gate)))
    for name in (*TEXTS, "landmarks_sha256"):
        if (was := getattr(card, name)) != getattr(now, name):
            said = f"{name} ({was or 'none'})" if name in TEXTS else "set of landmarks"
            raise CallError(
                f"{ask.folder}: is a run of another {said};"
                " finish it with xgen finish, or name another folder with -o"
            )
    return replace(ask, gate=now.gate)
