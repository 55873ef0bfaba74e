"""Two runs of screened hands side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from xgen_studio.evaluation.statistics import wilson
from xgen_studio.wings.hand.science.measures import SIGNED
from xgen_studio.wings.hand.tasks.review import Review


def compared(one: Review, other: Review) -> dict[str, Any]:
    """Two runs side by side: acceptance with its interval, reasons, medians of metrics; and where
    they hold the same hands, how their decisions differ."""

    def said(review: Review) -> dict[str, Any]:
        passed = int(review.by_gate().sum())
        sizes = {k: np.abs(v) if k in SIGNED else v for k, v in review.metrics.items()}
        medians = {
            k: float(np.nanmedian(v)) if np.isfinite(v).any() else float("nan")
            for k, v in sizes.items()
        }
        return {
            "folder": str(review.folder),
            "gate": review.gate.name,
            "hands": len(review),
            "limits_moved": review.limits_moved(),
            "accepted": passed,
            "interval95": wilson(passed, len(review)),
            "accepted_in_all": int(review.accepted().sum()),
            "reasons": dict(review.facets()),
            "medians": medians,
        }

    made: dict[str, Any] = {"one": said(one), "other": said(other)}
    if set(one.ids) == set(other.ids):
        a = dict(zip(one.ids, one.accepted(), strict=True))
        b = dict(zip(other.ids, other.accepted(), strict=True))
        made["same_ids"] = {
            name: sum((bool(a[i]), bool(b[i])) == pair for i in a)
            for name, pair in (
                ("both", (True, True)),
                ("the first only", (True, False)),
                ("the second only", (False, True)),
                ("neither", (False, False)),
            )
        }
    return made
