"""The spine's training arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xgen_studio.bundles import open_bundle
from xgen_studio.networks import UNet3D
from xgen_studio.paths import bundle_folders, shared_data
from xgen_studio.tasks.asks import Prepare
from xgen_studio.tasks.bench import Bench
from xgen_studio.tasks.prepare import write_arrays
from xgen_studio.tasks.targets import check_free
from xgen_studio.wings.spine.science.proposal_data import parametric_blocks
from xgen_studio.wings.spine.science.proposer import checked
from xgen_studio.wings.spine.science.real_scans import (
    blocks_of,
    looked_at,
    propose_real,
    real_scans,
)
from xgen_studio.wings.spine.tasks.asks import MODEL
from xgen_studio.wings.spine.tasks.proposing import METHOD

PATIENTS = 160  # parametric ones
SEED = 15


def proposal(ask: Prepare, bench: Bench) -> Path:
    """Blocks of parametric spines, and of the real CTs as the shipped network proposes them under
    the names that somebody gave; without real CTs, or before there is a network, of the former."""
    path = ask.out / f"{ask.name}.npz"
    check_free([path], ask.overwrite)
    arrays = parametric_blocks(
        PATIENTS, SEED, lambda done, total: bench.report(done, total, "spines")
    )
    folder = ask.data or shared_data()
    if folder is not None and MODEL in bundle_folders():
        network = checked(open_bundle(MODEL).model(METHOD), MODEL)
        arrays |= real_blocks(network, folder)
    return write_arrays(path, arrays)


def real_blocks(network: UNet3D, folder: Path) -> dict[str, np.ndarray]:
    """The blocks of all real CTs that were looked at and are not held out."""
    blocks: dict[str, list[np.ndarray]] = {}
    looked = looked_at()
    for name, path in real_scans(folder).items():
        if looked[name].held_out:
            continue
        for block in blocks_of(propose_real(network, path, looked[name])):
            for key, array in block.items():
                blocks.setdefault(key, []).append(array)
    return {key: np.stack(arrays) for key, arrays in blocks.items()}
