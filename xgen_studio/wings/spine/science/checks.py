"""All checks on load: from a mask, and the CT it belongs to, to a mask one can measure on."""

from __future__ import annotations

import numpy as np

from xgen_studio.imaging import Volume
from xgen_studio.wings.spine.science import ct_checks, mask_checks
from xgen_studio.wings.spine.science.centroids import centres_of
from xgen_studio.wings.spine.science.doubts import KINDS, Doubt
from xgen_studio.wings.spine.science.labels import SpineLabels
from xgen_studio.wings.spine.science.numbering import GROWS_UP, Numbers


def check_labels(
    labels: SpineLabels, ct: Volume | None = None
) -> tuple[SpineLabels, tuple[Doubt, ...]]:
    """Cleaned labels, on the grid of `ct.to_lps()` where there is one, and what is doubtful.

    Small stray pieces are removed or given to the vertebra they lie in, a mask on another grid is
    resampled onto the CT's; nothing else is changed. Doubts come in the order of `doubts.KINDS`,
    each kind from head to feet. InputError where mask and CT do not overlap.
    """
    cleaned, doubts = mask_checks.without_strays(labels)
    vertebrae = mask_checks.measured(cleaned)
    twice = {d.level for d in doubts if d.kind == "duplicate"}  # their middle is nowhere
    single = [v for v in vertebrae if v.name not in twice]
    ordered = mask_checks.order_doubts(single)
    doubts += ordered or _turned(cleaned, vertebrae)
    if labels.named and not ordered and not twice:
        doubts += mask_checks.gap_doubts(vertebrae)
    in_two = {d.level for d in doubts if d.kind == "merged"}
    doubts += [d for d in mask_checks.size_doubts(single) if d.level not in in_two]
    cut = mask_checks.cut_doubts(vertebrae)
    if ct is None:
        doubts += cut + ct_checks.thick(labels.volume)
        return cleaned, _sorted(doubts)
    ct = ct.to_lps()
    fitted, told = ct_checks.onto(cleaned, ct)
    doubts += told
    if told:  # the CT may end where the mask did not
        known = {d.level for d in cut}
        again = mask_checks.cut_doubts(mask_checks.measured(fitted))
        cut += [d for d in again if d.level not in known]
    doubts += cut + ct_checks.thick(ct)
    strange = ct_checks.no_ct(ct)
    if not strange:
        strange = ct_checks.mirrored(fitted, ct) + ct_checks.metal(fitted, ct)
    return fitted, _sorted(doubts + strange)


def _turned(labels: SpineLabels, vertebrae: list[mask_checks.Measured]) -> list[Doubt]:
    """What order cannot tell: vertebrae without names grow to the feet, and arches lie behind."""
    if not labels.named:
        heights = {v.label: float(v.centre[2]) for v in vertebrae}
        grows = Numbers(heights, {v.label: v.ml for v in vertebrae}).growth(heights)
        if grows < GROWS_UP:
            said = "the vertebrae grow to the head: the scan may be upside down"
            return [Doubt("", "upside down", said)]
    if labels.bodies_only:
        return []
    bodies = centres_of(labels)
    behind = [v.centre[1] - bodies[v.name][1] for v in vertebrae if v.name != "C1" and not v.cut]
    if behind and np.median(behind) < -1.0:
        said = "the arches lie in front of the bodies: front and back are exchanged in the mask"
        return [Doubt("", "mirrored", said)]
    return []


def _sorted(doubts: list[Doubt]) -> tuple[Doubt, ...]:
    return tuple(sorted(doubts, key=lambda d: KINDS.index(d.kind)))
