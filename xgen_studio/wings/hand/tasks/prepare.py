"""The hand's training arrays, and the gates' statistics and limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from xgen_studio.imaging import atomic_write, make_folder
from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.prepare import real_data, write_arrays
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.hand.science.calibration import calibrate
from xgen_studio.wings.hand.science.preparation import prepare_hands, training_shapes

COPIES = 24  # bent versions of each training hand


def hands(ask: Prepare, bench: Bench) -> Path:
    """Radiographs with their landmarks, real and bent."""
    path = ask.out / f"{ask.name}.npz"
    check_free([path], ask.overwrite)
    arrays = prepare_hands(
        real_data(ask) / "hand", COPIES, lambda done, total: bench.report(done, total, "hands")
    )
    return write_arrays(path, arrays)


def gates(ask: Prepare, bench: Bench) -> Path:
    """Statistics of real hands and the gates' limits, from fold 1's training hands."""
    path = ask.out / "gates.json"
    check_free([path], ask.overwrite)
    shapes = np.stack(list(training_shapes(real_data(ask) / "hand").values()))
    made = calibrate(shapes, lambda done, total: bench.report(done, total, "gates"))
    make_folder(ask.out)
    with atomic_write(path) as temporary:  # 5,000 numbers: a line each is no help
        temporary.write_text(json.dumps(made), encoding="utf-8")
    return path
