"""Prepared training arrays: one `.npz` a data set, made by `xgen prepare`."""

from __future__ import annotations

import math
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging.limits import check_bytes


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
        _check_archive(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (InputError, KeyboardInterrupt):
        raise
    # numpy and zipfile answer damage with OSError, ValueError, BadZipFile, SyntaxError, ...
    except Exception as error:
        raise InputError(f"{path}: not readable as plain arrays; make them again") from error
    if missing := needed - arrays.keys():
        raise InputError(f"{path}: lacks {', '.join(sorted(missing))}; make it again")
    return arrays


def _check_archive(path: Path) -> None:
    """InputError where an array declares more than its entry holds, or an entry unpacks to more
    than it can: numpy allocates what an array declares."""
    from numpy.lib import format as npy

    with ZipFile(path) as archive:
        for entry in archive.infolist():
            check_bytes(entry.file_size, entry.compress_size, path)
            with archive.open(entry) as file:
                version = npy.read_magic(file)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(file)
                if file.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
                    raise InputError(f"{path}: {entry.filename} is cut short; make them again")
