"""Measure and grade the vertebrae of a mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume, read_volume
from xgen_studio.private import stamp
from xgen_studio.tasks.bench import Bench
from xgen_studio.wings.spine.science.curve import Curve, fit_curve
from xgen_studio.wings.spine.science.examination import Graded, examine
from xgen_studio.wings.spine.science.levels import GRADED
from xgen_studio.wings.spine.science.looks import densities
from xgen_studio.wings.spine.science.measuring import CUT_SAID, Measured, measure_all
from xgen_studio.wings.spine.science.models import shipped_models
from xgen_studio.wings.spine.science.straighten import round_trip_mm
from xgen_studio.wings.spine.tasks.asks import Examined, ExamineMask, MaskOf

HALF_WIDTH = 45.0  # mm beside the curve that the round trip is measured in: bodies and their arches


def volume_of(mask: MaskOf) -> Volume:
    """The mask of a request; InputError where its file went."""
    try:
        voxels = np.load(mask.labels, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{mask.labels}: the mask is not readable; measure again") from error
    return Volume(voxels, mask.spacing, mask.origin, np.array(mask.direction))


def scan_of(mask: MaskOf, bench: Bench) -> Volume | None:
    """The scan below a mask, in LPS order, kept for the next request."""
    if mask.scan is None:
        return None
    scan = mask.scan
    kept: Volume = bench.kept(("scan", scan, stamp(scan)), lambda: read_volume(scan).to_lps())
    return kept


def examine_mask(ask: ExamineMask, bench: Bench) -> Iterator[Examined]:
    """The task behind `ExamineMask`."""
    yield examined_mask(ask.mask, ask.references, bench)


def examined_mask(mask: MaskOf, references: tuple[str, ...] | None, bench: Bench) -> Examined:
    """What is found of a mask, kept for what is asked of it next."""

    def work() -> Examined:
        labels = volume_of(mask)
        return examined(labels, scan_of(mask, bench), mask.doubts, references, bench)

    found: Examined = bench.kept(("examined", mask.labels, references), work)
    return found


def examined(
    labels: Volume,
    ct: Volume | None,
    doubts: Mapping[str, Sequence[str]],
    references: Sequence[str] | None,
    bench: Bench,
) -> Examined:
    """Measure, straighten, grade. InputError where no vertebra of the graded levels is there."""
    bench.report(0, 4, "measuring")
    measured = _whole_ones(measure_all(labels), doubts)
    if not {*measured.middles, *measured.reasons} & set(GRADED):
        there = ", ".join(measured.middles) or "nothing"
        raise InputError(
            f"{labels.source or 'this mask'}: holds {there}, and no vertebra from T1 to L6, which"
            " alone are graded; check the names (--top, --anchor)"
        )
    bench.report(1, 4, "straightening")
    curve = curve_of(measured)
    error = None if curve is None else round_trip_mm(curve, labels, HALF_WIDTH)
    bench.report(2, 4, "density")
    density = {} if ct is None else densities(measured.bodies, ct)
    bench.report(3, 4, "grading")
    flags = {level: tuple(said) for level, said in doubts.items() if level}
    graded = graded_of(measured, labels, references, flags, density)
    notes = tuple(curve.notes) if curve is not None else ()
    return Examined(graded, curve, error, flags, density, notes)


def _whole_ones(measured: Measured, doubts: Mapping[str, Sequence[str]]) -> Measured:
    """Without the bodies that whoever proposed them saw cut by the border: the rest of one may
    measure like a crushed vertebra."""
    cut = [level for level in measured.bodies if CUT_SAID in doubts.get(level, ())]
    return replace(
        measured,
        bodies={k: body for k, body in measured.bodies.items() if k not in cut},
        reasons=measured.reasons | dict.fromkeys(cut, CUT_SAID),
    )


def graded_of(
    measured: Measured,
    labels: Volume,
    references: Sequence[str] | None,
    flags: Mapping[str, Sequence[str]],
    density: Mapping[str, float],
) -> Graded:
    """`examine` with the shipped models."""
    return examine(measured, labels, shipped_models(), references, flags, density)


def curve_of(measured: Measured) -> Curve | None:
    """The curve through all vertebrae; None where there is but one."""
    if len(measured.middles) < 2:
        return None
    return fit_curve(measured.middles, {k: b.frame for k, b in measured.bodies.items()})
