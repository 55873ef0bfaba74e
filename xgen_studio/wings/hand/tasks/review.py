"""A run of screened hands under review: limits that may move, decisions of people beside those of
the gate, labels moved by hand, and one undo for all of it. Knows no Qt."""

from __future__ import annotations

import copy
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgen_studio.document import Replace, Work
from xgen_studio.document.work import Array, Arrays
from xgen_studio.errors import InputError
from xgen_studio.foreign import read_json
from xgen_studio.imaging import write_json
from xgen_studio.imaging.names import said_from
from xgen_studio.wings.hand.science.calibration import columns
from xgen_studio.wings.hand.science.gate import Gate, Screening, load_gate
from xgen_studio.wings.hand.science.labelling import ABSENT
from xgen_studio.wings.hand.science.landmarks import COUNT
from xgen_studio.wings.hand.science.measures import LEAST_KNOWN, SIGNED, peak_groups
from xgen_studio.wings.hand.science.warping import apply
from xgen_studio.wings.hand.science.wording import TITLES
from xgen_studio.wings.hand.tasks.decisions import Mark, Said, rest_of, user, what_changed
from xgen_studio.wings.hand.tasks.screening import FILE, heatmap_hash, read_screening

REVIEW = "review.json"
_DAMAGED = "{}: cannot be read ({}); move it away to review the run anew"
TERM = re.compile(r"([a-zA-Z ]+?)\s*(<=|>=|<|>|=)\s*(-?\d*\.?\d+)")
COMPARE: dict[str, Callable[..., Any]] = {
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "=": np.equal,
}
FAR_SD, FAR_MM = 5.0, 16.0  # a landmark so far off the mean hand is at fault
STATES = ("accepted", "rejected", "accepted by hand", "rejected by hand")


