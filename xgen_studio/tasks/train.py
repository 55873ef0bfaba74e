"""Start a training in a process and a session of its own, and follow it through its run folder.

It outlives whoever started it: window and terminal may be killed, and both find it again.
"""

from __future__ import annotations

import os
import re
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
from xgen_studio.registry import wings
from xgen_studio.training.budget import parse_budget
from xgen_studio.training.known import remember
from xgen_studio.training.run_folder import ASK, FAILED, LOG, OVER, RUNNING, STATUS, STOP, RunFolder

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


def cuda_numbers(devices: str) -> list[int]:
    """The numbers in '0,1' or 'cuda:0,cuda:1'; CallError where it says something else."""
    numbers = [number.strip() for number in devices.replace("cuda:", "").split(",")]
    if not all(number.isdecimal() for number in numbers) or len(set(numbers)) < len(numbers):
        raise CallError(f"--devices {devices}: write cpu, or CUDA numbers such as 0,1")
    return [int(number) for number in numbers]


def training_environment(devices: str) -> dict[str, str]:
    """The environment of the training's process: it sees the chosen CUDA devices, and no others.
    Where this process itself sees only some, the numbers count among those."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if devices != "cpu":
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        names = [name.strip() for name in seen.split(",") if name.strip()]
        chosen = cuda_numbers(devices)
        if names and max(chosen) >= len(names):
            raise DeviceError(f"--devices {devices}: CUDA_VISIBLE_DEVICES shows {len(names)} only")
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(
            names[n] if names else str(n) for n in chosen
        )
    return environment


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
    count = len(cuda_numbers(start.devices))
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    return [sys.executable, *torchrun, *tail, "--device", "cuda", "--devices", start.devices]


@dataclass
class Started:
    """A training that runs, and its process, whose end its starter can see sooner than others."""

    folder: RunFolder
    process: subprocess.Popen[bytes]
    fresh: bool  # its folder was made for it
    began: float  # time of day, s
    said: int  # bytes of the log before it

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
    environment = training_environment(start.devices)
    folder = RunFolder(run)
    folder.check_resume(start.resume)
    if (run / STATUS).is_file() and folder.status().state not in OVER:
        raise InputError(
            f"{run}: a training runs in this folder; stop it (xgen runs --stop {run}), or name"
            " another"
        )
    fresh, began = not run.exists(), time.time()
    make_folder(run)
    (run / ASK).unlink(missing_ok=True)  # what was asked of a training that was killed
    with open(run / LOG, "ab") as log:
        said = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # neither Ctrl+C nor the end of a terminal reaches it
            env=environment,
        )
    folder.announce(process.pid, start.devices)
    remember(run)
    return Started(folder, process, fresh, began, said)


def follow(started: Started, report: Callable[[str], None] = lambda line: None) -> str:
    """Watch a training until it ends; Ctrl+C asks it to save and end. Returns a sentence that says
    where its results are; raises the training's own error, and Cancelled after Ctrl+C."""
    folder, read = started.folder, started.folder.events()[1] if not started.fresh else 0
    with _interrupts() as stopped:
        asked = 0
        while not started.ended():
            if len(stopped) > asked:  # every Ctrl+C asks
                folder.ask(STOP)
                asked = len(stopped)
                report("stopping: the training saves first")
            read = _tell(folder, read, report)
            time.sleep(LOOK)
    _tell(folder, read, report)
    if (error := trouble(started)) is not None and not (stopped and type(error) is XGenError):
        raise error
    if stopped:
        raise Cancelled("stopped; go on with --resume")
    return f"{folder.status().reason}; checkpoint, events and samples are in {folder.path}"


def trouble(started: Started) -> XGenError | None:
    """What a training that ended died of; None where all is well, or it was asked to stop."""
    folder, code = started.folder, started.process.returncode
    status = folder.status()
    if code in (0, Cancelled.exit_code):
        return None
    log = _log(started)
    if status.state == FAILED and _spoke(started):
        code, reason = status.exit_code, status.reason
    elif own := re.findall(r"^xgen: (.+)$", log, re.MULTILINE):
        reason = own[-1]  # torchrun, which may stand between, says much more, and exits with 1
        code = int(next(iter(re.findall(r"exitcode *: *(\d+)", log)), code))
    elif code == -signal.SIGKILL:
        reason = "the training process was killed, most likely for lack of memory"
        code = DeviceError.exit_code
    else:
        lines = [line for line in log.splitlines() if line.strip()]
        reason = f"the training process ended with code {code}: {(lines or [''])[-1]}"
    if started.fresh and code in ERRORS and not folder.trained and not folder.events_size():
        shutil.rmtree(folder.path, ignore_errors=True)  # it never began
    return ERRORS.get(code, XGenError)(reason)


def _log(started: Started) -> str:
    """What this sitting said."""
    try:
        with open(started.folder.path / LOG, "rb") as file:
            file.seek(started.said)
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _spoke(started: Started) -> bool:
    """Whether the status is of this sitting, not of one before."""
    try:
        return (started.folder.path / STATUS).stat().st_mtime >= started.began - 1
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
