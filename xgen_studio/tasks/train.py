"""Start a training in a process and a session of its own, and follow it through its run folder.

It outlives whoever started it: window and terminal may be killed, and both find it again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xgen_studio.errors import CallError, Cancelled, DeviceError, InputError, XGenError
from xgen_studio.imaging import make_folder
from xgen_studio.tasks.devices import pick_device
from xgen_studio.training.known import remember
from xgen_studio.training.run import parse_budget
from xgen_studio.training.run_folder import (
    FAILED,
    LOG,
    OVER,
    RECIPE,
    RUNNING,
    STATUS,
    STOP,
    RunFolder,
)
from xgen_studio.wings import wings

LOOK = 0.2  # seconds between two looks into the run folder
ERRORS = {kind.exit_code: kind for kind in (CallError, InputError, DeviceError, Cancelled)}


@dataclass(frozen=True)
class Start:
    """A training somebody wants: a recipe's name or file, prepared arrays, devices."""

    recipe: str
    data: Path | None = None
    devices: str = "cpu"  # cpu, or CUDA numbers such as 0,1
    run: Path | None = None  # runs/RECIPE
    resume: bool = False
    time_budget: str | None = None
    start_from: Path | None = None
    trust_code: bool = False


def find_recipe(name: str) -> Path:
    """A recipe file by path, or by the name under which a wing ships it."""
    if Path(name).is_file():
        return Path(name)
    known = {key: path for one in wings() for key, path in one.recipes.items()}
    if name in known:
        return known[name]
    raise CallError(f"no recipe '{name}'; there is {', '.join(sorted(known))}, or name a TOML file")


def training_command(start: Start, recipe: Path, run: Path) -> list[str]:
    """The command line of the training's process."""
    tail = ["-m", "xgen_studio.training", str(recipe), "--folder", str(run)]
    if start.data is not None:
        tail += ["--data", str(start.data)]
    if start.start_from is not None:
        tail += ["--start-from", str(start.start_from)]
    if start.time_budget:
        tail += ["--time-budget", start.time_budget]
    tail += ["--resume"] if start.resume else []
    tail += ["--trust-code"] if start.trust_code else []
    if start.devices == "cpu":
        return [sys.executable, *tail]
    numbers = start.devices.replace("cuda:", "").split(",")
    if not all(number.strip().isdigit() for number in numbers):
        raise CallError(f"--devices {start.devices}: write cpu, or CUDA numbers such as 0,1")
    for number in numbers:
        pick_device(f"cuda:{number.strip()}")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={len(numbers)}"]
    return [sys.executable, *torchrun, *tail, "--device", "cuda"]


@dataclass
class Started:
    """A training that runs, and its process, whose end its starter can see sooner than others."""

    folder: RunFolder
    process: subprocess.Popen[bytes]
    fresh: bool  # its folder was made for it

    def ended(self) -> bool:
        """Whether the process is over."""
        return self.process.poll() is not None


def start_training(start: Start) -> Started:
    """Start a training; CallError and InputError for what can be told beforehand."""
    recipe = find_recipe(start.recipe)
    if start.time_budget is not None:
        parse_budget(start.time_budget)
    if start.data is not None and not start.data.is_dir():
        raise InputError(f"{start.data}: no such folder of arrays; make them with xgen prepare")
    run = start.run or Path("runs") / recipe.stem
    command = training_command(start, recipe, run)
    folder = RunFolder(run)
    if folder.trained and not start.resume:
        raise InputError(
            f"{run}: holds a training already; add --resume, or name another run folder"
        )
    if (run / STATUS).is_file() and folder.status().state not in OVER:
        raise InputError(
            f"{run}: a training runs in this folder; stop it (xgen runs --stop {run}), or name"
            " another"
        )
    fresh = not run.exists()
    make_folder(run)
    with open(run / LOG, "ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # neither Ctrl+C nor the end of a terminal reaches it
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    remember(run)
    return Started(folder, process, fresh)


def follow(started: Started, report: Callable[[str], None] = lambda line: None) -> str:
    """Watch a training until it ends; Ctrl+C asks it to save and end. Returns a sentence that says
    where its results are; raises the training's own error, and Cancelled after Ctrl+C."""
    folder, read = started.folder, started.folder.events()[1] if not started.fresh else 0
    began = time.time()
    with _interrupts() as stopped:
        asked = False
        while not started.ended():
            if stopped and not asked:
                folder.ask(STOP)
                asked = True
                report("stopping: the training saves first")
            read = _tell(folder, read, report)
            time.sleep(LOOK)
    _tell(folder, read, report)
    code = started.process.returncode
    spoke = _spoke(folder, began)
    status = folder.status()
    if spoke and status.state == FAILED:
        raise ERRORS.get(status.exit_code, XGenError)(status.reason)
    if code:
        last = next((line for line in reversed(folder.log()) if line.strip()), "")
        if started.fresh and not (folder.path / RECIPE).exists():
            shutil.rmtree(folder.path, ignore_errors=True)  # it never began
        if code in ERRORS and last.startswith("xgen: "):
            raise ERRORS[code](last.removeprefix("xgen: "))
        if code == -signal.SIGKILL:
            raise DeviceError("the training process was killed, most likely for lack of memory")
        if not stopped:
            raise XGenError(f"the training process ended with code {code}: {last}")
    if stopped:
        raise Cancelled("stopped; go on with --resume")
    return f"{status.reason}; checkpoint, events and samples are in {folder.path}"


def _spoke(folder: RunFolder, began: float) -> bool:
    """Whether the status is of this sitting, not of one before."""
    try:
        return (folder.path / STATUS).stat().st_mtime >= began - 1
    except OSError:
        return False


def _tell(folder: RunFolder, read: int, report: Callable[[str], None]) -> int:
    """Report the events behind a byte; where a resumed training forgot some, those after."""
    events, read = folder.events(min(read, folder.events_size()))
    for event in events:
        if "loss" in event:
            report(in_words(event))
    return read


def in_words(event: dict[str, float]) -> str:
    """An event of a training as a line."""
    extra = "".join(
        f"  {key} {value:.4g}"
        for key, value in event.items()
        if key not in ("step", "loss", "rate", "seconds", "steps_per_second")
    )
    return (
        f"step {event['step']:.0f}  loss {event['loss']:.4f}{extra}"
        f"  {event.get('steps_per_second', 0):.2f} steps/s  {event.get('seconds', 0):.0f} s"
    )


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that Ctrl+C fills."""
    stopped: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: stopped.append(number))
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def run_in_words(folder: RunFolder) -> str:
    """Where a training stands, as a line."""
    status = folder.status()
    silence = folder.silence()
    far = f"step {status.step:,}" + (f" of {status.steps:,}" if status.steps else "")
    seen = "" if status.state in OVER else f", last sign of life {silence:.0f} s ago"
    why = f" ({status.reason})" if status.reason and status.state != RUNNING else ""
    return f"{status.state:8} {folder.path}: {far}{seen}{why}"
