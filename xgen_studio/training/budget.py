"""How long a training may take, as people write it. Loads no torch."""

from __future__ import annotations

import math

from xgen_studio.errors import CallError


def parse_budget(text: str) -> float:
    """'90s', '9m', '2h' or plain seconds -> seconds; CallError for anything else."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise CallError(f"time budget '{text}': write 90s, 9m or 2h")
    return seconds
