"""The shared real CTs: which body is which, as somebody saw them, and what is learned of them.

`data/real_ct.json` holds the middle of each body that is whole and was looked at, by its name. With
it a proposal becomes a mask that can be learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xgen_studio.foreign import read_json
from xgen_studio.imaging import Volume, read_volume
from xgen_studio.networks import UNet3D
from xgen_studio.tables import from_table
from xgen_studio.wings.spine.science.body import measure
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.proposal import Proposed, Seen, bodies_of, on_grid, see
from xgen_studio.wings.spine.science.proposal_data import BLOCK, CLASSES, HIGH, NO_CLASS, block_at
from xgen_studio.wings.spine.science.sampling import NoBodyError, Sampler
from xgen_studio.wings.spine.science.solid import around, solid_of

FILE = Path(__file__).parent.parent / "data" / "real_ct.json"
LARGEST = 2**18  # bytes of the table
SAME = 6.0  # mm that a proposed middle may lie beside the one that was looked at
NEAR = 22.0  # mm around a body that was looked at, in which the network's other classes are trusted


@dataclass(frozen=True)
class Looked:
    """What somebody saw of a scan.

    centres  (3,) LPS mm of each whole body, by level
    held_out never trained on: what it is graded on would else be known
    """

    centres: dict[str, tuple[float, float, float]]
    held_out: bool = False


def looked_at() -> dict[str, Looked]:
    """By the beginning of the file's name."""
    table = read_json(FILE, LARGEST)
    return {name: from_table(Looked, one, f"{FILE}: {name}") for name, one in table.items()}


def real_scans(folder: Path) -> dict[str, Path]:
    """The scans of the shared data that were looked at, by name."""
    found = {}
    for name in looked_at():
        paths = sorted(folder.glob(f"spine/**/{name}*_ct.nii.gz"))
        if paths:
            found[name] = paths[0]
    return found


@dataclass(frozen=True, eq=False)
class Learned:
    """A scan with its proposal, named: the level of each number of the proposal, '' where nobody
    looked, or it is not whole."""

    ct: Volume
    seen: Seen
    proposed: Proposed
    levels: Mapping[int, str]

    @property
    def labels(self) -> Volume:
        """VerSe labels of the named bodies on the CT's own grid."""
        names = [level if level in LABELS else "" for level in self.levels.values()]
        return replace(self.ct, voxels=on_grid(self.proposed, names, self.ct), meta={})


def propose_real(network: UNet3D, path: Path, looked: Looked) -> Learned:
    """The proposal of a scan, its bodies named where one lies at a centre that was looked at."""
    ct = read_volume(path).to_lps()
    seen = see(network, ct)
    proposed = bodies_of(seen)
    levels = dict.fromkeys(range(1, len(proposed.centres) + 1), "")
    for level, centre in looked.centres.items():
        off = np.linalg.norm(proposed.centres - np.array(centre), axis=1)
        if off.min() < SAME:
            levels[int(off.argmin()) + 1] = level
    return Learned(ct, seen, proposed, levels)


def blocks_of(learned: Learned) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Blocks `hu` int16, `hu_classes` uint8, `hu_height` int8 of a scan, one every 100 mm.

    Bodies that were looked at are bodies; what else was taken for one is another tissue, or of no
    class where it may be one: at the border, or next to a body that is not whole.
    """
    seen, proposed = learned.seen, learned.proposed
    classes = _other_classes(learned)
    height = np.zeros(proposed.bodies.shape, np.int8)
    whole = np.zeros(proposed.bodies.shape, bool)
    for number, level in learned.levels.items():
        own = proposed.bodies == number
        if level:
            classes[own] = CLASSES.index("body")
            height[own] = np.round(_height_in(learned, number)[own] * HIGH)
            whole |= own
        else:
            classes[own] = NO_CLASS
    hu = np.clip(np.round(seen.grid.voxels), -1024, 3071).astype(np.int16)
    rows = np.flatnonzero(whole.any((1, 2)))
    if not len(rows):
        return
    steps = np.arange(rows[0] + 40, rows[-1], 66)
    for middle in steps if len(steps) else [(rows[0] + rows[-1]) // 2]:
        near = np.argwhere(whole[max(middle - 50, 0) : middle + 50])
        centre = np.array([middle, near[:, 1].mean() + 8, near[:, 2].mean()])
        first = np.round(centre - np.array(BLOCK) / 2).astype(int)
        yield {
            "hu": block_at(hu, first, -1024),
            "hu_classes": block_at(classes, first, NO_CLASS),
            "hu_height": block_at(height, first, 0),
        }


def _other_classes(learned: Learned) -> NDArray[np.uint8]:
    """What the network says, without its bodies; trusted near bodies, and where it sees nothing."""
    seen, proposed = learned.seen, learned.proposed
    named = np.isin(proposed.bodies, [n for n, level in learned.levels.items() if level])
    far = ndimage.distance_transform_edt(~named) * (proposed.grid.spacing[0])
    classes = np.zeros(proposed.bodies.shape, np.uint8)
    for name in ("disc", "canal", "sacrum"):
        share = getattr(seen, name)
        classes[(share > 0.5) & (far < NEAR)] = CLASSES.index(name)
    bone = (seen.grid.voxels > 180) & (far > 2) & (classes == 0)
    classes[bone] = NO_CLASS  # arch, rib, calcification: the network's word is not checked
    classes[(seen.body > 0.3) & ~named & (far < 6)] = NO_CLASS
    # a heart or an aorta that it took for a body; what may be one is set aside by the caller
    classes[(seen.body > 0.5) & (proposed.bodies == 0) & (far > 12)] = CLASSES.index("other")
    return classes


def _height_in(learned: Learned, number: int) -> NDArray[np.float32]:
    """How high each voxel lies in a body, by its measured endplates."""
    proposed = learned.proposed
    out = np.zeros(proposed.bodies.shape, np.float32)
    own = proposed.bodies == number
    centres = proposed.centres
    upper, lower = centres[max(number - 2, 0)], centres[min(number, len(centres) - 1)]
    try:
        body = measure(Sampler.from_mask(proposed.grid, own), upper - lower)
    except NoBodyError:
        return np.where(own, learned.seen.height, 0).astype(np.float32)
    box, local = around(proposed.grid, body.frame, 40.0)
    out[box] = np.clip(solid_of(body).height_in(local)[0], -1, 1)
    return out
