"""A labelled volume: 3-D masks over a CT that stays where it lies, named centres, one undo."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from xgen_studio.document.blocks import Block, between, extent, largest_part
from xgen_studio.document.editing import Pixels, Rules, Window
from xgen_studio.document.history import Change, Replace, Together
from xgen_studio.document.labelled import Labelled
from xgen_studio.document.picture import LabelState
from xgen_studio.document.volume_card import Place, read_volume_card, volume_card
from xgen_studio.document.work import Array, Arrays
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, Mask, Volume, read_volume
from xgen_studio.imaging.mask import GRID_TOLERANCE_MM

Centres = Mapping[int, Place]  # by label; x, y, z in mm, LPS


def _filled(labels: Pixels) -> Iterator[Window]:
    """Slice by slice, the rows that hold any label."""
    for z, flat in enumerate(labels):
        rows = np.flatnonzero(flat.any(1))
        if rows.size:
            yield slice(z, z + 1), slice(int(rows[0]), int(rows[-1]) + 1), slice(0, flat.shape[1])


def _sizes(volume: Volume) -> str:
    return " x ".join(map(str, volume.shape[::-1]))


def fingerprint(volume: Volume) -> str:
    """SHA-256 of the voxels as they lie in LPS order. The file may be packed otherwise, renamed or
    sent as DICOM: the scan stays the same."""
    voxels = volume.voxels
    little = np.ascontiguousarray(voxels, voxels.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{little.dtype.str} {voxels.shape}".encode())
    digest.update(little.data)
    return digest.hexdigest()


class VolumeWork(Labelled):
    """Labels (D, H, W) on the grid of a scan, in LPS order, and a centre for each label that has
    one. The scan itself is not kept in the document, but where it lies and its fingerprint.

    `grid` is the mask as a `Volume`: it knows the place of each voxel even while the scan is not
    there. Signals, beside those of all labelled works: `voxels_touched` (slices of z, y, x) after
    each change of the mask, `centres_changed`, `scan_changed`.
    """

    kind = "volume"
    voxels_touched = Signal(tuple)
    centres_changed = Signal()
    scan_changed = Signal()

    def __init__(
        self,
        grid: Volume,
        table: LabelTable,
        wing: str,
        scan_file: Path | None = None,
        scan_print: str = "",
    ) -> None:
        if grid.axis_codes != "LPS" or grid.voxels.dtype != np.uint8:
            raise ValueError("the mask must be uint8 in LPS order")
        super().__init__(grid.voxels, table)
        self.grid, self.wing = grid, wing
        self.scan: Volume | None = None
        self.scan_file, self.scan_print = scan_file, scan_print
        self.centres: dict[int, Place] = {}

    @classmethod
    def over(cls, scan: Volume, table: LabelTable, wing: str) -> VolumeWork:
        """An empty mask over a scan in LPS order."""
        mask = np.zeros(scan.shape, np.uint8)
        grid = Volume(mask, scan.spacing, scan.origin, scan.direction)
        work = cls(grid, table, wing, scan.source, fingerprint(scan))
        work.scan = scan
        return work

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        return self.grid.shape

    @property
    def spacing(self) -> tuple[float, float, float]:
        """mm of a voxel along z, y, x."""
        x, y, z = self.grid.spacing
        return z, y, x

    def _grey(self) -> NDArray[Any] | None:
        return self.scan.voxels if self.scan else None

    def _tell(self, window: Window) -> None:
        self.voxels_touched.emit(window)

    # -- the scan --------------------------------------------------------------------------------

    def read_scan(self, file: Path | None = None) -> Volume:
        """The scan in LPS order, from where it lay or another file; it changes nothing, and may run
        on any thread. InputError where it is missing, or lies on another grid."""
        where = file or self.scan_file
        if where is None:
            raise InputError("this document does not say which scan it belongs to; open one")
        if not where.exists():
            raise InputError(
                f"{where}: the scan of this document is not there; choose where it lies now"
            )
        scan = read_volume(where).to_lps()
        if scan.shape != self.shape:
            raise InputError(
                f"{where}: has {_sizes(scan)} voxels, and this document's mask {_sizes(self.grid)};"
                " open the scan that it was made on"
            )
        corners = [[0, 0, 0], [n - 1 for n in self.shape]]
        off = np.abs(scan.index_to_mm(corners) - self.grid.index_to_mm(corners)).max()
        if off > GRID_TOLERANCE_MM:
            raise InputError(
                f"{where}: lies up to {off:.1f} mm beside this document's mask; open the scan that"
                " it was made on"
            )
        return scan

    def take_scan(self, scan: Volume) -> str:
        """Lay the mask over a scan that `read_scan` gave. Returns what the user should be told: ''
        or that it is not the one the mask was made on."""
        found = fingerprint(scan)
        same = found == self.scan_print or not self.scan_print
        moved = scan.source != self.scan_file
        self.scan, self.scan_file, self.scan_print = scan, scan.source, found
        self.scan_changed.emit()
        if not same or moved:
            self.history.mark_unsaved()
        return "" if same else f"{scan.source}: is not the scan that this mask was made on"

    # -- edits of whole labels -------------------------------------------------------------------

    def put_mask(self, labels: Pixels, name: str, first: tuple[int, int, int] = (0, 0, 0)) -> bool:
        """Replace the mask, or the box of it that begins at `first`, but for locked labels."""
        z, y, x = (slice(f, f + n) for f, n in zip(first, labels.shape, strict=True))
        if self.mask[z, y, x].shape != labels.shape:
            raise InputError(f"labels of {labels.shape} at {first} go beyond {self.shape} voxels")
        if not self._names(labels):
            raise InputError("the new mask holds labels that this document does not name")
        self.begin_stroke(0)
        with self.as_one():
            for i, flat in enumerate(labels, start=z.start):
                self.editor.put((slice(i, i + 1), y, x), flat[None], self.locked)
        return self.end_stroke(name)

    def _known(self) -> NDArray[np.bool_]:
        known = np.zeros(256, bool)
        known[[0, *self.table.ids]] = True
        return known

    def _names(self, labels: Pixels) -> bool:
        """Whether there is a name for all labels of an array."""
        known = self._known()
        return all(known[labels[window]].all() for window in _filled(labels))

    def fill_between(self, label: int, axis: int, rules: Rules | None = None) -> bool:
        """Fill the gaps between the slices along an axis (0 z, 1 y, 2 x) that a label is painted
        in; True where there was one."""
        self.settle()
        box = extent(self.mask, label)
        if box is None:
            return False
        inside = np.moveaxis(self.mask[box] == label, axis, 0)
        painted = np.flatnonzero(inside.any((1, 2)))
        row, column = (s for a, s in enumerate(self.spacing) if a != axis)
        self.begin_stroke(label, rules)
        with self.as_one():
            for low, high in pairwise(painted):
                shapes = between(inside[low], inside[high], int(high - low - 1), (row, column))
                for i, shape in enumerate(shapes, start=int(low) + 1):
                    first = [s.start for s in box]
                    first[axis] += i
                    z, y, x = first
                    self.paint(Block((z, y, x), np.expand_dims(shape, axis)))
        return self.end_stroke(f"Fill between slices of {self.state(label).label.name}")

    def renumber(
        self, mapping: Mapping[int, int], name: str, also: tuple[Change, ...] = ()
    ) -> bool:
        """Labels become others, all at once, and their centres with them; 0 takes a label away.

        A label that becomes one which stays is merged into it, whose own centre is kept. What is
        `also` to be done is done in the same step. InputError where a label is locked, or not of
        this document.
        """
        self.settle()
        table, known = np.arange(256, dtype=np.uint8), self._known()
        for old, new in mapping.items():
            if not (known[old] and known[new] and old):
                raise InputError(f"label {old} cannot become {new}: this document names neither")
            if blocked := {old, new} & self.locked:
                locked = self.state(min(blocked)).label.name
                raise InputError(f"{locked} is locked; unlock it first")
            table[old] = new
        self.begin_stroke(0)
        with self.as_one():
            for window in _filled(self.mask):
                self.editor.put(window, table[self.mask[window]])
        change = self.editor.end(name)
        stays = {k: v for k, v in self.centres.items() if mapping.get(k, k) == k}
        moved = {mapping[k]: v for k, v in self.centres.items() if k not in stays}
        centres = {k: v for k, v in {**moved, **stays}.items() if k}
        return self._did_with(name, change, centres, also)

    def remove(self, label: int) -> bool:
        """Take a label away, and its centre."""
        return self.renumber({label: 0}, f"Remove {self.state(label).label.name}")

    def keep_largest(self, label: int) -> bool:
        """Take away all pieces of a label but the largest; True where there were more."""
        self.settle()
        box = extent(self.mask, label)
        if box is None:
            return False
        inside = self.mask[box] == label
        z, y, x = (s.start for s in box)
        stray = Block((z, y, x), inside & ~largest_part(inside))
        return self.fill(stray, 0, f"Keep the largest part of {self.state(label).label.name}")

    def _did_with(
        self,
        name: str,
        change: Change | None,
        centres: dict[int, Place],
        also: tuple[Change, ...] = (),
    ) -> bool:
        """Remember a change of the mask and the centres as one step, with what is also done."""
        changes = [change] if change else []
        for other in also:
            other.redo()
            changes.append(other)
        if centres != self.centres:
            before = self.centres
            self._put_centres(centres)
            changes.append(Replace(name, self._put_centres, before, centres))
        if changes:
            self.history.did(Together(name, tuple(changes)))
        return bool(changes)

    # -- centres ---------------------------------------------------------------------------------

    def put_centres(self, centres: Centres, name: str) -> bool:
        """Replace all centres; True where that changed any."""
        self.settle()
        for label in centres:
            self.state(label)
        return self._did_with(name, None, dict(centres))

    def drag_centre(self, label: int, at: Place) -> None:
        """A centre on its way, while it is dragged: `drop_centres` makes it a step."""
        self.state(label)
        self.centres = {**self.centres, label: at}
        self.touched.emit()
        self.centres_changed.emit()

    def drop_centres(self, before: Centres, name: str) -> None:
        """The end of a drag that began with `before`."""
        if self.centres != dict(before):
            change = Replace(name, self._put_centres, dict(before), self.centres)
            self.history.did(change)

    def _put_centres(self, centres: Any) -> None:
        self.centres = centres
        self.centres_changed.emit()

    # -- its file --------------------------------------------------------------------------------

    def as_mask(self) -> Mask:
        """A copy of the mask as files keep it."""
        grid = self.grid
        return Mask(self.mask.copy(), self.table, grid.spacing, grid.origin, grid.direction)

    def card(self, file: Path | None = None) -> dict[str, Any]:
        return volume_card(
            self.wing, self.grid, self.labels, self.centres, (self.scan_file, self.scan_print), file
        )

    def arrays(self) -> dict[str, Array]:
        return {"mask": self.mask}

    @classmethod
    def restore(cls, card: Mapping[str, Any], arrays: Arrays) -> VolumeWork:
        said = read_volume_card(card, arrays.where)
        mask = arrays.take("mask", "u1", said.shape)
        table = LabelTable(Label(c.id, c.name, c.colour) for c in said.labels)
        beside = Path(arrays.where).parent  # a whole path stays one
        file = beside / said.scan if said.scan else None
        work = cls(said.grid(mask, arrays.where), table, said.wing, file, said.scan_print)
        if not work._names(mask):
            raise InputError(f"{arrays.where}: its mask holds labels that it does not name")
        work.labels = tuple(LabelState(table[c.id], c.visible, c.locked) for c in said.labels)
        work.centres = {centre.label: centre.at for centre in said.centres}
        return work
