"""Take a reviewed run out as a training set: pictures, tables, COCO, arrays, and a report."""

from __future__ import annotations

import base64
import html
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import xgen_studio
from xgen_studio.errors import CallError, InputError
from xgen_studio.evaluation.statistics import wilson
from xgen_studio.foreign import read_json
from xgen_studio.imaging import atomic_folder, atomic_write, make_folder, read_image, write_json
from xgen_studio.tasks.provenance import named
from xgen_studio.tasks.targets import check_no_link, plain_name
from xgen_studio.wings.hand.science.annotation import Annotation, State
from xgen_studio.wings.hand.science.landmarks import NAMES
from xgen_studio.wings.hand.science.measures import merged_pairs
from xgen_studio.wings.hand.science.wording import TIPS, TITLES, limits_in_words
from xgen_studio.wings.hand.science.writing import coco, write_table
from xgen_studio.wings.hand.tasks.review import STATES, Review
from xgen_studio.wings.hand.tasks.screening import FILE

WHICH = ("accepted", "rejected", "accepted by hand", "all")
ARRAYS = "hands.npz"
MOST_THUMBNAILS = 400  # of the report; rejected hands come first
THUMBNAIL = 124  # px

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:80em;padding:0 1em;
background:#16181d;color:#e6e8eb} td,th{padding:2px 14px 2px 0;text-align:left}
figure{display:inline-block;margin:0 8px 8px 0;width:128px;vertical-align:top}
img{width:124px;border:2px solid #3fae6a;border-radius:4px} .rejected img{border-color:#d2564c}
figcaption{color:#9aa3ad;font-size:12px;line-height:1.3} .note{color:#e0b050}
"""


def check_which(which: str) -> None:
    """CallError for a kind of hands that there is not."""
    if which not in WHICH:
        raise CallError(f"--which '{which}': it is {', '.join(WHICH)}")


def chosen(review: Review, which: str) -> list[int]:
    """Numbers of the hands of a kind; CallError for another kind."""
    check_which(which)
    passed, accepted = review.by_gate(), review.accepted()
    if which == "all":
        return list(range(len(review)))
    if which == "accepted by hand":
        return [i for i in range(len(review)) if review.state(i, bool(passed[i])) == STATES[2]]
    return [i for i in range(len(review)) if bool(accepted[i]) == (which == "accepted")]


@dataclass(frozen=True)
class Exported:
    """What was written: how many hands, how many of them have all 37 landmarks, and whether those
    are arrays, too: that takes pictures of one size."""

    folder: Path
    hands: int
    complete: int
    arrays: bool

    def in_words(self) -> str:
        """For the status line and the terminal."""
        text = f"{self.hands} hand(s) in {self.folder}"
        if lacking := self.hands - self.complete:
            text += (
                f"; {lacking} lack a landmark: they are in images/, annotations.json and the"
                f" manifest, not in landmarks.csv and {ARRAYS}"
            )
        if self.complete and not self.arrays:
            text += f"; the pictures differ in size: there is no {ARRAYS}"
        return text


def export_hands(review: Review, out: Path, which: str = "accepted") -> Exported:
    """Write `images/ID.png`, `landmarks.csv`, `annotations.json` (COCO), `hands.npz`,
    `manifest.json` and the report. Landmarks of the files are in px, pixel centres at whole numbers
    (in `hands.npz`, as in all training arrays, the edges). Hands that lack a landmark are neither
    in the table nor in the arrays, which have no word for that.
    """
    if not out.exists():
        check_no_link(out)
    numbers, out = chosen(review, which), out.resolve()
    if not numbers:
        raise InputError(f"{review.folder}: no hand is {which}; nothing was written")
    if out == review.folder.resolve():
        raise CallError(f"{out}: is the run itself; name another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is not an empty folder; name another one")
    for i in numbers:
        plain_name(review.ids[i])
    with atomic_folder(out) as half:
        complete, arrays = _write_set(review, numbers, which, half)
    return Exported(out, len(numbers), complete, arrays)


def _write_set(review: Review, numbers: list[int], which: str, out: Path) -> tuple[int, bool]:
    """Write everything; returns how many hands have all landmarks, and whether arrays hold them."""
    make_folder(out / "images")
    passed = review.by_gate()
    entries, pictures, points, ids = [], [], [], []
    hands: dict[str, Annotation] = {}
    for i in numbers:
        id = review.ids[i]
        hand = review.shown[id]
        source = review.folder / f"{id}.png"
        pixels = read_image(source).pixels
        shutil.copyfile(source, out / "images" / f"{id}.png")
        entries.append(
            {
                "id": id,
                "decision": review.state(i, bool(passed[i])),
                "reasons": list(review.reasons(i)),
                "labels_moved_by_hand": review.edited(id),
                "landmarks_absent": np.flatnonzero(hand.labels.peaks < 0).tolist(),
                "landmarks_merged": merged_pairs(hand.labels),
                "provenance": _provenance(source.with_suffix(".json")),
            }
        )
        found = hand.labels.peaks >= 0
        states = tuple(State.PLACED if ok else State.ABSENT for ok in found)
        centred = np.where(found[:, None], hand.landmarks - 0.5, np.nan)
        hands[f"images/{id}.png"] = Annotation(centred, states, pixels.shape[::-1])
        if found.all():
            ids.append(id)
            points.append(hand.landmarks)
            pictures.append(np.rint(pixels / np.iinfo(pixels.dtype).max * 255).astype(np.uint8))
    write_table(out / "landmarks.csv", {id: p - 0.5 for id, p in zip(ids, points, strict=True)})
    write_json(out / "annotations.json", coco(hands, "synthetic hands, not for diagnosis"))
    arrays = len({picture.shape for picture in pictures}) == 1
    if arrays:
        with (out / ARRAYS).open("wb") as file:
            np.savez_compressed(
                file,
                images=np.stack(pictures),
                points=np.stack(points).astype(np.float32),
                id=np.array(ids),
            )
    write_report(review, out)
    said = (
        "landmarks.csv, annotations.json: px, pixel centres at whole numbers; landmarks_merged:"
        " pairs whose blobs ran into each other, their places are the two halves of the blob"
    )
    if arrays:
        said += f"; {ARRAYS}: px, pixel edges at whole numbers"
    write_json(
        out / "manifest.json",
        {
            "synthetic": True,
            "which": which,
            **named("run", review.folder / FILE),
            "total": len(entries),
            "with_all_landmarks": len(ids),
            "landmarks": said,
            "review": review.as_table(),
            "xgen_studio": xgen_studio.__version__,
            "hands": entries,
        },
    )
    return len(ids), arrays


def _provenance(path: Path) -> Any:
    try:
        return read_json(path)
    except InputError:
        return None


def _thumbnail(path: Path) -> str:
    """A small picture that travels inside the page."""
    from PIL import Image as pillow

    pixels = read_image(path).pixels
    grey = (pixels / np.iinfo(pixels.dtype).max * 255).astype(np.uint8)
    picture = pillow.fromarray(grey)
    picture.thumbnail((THUMBNAIL, 2 * THUMBNAIL))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def summary(review: Review) -> dict[str, Any]:
    """The report as numbers."""
    accepted, passed = review.accepted(), review.by_gate()
    real, n = review.gate.real_rate()
    states = [review.state(i, bool(p)) for i, p in enumerate(passed)]
    return {
        "synthetic": True,
        **named("run", review.folder / FILE),
        "gate": review.gate.name,
        "hands": len(review),
        "accepted": int(accepted.sum()),
        "interval95": wilson(int(accepted.sum()), len(review)),
        "states": {state: states.count(state) for state in STATES},
        "accepted_by_gate": int(passed.sum()),
        "accepted_with_merged_landmarks": sum(
            bool(merged_pairs(review.shown[id].labels))
            for id, ok in zip(review.ids, accepted, strict=True)
            if ok
        ),
        "reasons": dict(review.facets()),
        "real_hands": {
            "passed": real,
            "total": n,
            "interval95": wilson(real, n),
            "how": review.gate.how_real,
        },
        "limits": dict(review.gate.limits),
        "limits_moved": review.limits_moved(),
        "fault_of_landmark": dict(zip(NAMES, review.failures().round(4).tolist(), strict=True)),
    }


def _gate_in_words(numbers: dict[str, Any]) -> str:
    moved = numbers["limits_moved"]
    said = f" with limits that were moved ({limits_in_words(moved)})" if moved else ""
    return f"{numbers['gate']} gate{said}"


def write_report(review: Review, out: Path) -> Path:
    """`report.json` and `report.html`, with thumbnails and each rejected hand's reasons."""
    make_folder(out)
    numbers = summary(review)
    write_json(out / "report.json", numbers)
    low, high = (100 * v for v in numbers["interval95"])
    real = numbers["real_hands"]
    by_hand = sum(review.mark_of(id) is not None for id in review.ids)
    rows = "".join(
        f"<tr><td>{TITLES[code]}: {TIPS[code]}</td><td>{count}</td></tr>"
        for code, count in sorted(numbers["reasons"].items(), key=lambda item: -item[1])
        if code != "none"
    )
    accepted, passed = review.accepted(), review.by_gate()
    figures = []
    for i in sorted(range(len(review)), key=lambda i: bool(accepted[i]))[:MOST_THUMBNAILS]:
        hand = review.judged(i)
        state = review.state(i, bool(passed[i]))
        why = "" if state == STATES[0] else "; ".join(hand.details)
        if review.mark_of(hand.id) is not None:
            why = "; ".join(filter(None, (state, why)))
        source = _thumbnail(review.folder / f"{hand.id}.png")
        figures.append(
            f'<figure class="{"accepted" if accepted[i] else "rejected"}"><img loading="lazy"'
            f' src="{source}" alt="hand {html.escape(hand.id)}"><figcaption>{html.escape(hand.id)}'
            f" {html.escape(why)}</figcaption></figure>"
        )
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Screened hands</title>'
        f"<style>{STYLE}</style><h1>All hands of the run</h1>"
        '<p class="note">Synthetic radiographs. For research and teaching, not for diagnosis.</p>'
        f"<p>{numbers['accepted']} of {numbers['hands']} accepted, 95 % interval {low:.1f} to"
        f" {high:.1f} %. The {_gate_in_words(numbers)} accepts {numbers['accepted_by_gate']};"
        f" people decided about {by_hand}. Of real hands {real['passed']} of"
        f" {real['total']} pass the same gate. In {numbers['accepted_with_merged_landmarks']} of"
        " the accepted hands the blobs of two close landmarks (2 and 3, or 0 and 1) ran into each"
        " other; their places are the two halves of the blob.</p>"
        "<table><tr><th>reason</th><th>hands</th></tr>"
        f"{rows}</table><div>{''.join(figures)}</div></html>"
    )
    path = out / "report.html"
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
