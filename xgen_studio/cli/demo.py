"""The demo on a terminal."""

from __future__ import annotations

import time
from pathlib import Path

from xgen_studio.cli.console import monitor_on_terminal, say


def show_demo(out: Path) -> None:
    """Run the demo and say where to look."""
    from xgen_studio.jobs.demo import run_demo

    began = time.monotonic()
    with monitor_on_terminal("demo") as monitor:
        page = run_demo(out, monitor)
    say(f"Demo finished in {time.monotonic() - began:.0f} s. Open {page.resolve()}")
