"""Start a training in its own process: one process on the CPU, torchrun on CUDA devices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from xgen_studio.errors import CallError, Cancelled, DeviceError, InputError, XGenError
from xgen_studio.jobs.devices import pick_device
from xgen_studio.paths import RECIPES
from xgen_studio.training.__main__ import FAILURE_FILE
from xgen_studio.training.run import parse_budget


def find_recipe(name: str) -> Path:
    """A recipe file by path, or by its name in resources/recipes."""
    for path in (Path(name), RECIPES / f"{name}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
    raise CallError(f"no recipe '{name}'; there is {known}, or name a TOML file")


def training_command(
    recipe: Path,
    data: Path | None,
    devices: str,
    run: Path,
    resume: bool,
    time_budget: str | None,
    start_from: Path | None = None,
) -> list[str]:
    """The command line that the panel and the terminal start."""
    tail = ["-m", "xgen_studio.training", str(recipe), "--folder", str(run)]
    if data is not None:
        tail += ["--data", str(data)]
    if resume:
        tail.append("--resume")
    if start_from is not None:
        tail += ["--start-from", str(start_from)]
    if time_budget:
        tail += ["--time-budget", time_budget]
    if devices == "cpu":
        return [sys.executable, *tail]
    numbers = devices.replace("cuda:", "").split(",")
    if not all(number.strip().isdigit() for number in numbers):
        raise CallError(f"--devices {devices}: write cpu, or CUDA numbers such as 0,1")
    for number in numbers:
        pick_device(f"cuda:{number.strip()}")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={len(numbers)}"]
    return [sys.executable, *torchrun, *tail, "--device", "cuda"]


def train_recipe(
    recipe: str,
    data: Path | None = None,
    devices: str = "cpu",
    run: Path | None = None,
    resume: bool = False,
    time_budget: str | None = None,
    start_from: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> str:
    """Train in a child process that owns the devices. Ctrl+C reaches it, and it saves and ends.

    Returns a sentence that says where its results are. Raises the child's own error, also where
    torchrun stands between, and Cancelled after Ctrl+C.
    """
    path = find_recipe(recipe)
    if time_budget is not None:
        parse_budget(time_budget)
    if data is not None and not data.is_dir():
        raise InputError(f"{data}: no such folder of arrays; make them with xgen prepare")
    target = run or Path("runs") / path.stem
    command = training_command(path, data, devices, target, resume, time_budget, start_from)
    with tempfile.TemporaryDirectory() as folder:
        failure = Path(folder) / "failure.json"
        child = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, FAILURE_FILE: str(failure)},
        )
        before = signal.signal(signal.SIGINT, lambda *_: child.send_signal(signal.SIGINT))
        last = ""
        try:
            assert child.stderr is not None
            for line in child.stderr:
                last = line.strip() or last
                if line.startswith(("step ", "training ")):
                    report(last)
            code = child.wait()
        finally:
            signal.signal(signal.SIGINT, before)
        if failure.exists():
            word = json.loads(failure.read_text())
            raise ERRORS.get(word["exit_code"], XGenError)(word["message"])
    if code in (130, -signal.SIGINT):
        raise Cancelled("stopped; go on with --resume")
    if code == -signal.SIGKILL:
        raise DeviceError("the training process was killed, most likely for lack of memory")
    if code:
        raise XGenError(f"the training process ended with code {code}: {last}")
    return f"checkpoint, events and samples are in {target}"


ERRORS = {kind.exit_code: kind for kind in (CallError, InputError, DeviceError, Cancelled)}
