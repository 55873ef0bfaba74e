"""`python -m xgen_studio.training RECIPE`: what the panel, the command line and torchrun start."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its threads spin otherwise

from xgen_studio.errors import XGenError
from xgen_studio.training.budget import parse_budget
from xgen_studio.training.run import run_training
from xgen_studio.training.run_folder import RunFolder


def main(arguments: list[str] | None = None) -> int:
    """Train a recipe; returns the exit code of the command-line contract."""
    parser = argparse.ArgumentParser(prog="python -m xgen_studio.training", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path)
    # not --run: torchrun takes that for an abbreviation of its own --run-path
    parser.add_argument("--folder", type=Path, required=True, help="run folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--devices", default="", help="as xgen train names them, for the status")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--start-from", type=Path, help="weights of a bundle (safetensors)")
    parser.add_argument("--time-budget", help="90s, 9m, 2h")
    parser.add_argument("--trust-code", action="store_true", help="the recipe may name any code")
    call = parser.parse_args(arguments)
    if call.resume and not RunFolder(call.folder).trained:
        sys.stderr.write(f"training anew: {call.folder} holds nothing to resume\n")
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: stopped.append(number))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go, the training stays
    try:
        reason = run_training(
            call.recipe,
            call.data,
            call.folder,
            device=call.device,
            devices=call.devices,
            resume=call.resume,
            start_from=call.start_from,
            time_budget=parse_budget(call.time_budget) if call.time_budget else None,
            should_stop=lambda: bool(stopped),
            report=_show,
            trust_code=call.trust_code,
        )
        sys.stderr.write(f"training ended: {reason}\n")
    except XGenError as error:
        sys.stderr.write(f"xgen: {error}\n")
        return error.exit_code
    return 130 if stopped else 0


def _show(event: dict[str, float]) -> None:
    sys.stderr.write(
        f"step {event['step']:.0f}  loss {event.get('loss', float('nan')):.4f}  "
        f"{event['steps_per_second']:.2f} steps/s  {event['seconds']:.0f} s\n"
    )
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
