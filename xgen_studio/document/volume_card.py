"""A labelled volume as JSON: what is written, and what is believed of what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xgen_studio.document.cards import LabelCard, label_cards
from xgen_studio.document.editing import Pixels
from xgen_studio.document.picture import LabelState
from xgen_studio.errors import InputError
from xgen_studio.imaging import Volume
from xgen_studio.imaging.limits import check_size
from xgen_studio.imaging.names import said_from
from xgen_studio.tables import from_table

Place = tuple[float, float, float]  # x, y, z in mm, LPS
FARTHEST = 1e5  # mm from the origin; scanners are in rooms


@dataclass(frozen=True)
class CentreCard:
    """Where the middle of what a label names lies."""

    label: int
    at: Place


@dataclass(frozen=True)
class VolumeCard:
    """The JSON of a labelled volume. `spacing` (x, y, z) mm, `origin` and `direction` (rows of the
    3x3 matrix) as in `imaging.Volume`; `scan` is the file it belongs to."""

    wing: str
    shape: tuple[int, int, int]  # z, y, x
    spacing: Place
    origin: Place
    direction: tuple[Place, Place, Place]
    labels: tuple[LabelCard, ...]
    centres: tuple[CentreCard, ...] = ()
    scan: str = ""
    scan_print: str = ""

    def grid(self, mask: Pixels, where: str) -> Volume:
        """The mask at its place; InputError where the place is none, or not in LPS order."""
        turned = np.array(self.direction)
        grid = Volume(mask, self.spacing, self.origin, turned, source=Path(where))
        if grid.axis_codes != "LPS":
            raise InputError(f"{where}: its axes are {grid.axis_codes}, not LPS; it is damaged")
        return grid


def volume_card(
    wing: str,
    grid: Volume,
    labels: Sequence[LabelState],
    centres: Mapping[int, Place],
    scan: tuple[Path | None, str],
    file: Path | None,
) -> dict[str, Any]:
    """The card of a labelled volume, saved as `file`; see `VolumeCard`."""
    scan_file, scan_print = scan
    return {
        "wing": wing,
        "shape": list(grid.shape),
        "spacing": list(grid.spacing),
        "origin": list(grid.origin),
        "direction": grid.direction.tolist(),
        "labels": label_cards(labels),
        "centres": [
            {"label": label, "at": [float(v) for v in at]} for label, at in centres.items()
        ],
        "scan": said_from(scan_file, file) if scan_file else "",
        "scan_print": scan_print,
    }


def read_volume_card(table: Mapping[str, Any], where: str) -> VolumeCard:
    """A card that can be believed; InputError where it cannot."""
    card = from_table(VolumeCard, dict(table), where)
    check_size(card.shape, where)
    ids = {label.id for label in card.labels}
    if not ids or not 0 < min(ids) <= max(ids) <= 255:
        raise InputError(f"{where}: needs labels with ids from 1 to 255")
    named = [centre.label for centre in card.centres]
    if len(set(named)) != len(named) or not ids.issuperset(named):
        raise InputError(f"{where}: has centres twice, or of labels that it does not name")
    if any(abs(value) > FARTHEST for centre in card.centres for value in centre.at):
        raise InputError(f"{where}: a centre lies more than {FARTHEST / 1000:g} m away")
    return card
