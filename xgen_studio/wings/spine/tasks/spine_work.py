"""A spine on the desk: masks and centres over a CT, and what its reader decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from psygnal import Signal

from xgen_studio.document import Replace, VolumeWork
from xgen_studio.document.editing import Pixels
from xgen_studio.document.volume_card import Place
from xgen_studio.document.work import Arrays
from xgen_studio.errors import InputError
from xgen_studio.imaging import Label, LabelTable, Volume
from xgen_studio.imaging.names import said_from
from xgen_studio.tables import from_table
from xgen_studio.wings.spine.science.findings import Grade
from xgen_studio.wings.spine.science.levels import LABELS, NAMES, ORDER, in_order
from xgen_studio.wings.spine.science.overruling import Overruled
from xgen_studio.wings.spine.science.renaming import renamed

LONGEST_REASON = 500  # letters


def _table() -> LabelTable:
    colours = LabelTable.of(NAMES)
    return LabelTable(Label(LABELS[n], n, colours[LABELS[n]].colour) for n in ORDER)


TABLE = _table()


def _check(labels: Pixels) -> int:
    """CRC-32 of a mask."""
    return crc32(np.ascontiguousarray(labels).data)


@dataclass(frozen=True)
class Reading:
    """What the reader decided, and where the mask comes from.

    overruled    grades of the reader's, at most one a level
    references   levels that serve as healthy reference; None: those that are chosen by measurement
    anchors      levels whose centre the reader placed, for a proposal to count from
    mask_source  in words, the proposing network's version included
    mask_check   CRC-32 of the mask as it came from there
    doubts       what is doubtful of the mask, sentences by level; '' for the whole scan
    prior        `grading.json` of an earlier scan
    """

    overruled: tuple[Overruled, ...] = ()
    references: tuple[str, ...] | None = None
    anchors: tuple[str, ...] = ()
    mask_source: str = ""
    mask_check: int = 0
    doubts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prior: str = ""

    def __post_init__(self) -> None:
        levels = [o.level for o in self.overruled]
        if len(set(levels)) != len(levels):
            raise ValueError("a level is overruled twice")
        named = {*levels, *(self.references or ()), *self.anchors, *self.doubts} - {""}
        if unknown := sorted(named - set(LABELS)):
            raise ValueError(f"{unknown[0]!r} is no vertebra")
        for one in self.overruled:
            if one.grade not in set(Grade) or not one.reason.strip():
                raise ValueError(f"the overruled grade of {one.level} needs 0 to 3 and a reason")
            if len(one.reason) > LONGEST_REASON:
                raise ValueError(f"the reason at {one.level} is longer than {LONGEST_REASON}")

    def of(self, level: str) -> Overruled | None:
        """What the reader said of a level."""
        return next((o for o in self.overruled if o.level == level), None)

    def renamed(self, names: Mapping[str, str]) -> Reading:
        """The same with other names; what becomes of a name that is taken away is forgotten."""
        new = {level: names.get(level, level) for level in LABELS}
        first = {o.level: o for o in self.overruled}
        overruled = {new[n]: replace(o, level=new[n]) for n, o in first.items() if new[n]}
        return replace(
            self,
            overruled=tuple(overruled[n] for n in in_order(overruled)),
            references=None
            if self.references is None
            else tuple(in_order({new[n] for n in self.references if new[n]})),
            anchors=tuple(in_order({new[n] for n in self.anchors if new[n]})),
            doubts={
                new.get(n, n): said for n, said in self.doubts.items() if not n or new.get(n, n)
            },
        )


class SpineWork(VolumeWork):
    """Masks and centres of vertebrae in VerSe's numbers. `reading` is what the reader decided;
    signal `reading_changed`."""

    kind = "spine"
    reading_changed = Signal()

    def __init__(
        self,
        grid: Volume,
        table: LabelTable = TABLE,
        wing: str = "spine",
        scan_file: Path | None = None,
        scan_print: str = "",
    ) -> None:
        super().__init__(grid, table, wing, scan_file, scan_print)
        self.reading = Reading()
        self._seen: tuple[int, tuple[str, ...]] = (-1, ())  # of which revision, the levels

    @classmethod
    def over_scan(cls, scan: Volume) -> SpineWork:
        """No mask yet, over a scan in LPS order."""
        work = cls.over(scan, TABLE, "spine")
        assert isinstance(work, SpineWork)
        return work

    @property
    def present(self) -> tuple[str, ...]:
        """Levels that the mask holds, from head to feet."""
        if self._seen[0] != self.revision:
            counts = np.zeros(256, np.intp)
            for flat in self.mask:  # all at once would be eight times the mask in memory
                if flat.max():
                    counts += np.bincount(flat[flat.any(1)].ravel(), minlength=256)
            found = in_order(NAMES[int(i)] for i in np.flatnonzero(counts) if int(i) in NAMES)
            self._seen = self.revision, tuple(found)
        return self._seen[1]

    @property
    def mask_said(self) -> str:
        """Where the mask comes from, in words, and whether it was edited since."""
        source = self.reading.mask_source
        if not source:
            return "drawn by hand"
        edited = _check(self.mask) != self.reading.mask_check
        return f"{source}, edited by hand" if edited else source

    def level_at(self, z: int, y: int, x: int) -> str:
        """The vertebra at a voxel, '' where there is none."""
        return NAMES.get(int(self.mask[z, y, x]), "")

    # -- what the reader decides -----------------------------------------------------------------

    def _put_reading(self, reading: Any) -> None:
        self.reading = reading
        self.reading_changed.emit()

    def _read(self, reading: Reading, name: str) -> bool:
        """One step of the history; False where nothing changes."""
        before = self.reading
        if reading == before:
            return False
        self._put_reading(reading)
        self.history.did(Replace(name, self._put_reading, before, reading))
        return True

    def overrule(self, level: str, grade: int | None, reason: str = "") -> bool:
        """The reader's grade of a level, or with None the computed one again. InputError without a
        reason."""
        others = [o for o in self.reading.overruled if o.level != level]
        if grade is None:
            return self._say(f"Take the computed grade of {level}", overruled=tuple(others))
        one = Overruled(level, grade, reason.strip())
        overruled = tuple(sorted([*others, one], key=lambda o: ORDER.index(o.level)))
        return self._say(f"Overrule {level}: grade {grade}", overruled=overruled)

    def choose(self, references: tuple[str, ...] | None) -> bool:
        """Which levels serve as healthy reference; None lets the measurement choose."""
        return self._say("Choose the references", references=references)

    def compare_with(self, prior: Path | None) -> bool:
        """The grading of an earlier scan, or none."""
        name = "Compare with an earlier scan" if prior else "Compare with no earlier scan"
        return self._say(name, prior=str(prior or ""))

    def _say(self, name: str, **values: Any) -> bool:
        try:
            return self._read(replace(self.reading, **values), name)
        except ValueError as error:
            raise InputError(str(error)) from error

    def mark(self, level: str, at: Place) -> bool:
        """The reader says where a vertebra's middle lies, x, y, z in mm."""
        after = replace(self.reading, anchors=tuple(in_order({*self.reading.anchors, level})))
        name = f"Mark {level}"
        change = Replace(name, self._put_reading, self.reading, after)
        return self._did_with(name, None, {**self.centres, LABELS[level]: at}, (change,))

    # -- the mask as a whole ---------------------------------------------------------------------

    def take_mask(
        self,
        labels: Pixels,
        centres: Mapping[str, Place],
        doubts: Mapping[str, tuple[str, ...]],
        source: str,
        name: str,
    ) -> bool:
        """Another mask (D, H, W) with its centres by level, doubts and source, as one step. What
        was said of the vertebrae of before is forgotten. InputError where it does not fit."""
        self.settle()
        if labels.shape != self.shape:
            raise InputError(f"labels of {labels.shape} do not fit {self.shape} voxels")
        if not self._names(labels):
            raise InputError("the new mask holds labels that are no vertebrae")
        self.begin_stroke(0)
        with self.as_one():
            for z, flat in enumerate(labels):
                whole = slice(z, z + 1), slice(0, flat.shape[0]), slice(0, flat.shape[1])
                if not np.array_equal(self.mask[z], flat):
                    self.editor.put(whole, flat[None], self.locked)
        change = self.editor.end(name)
        after = replace(
            self.reading,
            overruled=(),
            references=None,
            mask_source=source,
            mask_check=_check(labels),
            doubts={level: tuple(said) for level, said in doubts.items()},
        )
        also = Replace(name, self._put_reading, self.reading, after)
        places = {LABELS[level]: place for level, place in centres.items()}
        return self._did_with(name, change, places, (also,))

    def name_as(self, level: str, new: str) -> bool:
        """The vertebra `level` is `new`, and all others follow; see `renaming.renamed`."""
        seen = {*self.present, *(NAMES[n] for n in self.centres)}
        names = renamed(seen, level, new)
        mapping = {LABELS[old]: LABELS[name] for old, name in names.items()}
        after = self.reading.renamed(names)
        title = f"Name {level} {new}"
        also = (Replace(title, self._put_reading, self.reading, after),)
        return self.renumber(mapping, title, also)

    # -- its file --------------------------------------------------------------------------------

    def card(self, file: Path | None = None) -> dict[str, Any]:
        said = asdict(self.reading)
        if self.reading.prior:
            said["prior"] = said_from(Path(self.reading.prior), file)
        if said["references"] is None:
            del said["references"]
        return {**super().card(file), "reading": said}

    @classmethod
    def restore(cls, card: Mapping[str, Any], arrays: Arrays) -> SpineWork:
        plain = {key: value for key, value in card.items() if key != "reading"}
        work = super().restore(plain, arrays)
        assert isinstance(work, SpineWork)
        reading = from_table(Reading, card.get("reading", {}), f"{arrays.where}: reading")
        if reading.prior:
            beside = Path(arrays.where).parent / reading.prior
            reading = replace(reading, prior=str(beside))
        if work.table.ids != TABLE.ids:
            raise InputError(f"{arrays.where}: does not hold the labels of a spine")
        work.reading = reading
        return work
