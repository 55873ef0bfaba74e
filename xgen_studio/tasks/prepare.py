"""Prepare training arrays: from folders of real images, or simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from xgen_studio.errors import CallError, InputError
from xgen_studio.imaging import atomic_write, make_folder
from xgen_studio.paths import shared_data
from xgen_studio.registry import registered
from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.wing import resolve


def prepare(ask: Prepare, bench: Bench) -> Iterator[Path]:
    """Make a data set as its wing does; tells the file."""
    places = registered("preparations")
    if ask.name not in places:
        raise CallError(f"no data set is called '{ask.name}'; there is {', '.join(places)}")
    make: Callable[[Prepare, Bench], Path] = resolve(places[ask.name])
    yield make(ask, bench)


def real_data(ask: Prepare) -> Path:
    """The folder of real images; InputError where there is none."""
    folder = ask.data or shared_data()
    if folder is None:
        raise InputError(f"{ask.name} needs real images: name their folder with --data")
    return folder


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write the arrays of a data set, whole or not at all."""
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    return path
