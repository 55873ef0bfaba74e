"""Part of `make bench`: a patient's spine from the file to the grades."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import resource
import time
from pathlib import Path

from xgen_studio.imaging import Volume, read_volume, write_volume
from xgen_studio.paths import shared_data
from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.spine.science.measuring import measure_all
from xgen_studio.wings.spine.science.simulation import simulate
from xgen_studio.wings.spine.science.straighten import straighten
from xgen_studio.wings.spine.tasks.asks import MODEL, Naming
from xgen_studio.wings.spine.tasks.examining import curve_of, examined
from xgen_studio.wings.spine.tasks.proposing import proposed_mask
from xgen_studio.wings.spine.tasks.showing import shown

SCAN = "spine/real_ct/LIDC-IDRI-0350_spine_ct.nii.gz"  # 1 mm, T1-L2


def row(what: str, value: str, target: str = "") -> None:
    print(f"{what:64} {value:>16}  {target}", flush=True)


def scan() -> tuple[Path, Naming]:
    """A real CT where there is one, else a simulated patient; and a name for its vertebrae."""
    folder = shared_data()
    if folder is not None and (folder / SCAN).exists():
        return folder / SCAN, Naming()
    case = simulate(1, length=14)
    path = Path("/tmp/bench_spine.nii.gz")
    write_volume(path, case.ct)
    return path, Naming(top=case.truth.vertebrae[-1].level)


def main() -> None:
    path, naming = scan()
    bench = Bench()
    began = time.perf_counter()
    ct = read_volume(path).to_lps()
    opened = time.perf_counter() - began
    began = time.perf_counter()
    mask = proposed_mask(ct, naming, MODEL, "cpu", bench)
    proposed = time.perf_counter() - began
    labels = Volume(mask.labels, ct.spacing, ct.origin, ct.direction)
    began = time.perf_counter()
    measured = measure_all(labels)
    each = (time.perf_counter() - began) / max(len(measured.bodies), 1)
    began = time.perf_counter()
    curve = curve_of(measured)
    assert curve is not None
    straighten(ct, curve)
    straight = time.perf_counter() - began
    began = time.perf_counter()
    found = examined(labels, ct, mask.doubts, None, bench)
    graded = time.perf_counter() - began
    began = time.perf_counter()
    levels = list(found.graded.measured.bodies)
    for level in levels:
        shown(level, found.graded, labels, ct)
    restored = (time.perf_counter() - began) / len(levels)
    n = len(levels)
    row(f"spine: {n} vertebrae opened and straightened, s", f"{opened + straight:.1f}", "target 10")
    row("spine: masks proposed, network loaded, s", f"{proposed:.1f}", "target 60")
    row("spine: a vertebra measured, restored and shown, s", f"{each + restored:.2f}", "target 2")
    row("spine: the whole patient measured and graded, s", f"{graded:.1f}", "target 40")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row("spine: peak resident memory, GiB", f"{peak:.2f}", "target 3")


if __name__ == "__main__":
    main()
