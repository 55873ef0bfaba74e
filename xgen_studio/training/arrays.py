"""Prepared training arrays: one `.npz` a data set, made by `xgen prepare`."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from xgen_studio.errors import InputError


def read_arrays(data: Path | None, name: str, needed: set[str]) -> dict[str, np.ndarray]:
    """The arrays of `name`.npz in a data folder, `needed` among them; InputError says how to make
    them. Nothing in the file can run code."""
    if data is None:
        raise InputError(
            f"this needs --data DIR with {name}.npz; make it with: xgen prepare {name} -o DIR"
        )
    path = Path(data) / f"{name}.npz"
    if not path.exists():
        raise InputError(f"{path}: not there; make it with: xgen prepare {name} -o DIR")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise InputError(f"{path}: not readable as plain arrays; make them again") from error
    if missing := needed - arrays.keys():
        raise InputError(f"{path}: lacks {', '.join(sorted(missing))}; make it again")
    return arrays