class Review(Work):
    """Screened hands of a folder. `shown` are the screenings as they stand, edits included."""

    kind = "review"

    def __init__(self, folder: Path, gate: Gate, screenings: Iterable[Screening]) -> None:
        super().__init__()
        self.folder, self.gate = folder, gate
        self._original = {s.id: s for s in screenings}
        self.ids = list(self._original)
        self._faulty: dict[str, tuple[Screening, NDArray[np.bool_]]] = {}
        self._said = Said()
        self._waiting: dict[
            str, dict[str, Any]
        ] = {}  # what was said of hands that are not screened yet
        self.wing = "hand"
        self._apply()

    @classmethod
    def open(cls, folder: Path) -> Review:
        """The run of a folder that holds a `screening.json`, with what was decided there before."""
        name, screenings = read_screening(folder / FILE)
        review = cls(folder, load_gate(name), screenings)
        review._read()
        return review

    @classmethod
    def begin(cls, folder: Path, gate: Gate) -> Review:
        """A run that is being drawn or finished: its hands are added one by one, and what was
        decided of them before comes with them."""
        review = cls(folder, gate, [])
        review._read()
        return review

    def add(self, screening: Screening) -> None:
        """One more hand: the run is still being generated."""
        if screening.id not in self._original:
            self.ids.append(screening.id)
        self._original[screening.id] = screening
        if self._waiting:
            self._take(self._waiting)
        self._apply()

    def frozen(self) -> Review:
        """As it stands now, for another thread: what is said later does not reach it."""
        other = copy.copy(self)  # what is shown, said and measured is replaced, never changed
        other.ids, other._original = list(self.ids), dict(self._original)
        other._faulty = dict(self._faulty)
        return other

    # -- what is ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.ids)

    def by_gate(self) -> NDArray[np.bool_]:
        """Whether each hand (N,) passes the limits as they stand."""
        return self.gate.passed(self.metrics)

    def accepted(self) -> NDArray[np.bool_]:
        """Whether each hand (N,) is accepted: by a person where one decided, else by the gate."""
        verdicts = self.by_gate()
        for i, id in enumerate(self.ids):
            if id in self._said.marks:
                verdicts[i] = self._said.marks[id].accepted
        return verdicts

    def state(self, i: int, passed: bool) -> str:
        """One of STATES; `passed` is the gate's verdict."""
        mark = self._said.marks.get(self.ids[i])
        if mark is None:
            return STATES[0] if passed else STATES[1]
        return STATES[2] if mark.accepted else STATES[3]

    def judged(self, i: int) -> Screening:
        """Hand i judged by the limits as they stand, with its sentences."""
        id = self.ids[i]
        return self.gate.decide(id, self.shown[id].peaks, self.shown[id].labels)

    def reasons(self, i: int) -> tuple[str, ...]:
        """Codes of the checks that hand i fails, by the limits as they stand."""
        hand = self.shown[self.ids[i]]
        own = tuple(c.code for c in self.gate.checks if c.excess(hand.metrics[c.metric]) > 0)
        return ("MIRROR", *own) if own and "MIRROR" in hand.reasons else own

    def facets(self) -> Counter[str]:
        """How many hands fail each check, by the limits as they stand; "none": how many pass."""
        counts: Counter[str] = Counter()
        failed = (self.gate.excess(self.metrics) > 0).sum(1)
        for check, count in zip(self.gate.checks, failed.tolist(), strict=True):
            if count:
                counts[check.code] = count
        passed = self.by_gate()
        mirrored = [
            "MIRROR" in self.shown[id].reasons and not ok
            for id, ok in zip(self.ids, passed, strict=True)
        ]
        if any(mirrored):
            counts["MIRROR"] = sum(mirrored)
        counts["none"] = int(passed.sum())
        return counts

    def order(self, key: str, falling: bool = False) -> list[int]:
        """Numbers of hands sorted by "name", "nearest to passing", or a metric; NaN comes last."""
        if key == "name":
            return sorted(range(len(self)), key=lambda i: self.ids[i], reverse=falling)
        if key == "nearest to passing":
            each = self.gate.excess(self.metrics)
            worst, whole = each.max(0), np.maximum(each, 0).sum(0)
            rank = np.lexsort((whole, np.where(worst <= 0, np.inf, worst)))  # whole breaks ties
            values = np.empty(len(self))
            values[rank] = np.arange(len(self))
        else:
            values = np.abs(self.metrics[key])
        values = np.where(np.isnan(values), np.inf, -values if falling else values)
        return np.argsort(values, kind="stable").tolist()

    def matches(self, text: str) -> NDArray[np.bool_]:
        """Hands (N,) that a filter such as `wrist > 16 & extra = 0` lets through. A reason alone
        stands for the hands that have it, another word is looked for in the names. InputError for a
        metric that does not exist."""
        titles = {TITLES[check.code].lower(): check for check in self.gate.checks}
        codes = {
            word.lower(): code
            for code, title in TITLES.items()
            if code != "none"
            for word in (code, title)
        }
        found = np.ones(len(self), dtype=bool)
        for term in filter(None, (part.strip() for part in text.split("&"))):
            parsed = TERM.fullmatch(term)
            if parsed is None and re.search("[<>=]", term):
                raise InputError(f"'{term}' is not understood; write for example wrist > 16")
            if parsed is None and (code := codes.get(term.lower())):
                found &= np.array([code in self.reasons(i) for i in range(len(self))], dtype=bool)
                continue
            if parsed is None:
                found &= np.array([term.lower() in id.lower() for id in self.ids], dtype=bool)
                continue
            name, sign, number = parsed.groups()
            check = titles.get(name.lower())
            metric = check.metric if check else name.lower()
            if metric not in self.metrics:
                raise InputError(f"'{name}' is no metric; there is {', '.join(self.metrics)}")
            values = self.metrics[metric]
            plain = metric not in SIGNED or number.startswith("-")
            found &= COMPARE[sign](values if plain else np.abs(values), float(number))
        return found

    def failures(self) -> NDArray[np.float64]:
        """The share of rejected hands in which each landmark (37,) is at fault: absent, sharing a
        peak, or far from its place on the mean hand."""
        rejected = np.flatnonzero(~self.by_gate())
        faults = [self._faults(self.shown[self.ids[i]]) for i in rejected]
        return np.mean(faults, axis=0) if faults else np.zeros(COUNT)

    def _faults(self, hand: Screening) -> NDArray[np.bool_]:
        """Landmarks (37,) at fault; remembered, for it takes a robust fit."""
        if self._faulty.get(hand.id, (None,))[0] is hand:
            return self._faulty[hand.id][1]
        faulty = hand.labels.peaks < 0
        for group in peak_groups(hand.labels, self.gate.exempt):
            faulty[group] = True
        norms = self.gate.norms
        if not np.isnan(hand.landmarks).any() and (~faulty).sum() > LEAST_KNOWN:
            onto, _ = norms.shape.robust_fit(hand.landmarks, ~faulty)
            off = np.hypot(*(apply(onto, hand.landmarks) - norms.shape.mean).T)
            faulty = faulty | (off > np.maximum(FAR_SD * norms.spread, FAR_MM))
        self._faulty[hand.id] = (hand, faulty)
        return faulty

    # -- what people say -------------------------------------------------------------------------

    def limits_moved(self) -> dict[str, float]:
        """Limits, by code, that are not those of the gate."""
        usual = self.usual_limits
        return {code: v for code, v in self.gate.limits.items() if v != usual[code]}

    @property
    def usual_limits(self) -> Mapping[str, float]:
        """The gate's own limits, by code."""
        return load_gate(self.gate.name).limits

    def set_limits(self, limits: Mapping[str, float]) -> None:
        """Decide by other limits, by code. Limits are no part of the undo."""
        self.gate = self.gate.with_limits(limits)

    def mark(self, ids: Iterable[str], accepted: bool | None) -> None:
        """Overrule the gate about hands, or (None) leave them to it again."""
        marks = dict(self._said.marks)
        by, when = user(), time.strftime("%Y-%m-%dT%H:%M:%S")
        for id in ids:
            marks.pop(id, None)
            before = self._said.marks.get(id)
            if accepted is not None:
                same = before is not None and (before.accepted, before.by) == (accepted, by)
                marks[id] = before if same and before else Mark(accepted, by, when)
        self._say(replace(self._said, marks=marks))

    def move(self, id: str, landmark: int, peak: int) -> None:
        """Say that a landmark is another peak (ABSENT: that it has none); who had that peak takes
        the one left behind."""
        labels = self.shown[id].labels.peaks
        other = np.flatnonzero((labels == peak) & (labels != ABSENT))
        moves = {**self._said.moved.get(id, {}), landmark: peak}
        if other.size and other[0] != landmark:
            moves[int(other[0])] = int(labels[landmark])
        self._say(replace(self._said, moved={**self._said.moved, id: moves}))

    def edited(self, id: str) -> bool:
        """Whether labels of a hand were moved by hand."""
        return id in self._said.moved

    def mark_of(self, id: str) -> Mark | None:
        """What a person decided about a hand."""
        return self._said.marks.get(id)

    def _say(self, said: Said) -> None:
        if said == self._said:
            return
        name = what_changed(self._said, said)
        self.history.did(Replace(name, self._put, self._said, said))
        self._put(said)

    def _put(self, said: Any) -> None:
        self._said = said
        self._apply()

    def _apply(self) -> None:
        """Judge edited hands anew."""
        self.shown = dict(self._original)
        for id, moves in self._said.moved.items():
            hand = self._original[id]
            peaks = hand.labels.peaks.copy()
            for landmark, peak in moves.items():
                peaks[landmark] = peak
            self.shown[id] = self.gate.decide(id, hand.peaks, replace(hand.labels, peaks=peaks))
        self.metrics = columns([self.shown[id] for id in self.ids])

    # -- its file --------------------------------------------------------------------------------

    def card(self, file: Path | None = None) -> dict[str, Any]:
        return {"run": said_from(self.folder, file), **self.as_table()}

    def arrays(self) -> dict[str, Array]:
        return {}

    @classmethod
    def restore(cls, card: Mapping[str, Any], arrays: Arrays) -> Review:
        folder = Path(arrays.where).parent / str(card.get("run", ""))
        review = cls.open(folder)
        review._take_checked(card, str(folder))
        return review

    def save(self) -> Path:
        """Write `review.json` beside the screening."""
        path = self.folder / REVIEW
        write_json(path, self.as_table())
        return path

    def as_table(self) -> dict[str, Any]:
        """Limits, marks and moved labels."""
        return {
            "gate": self.gate.name,
            "limits": {check.code: check.limit for check in self.gate.checks},
            **self._said.as_table(self.folder, self._waiting),
        }

    def _read(self) -> None:
        """What people said before, if they did."""
        path = self.folder / REVIEW
        if not path.exists():
            return
        try:
            table = read_json(path)
        except InputError as error:
            raise InputError(_DAMAGED.format(path, error)) from error
        self._take_checked(table, str(path))

    def _take_checked(self, table: Mapping[str, Any], where: str) -> None:
        try:
            self._take(table)
            if table["gate"] == self.gate.name:  # limits of another gate mean other things
                limits = {code: float(v) for code, v in table["limits"].items()}
                if not all(map(math.isfinite, limits.values())):
                    raise ValueError("a limit is no number")
                self.set_limits(limits)
            self._apply()
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise InputError(_DAMAGED.format(where, repr(error))) from error

    def _take(self, table: Mapping[str, Any]) -> None:
        """What a table says of hands that are here, where it was said of the very heatmap; what it
        says of others waits for them."""
        was = table.get("heatmaps", {}).items()
        here = ((id, seen) for id, seen in was if id in self._original)
        known = {id for id, seen in here if seen == heatmap_hash(self.folder, id)}
        self._said = self._said.with_table(table, known)
        self._waiting = rest_of(table, self._original)
