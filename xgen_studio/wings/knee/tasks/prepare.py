"""The knee's training arrays: real radiographs, hand outlines, simulated radiographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xgen_studio.bundles import open_bundle
from xgen_studio.errors import InputError
from xgen_studio.imaging import make_folder, write_json
from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.prepare import real_data, write_arrays
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.knee.science.files import DATA
from xgen_studio.wings.knee.science.preparation import prepare_outlines, prepare_xray
from xgen_studio.wings.knee.science.simulation import simulated_arrays

TRAIN_SUBJECTS = range(0, 110)
TEST_SUBJECTS = range(1000, 1020)  # intervals are over subjects: many, at fewer angles each
TRAIN_VIEWS, TEST_VIEWS = 30, 20


def xray(ask: Prepare, bench: Bench) -> Path:
    """Real AP radiographs with proposed masks."""
    path, left_out = ask.out / f"{ask.name}.npz", ask.out / f"{ask.name}-left-out.json"
    check_free([path, left_out], ask.overwrite)
    folder, proposer = real_data(ask), open_bundle("knee-xray").denoiser("masks")
    arrays, dropped = prepare_xray(
        folder, proposer, lambda done, total: bench.report(done, total, "radiographs")
    )
    make_folder(ask.out)
    write_json(left_out, dropped)
    return write_arrays(path, arrays)


def outlines(ask: Prepare, _bench: Bench) -> Path:
    """Real AP radiographs with masks outlined by people."""
    path = ask.out / f"{ask.name}.npz"
    check_free([path], ask.overwrite)
    return write_arrays(path, prepare_outlines(real_data(ask), DATA / "outlines.json"))


def drr(ask: Prepare, bench: Bench) -> Path:
    """Radiographs of parametric knees."""
    path = ask.out / f"{ask.name}.npz"
    check_free([path], ask.overwrite)

    def made(subjects: range, views: int, held_out: bool) -> dict[str, np.ndarray]:
        kind = "test" if held_out else "training"
        return simulated_arrays(
            subjects,
            views,
            held_out,
            lambda done, total: bench.report(done, total, f"simulated {kind} knees"),
        )

    arrays = made(TEST_SUBJECTS, TEST_VIEWS, held_out=True)
    if not ask.held_out_only:
        train = made(TRAIN_SUBJECTS, TRAIN_VIEWS, held_out=False)
        arrays = {key: np.concatenate([train[key], arrays[key]]) for key in train}
    return write_arrays(path, arrays)


MAKERS = {"knee-xray": xray, "knee-xray-outlines": outlines, "knee-drr": drr}


def arrays_for(name: str, data: Path | None, out: Path, bench: Bench) -> Path:
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
    names = [name, "knee-xray-outlines"] if name == "knee-xray" else [name]
    for each in names:
        MAKERS[each](Prepare(each, folder, raw, held_out_only=True, overwrite=True), bench)
    return folder
