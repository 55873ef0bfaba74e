"""Runs of hands: what each was to be, so that window or terminal can finish what the other began.
Loads no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import write_json
from xgen_studio.tables import from_table
from xgen_studio.tasks.drawing import Drawing
from xgen_studio.wings.hand.tasks.asks import DrawHands
from xgen_studio.wings.hand.tasks.screening import FILE, HEATMAP

__all__ = ["FILE", "HEATMAP", "finishing", "hands_lacking", "note_run", "same_run"]

RUN = "run.json"


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
    landmarks: str = ""


def _as_table(ask: DrawHands) -> dict[str, Any]:
    d = ask.drawing
    card = RunCard(
        d.model,
        ask.count,
        d.seed,
        d.method or "",
        d.sampler or "",
        d.steps or 0,
        str(d.options.get("shape") or ""),
        ask.gate,
        str(ask.landmarks.resolve()) if ask.landmarks else "",
    )
    return vars(card)


def read_run(folder: Path) -> RunCard | None:
    """What the run of a folder was to be; None where nothing sound says so."""
    try:
        table = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return from_table(RunCard, table, str(folder / RUN))
    except (OSError, ValueError, RecursionError, InputError):
        return None


def note_run(ask: DrawHands) -> None:
    """Write down what a run is to be."""
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
    landmarks = Path(card.landmarks) if card.landmarks else None
    return DrawHands(drawing, card.count, folder, card.gate or gate, landmarks, have)


def same_run(ask: DrawHands) -> DrawHands:
    """The request, judged as the run of its folder is. CallError where that holds hands of another
    model or other seeds: no run is mixed."""
    card = read_run(ask.folder)
    if card is None:
        return ask
    now = RunCard(**_as_table(replace(ask, gate=ask.gate or card.gate)))
    for name in ("model", "seed", "method", "sampler", "steps", "shape", "gate", "landmarks"):
        if getattr(card, name) != getattr(now, name):
            raise CallError(
                f"{ask.folder}: is a run of another {name} ({getattr(card, name) or 'none'});"
                " finish it with xgen finish, or name another folder with -o"
            )
    return replace(ask, gate=now.gate)
