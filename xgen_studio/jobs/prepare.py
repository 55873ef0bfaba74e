"""Prepare training arrays: from folders of real images, or simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import atomic_write, make_folder, write_json
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.paths import RESOURCES, shared_data

SETS = ("knee-xray", "knee-xray-outlines", "knee-drr")

TRAIN_SUBJECTS = range(0, 110)
TEST_SUBJECTS = range(1000, 1006)
TRAIN_VIEWS, TEST_VIEWS = 30, 60


def prepare(
    name: str, out: Path, data: Path | None = None, monitor: Monitor | None = None
) -> Path:
    """Write `name`.npz into the folder `out`; real images come from the data folder."""
    monitor = monitor or Monitor()
    if name not in SETS:
        raise CallError(f"no data set is called '{name}'; there is {', '.join(SETS)}")
    make_folder(out)
    if name == "knee-drr":
        arrays = _drr(monitor)
    else:
        folder = data or shared_data()
        if folder is None:
            raise InputError(f"{name} needs real radiographs: name their folder with --data")
        arrays = _xray(name, folder, out, monitor)
    path = out / f"{name}.npz"
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    return path


def _xray(name: str, folder: Path, out: Path, monitor: Monitor) -> dict[str, np.ndarray]:
    from xgen_studio.anatomy.knee.preparation import prepare_outlines, prepare_xray

    if name == "knee-xray-outlines":
        return prepare_outlines(folder, RESOURCES / "knee" / "outlines.json")
    proposer = open_bundle("knee-xray").denoiser("masks")
    arrays, dropped = prepare_xray(
        folder, proposer, lambda done, total: monitor.report(done, total, "radiographs")
    )
    write_json(out / f"{name}-left-out.json", dropped)
    return arrays


def _drr(monitor: Monitor) -> dict[str, np.ndarray]:
    from xgen_studio.anatomy.knee.simulation import simulated_arrays

    total = len(TRAIN_SUBJECTS) + len(TEST_SUBJECTS)
    train = simulated_arrays(
        TRAIN_SUBJECTS, TRAIN_VIEWS, held_out=False,
        progress=lambda done, _: monitor.report(done, total, "simulated knees"),
    )  # fmt: skip
    test = simulated_arrays(
        TEST_SUBJECTS, TEST_VIEWS, held_out=True,
        progress=lambda done, _: monitor.report(
            len(TRAIN_SUBJECTS) + done, total, "simulated knees"
        ),
    )  # fmt: skip
    return {key: np.concatenate([train[key], test[key]]) for key in train}
