"""What the Train page shows, read from run folders on another thread."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from xgen_studio.studio.panels.jobs import duration
from xgen_studio.training.known import known_runs
from xgen_studio.training.run_folder import OVER, PAUSED, RUNNING, STARTING, RunFolder, Status

LOG_LINES = 200


@dataclass(frozen=True)
class Seen:
    """One training in the list."""

    path: Path
    status: Status
    silence: float  # seconds since the last sign of life


@dataclass(frozen=True)
class Look:
    """What one look saw: all trainings, and of the chosen one all there is."""

    runs: tuple[Seen, ...]
    chosen: Path | None
    events: tuple[dict[str, Any], ...]
    log: tuple[str, ...]
    sample: Path | None


def look(chosen: Path | None) -> Look:
    """Look into all run folders that are known, and closely into one."""
    runs = tuple(Seen(run.path, run.status(), run.silence()) for run in known_runs())
    if chosen is None:
        return Look(runs, None, (), (), None)
    folder = RunFolder(chosen)
    samples = folder.samples()
    return Look(
        runs,
        chosen,
        tuple(folder.events()[0]),
        tuple(folder.log(LOG_LINES)),
        samples[-1] if samples else None,
    )


def sentence(seen: Seen, rate: float) -> str:
    """Where a training stands; `rate` in steps a second, 0 where it is not known."""
    status = seen.status
    if status.state == STARTING:
        return "It loads its data ..."
    far = f"Step {status.step:,}" + (f" of {status.steps:,}" if status.steps else "")
    text = f"{far}, {duration(status.seconds)} of training"
    if status.device:
        text += f" on {status.device}"
    if status.state == RUNNING and rate > 0:
        text += f", {rate:.3g} steps/s"
        if status.steps > status.step:
            text += f", {duration((status.steps - status.step) / rate)} left"
    if status.state not in OVER and 10 < seen.silence < inf:
        text += f"; last sign of life {duration(seen.silence)} ago"
    if status.state in OVER and status.reason:
        text += f". {status.reason[0].upper()}{status.reason[1:]}"
    if status.state == PAUSED:
        text += "; paused, its checkpoint is saved"
    return text + "."
