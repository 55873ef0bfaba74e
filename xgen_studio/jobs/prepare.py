"""Prepare training arrays: from folders of real images, or simulated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import atomic_write, make_folder, write_json
from xgen_studio.jobs.job import Monitor
from xgen_studio.jobs.models import open_bundle
from xgen_studio.paths import RESOURCES, shared_data

SETS = ("knee-xray", "knee-xray-outlines", "knee-drr", "hand", "hand-gate")
HAND_COPIES = 24  # bent versions of each training hand

TRAIN_SUBJECTS = range(0, 110)
TEST_SUBJECTS = range(1000, 1020)  # intervals are over subjects: many, at fewer angles each
TRAIN_VIEWS, TEST_VIEWS = 30, 20


def prepare(
    name: str,
    out: Path,
    data: Path | None = None,
    monitor: Monitor | None = None,
    held_out_only: bool = False,
) -> Path:
    """Write `name`.npz (of "hand-gate": gates.json) into the folder `out`; real images come from
    the data folder.

    With `held_out_only` the simulated set holds its test subjects alone, which is quick.
    """
    monitor = monitor or Monitor()
    if name not in SETS:
        raise CallError(f"no data set is called '{name}'; there is {', '.join(SETS)}")
    if name == "knee-drr":
        arrays = _drr(monitor, held_out_only)
    else:
        folder = data or shared_data()
        if folder is None:
            raise InputError(f"{name} needs real radiographs: name their folder with --data")
        made = {"hand": _hands, "hand-gate": _gates}.get(name, _xray)
        arrays = made(name, folder, out, monitor)
    make_folder(out)
    if name == "hand-gate":
        with atomic_write(out / "gates.json") as temporary:  # 5,000 numbers: a line each is no help
            temporary.write_text(json.dumps(arrays), encoding="utf-8")
        return out / "gates.json"
    path = out / f"{name}.npz"
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    return path


def _hands(_name: str, folder: Path, _out: Path, monitor: Monitor) -> dict[str, np.ndarray]:
    from xgen_studio.anatomy.hand.preparation import prepare_hands

    return prepare_hands(
        folder / "hand", HAND_COPIES, lambda done, total: monitor.report(done, total, "hands")
    )


def _gates(_name: str, folder: Path, _out: Path, monitor: Monitor) -> dict[str, Any]:
    """Statistics of real hands and the gates' limits, from fold 1's training hands."""
    from xgen_studio.anatomy.hand.calibration import calibrate
    from xgen_studio.anatomy.hand.preparation import training_shapes

    hands = np.stack(list(training_shapes(folder / "hand").values()))
    return calibrate(hands, lambda done, total: monitor.report(done, total, "gates"))


def _xray(name: str, folder: Path, out: Path, monitor: Monitor) -> dict[str, np.ndarray]:
    from xgen_studio.anatomy.knee.preparation import prepare_outlines, prepare_xray

    if name == "knee-xray-outlines":
        return prepare_outlines(folder, RESOURCES / "knee" / "outlines.json")
    proposer = open_bundle("knee-xray").denoiser("masks")
    arrays, dropped = prepare_xray(
        folder, proposer, lambda done, total: monitor.report(done, total, "radiographs")
    )
    make_folder(out)
    write_json(out / f"{name}-left-out.json", dropped)
    return arrays


def arrays_for(name: str, data: Path | None, out: Path, monitor: Monitor) -> Path:
    """A folder that holds `name`.npz: the data folder itself, or `out`/arrays, made now."""
    if data is not None and (data / f"{name}.npz").exists():
        return data
    raw = data if data is not None and (data / "knee").is_dir() else None
    if data is not None and raw is None:
        raise InputError(
            f"{data}: holds neither {name}.npz (make it with xgen prepare {name}) nor the"
            " radiographs to make it from (knee/xray)"
        )
    folder = out / "arrays"
    prepare(name, folder, raw, monitor, held_out_only=True)
    if name == "knee-xray":
        prepare(f"{name}-outlines", folder, raw, monitor)
    return folder


def _drr(monitor: Monitor, held_out_only: bool) -> dict[str, np.ndarray]:
    from xgen_studio.anatomy.knee.simulation import simulated_arrays

    def made(subjects: range, views: int, held_out: bool) -> dict[str, np.ndarray]:
        kind = "test" if held_out else "training"
        return simulated_arrays(
            subjects,
            views,
            held_out,
            lambda done, total: monitor.report(done, total, f"simulated {kind} knees"),
        )

    test = made(TEST_SUBJECTS, TEST_VIEWS, held_out=True)
    if held_out_only:
        return test
    train = made(TRAIN_SUBJECTS, TRAIN_VIEWS, held_out=False)
    return {key: np.concatenate([train[key], test[key]]) for key in train}
