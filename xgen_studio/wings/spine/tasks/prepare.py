"""The spine's training arrays."""

from __future__ import annotations

from pathlib import Path

from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.prepare import write_arrays
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.spine.science.proposal_data import parametric_blocks

PATIENTS = 160  # parametric ones
SEED = 15


def proposal(ask: Prepare, bench: Bench) -> Path:
    """Blocks of parametric spines."""
    path = ask.out / f"{ask.name}.npz"
    check_free([path], ask.overwrite)
    arrays = parametric_blocks(
        PATIENTS, SEED, lambda done, total: bench.report(done, total, "spines")
    )
    return write_arrays(path, arrays)
