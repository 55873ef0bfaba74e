"""Two runs side by side, as a table."""

from __future__ import annotations

from html import escape
from typing import Any

from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from xgen_studio.wings.hand.pages.limits import rate
from xgen_studio.wings.hand.science.measures import SIGNED, UNITS
from xgen_studio.wings.hand.science.wording import TITLES, limits_in_words, with_unit
from xgen_studio.wings.hand.tasks.compare_runs import compared
from xgen_studio.wings.hand.tasks.review import Review


def page_of(table: dict[str, Any]) -> str:
    """The comparison as HTML."""
    one, other = table["one"], table["other"]

    def row(title: str, a: object, b: object) -> str:
        cells = "".join(f"<td style='padding:2px 16px 2px 0'>{escape(str(v))}</td>" for v in (a, b))
        return f"<tr><td style='padding:2px 16px 2px 0'><i>{escape(title)}</i></td>{cells}</tr>"

    rows = [row("Run", one["folder"], other["folder"]), row("Gate", one["gate"], other["gate"])]
    if one["limits_moved"] or other["limits_moved"]:
        moved = (limits_in_words(r["limits_moved"]) or "none" for r in (one, other))
        rows.append(row("Limits moved by you", *moved))
    rows.append(
        row("Accepted by the gate", *(rate(r["accepted"], r["hands"]) for r in (one, other)))
    )
    in_all = (rate(r["accepted_in_all"], r["hands"]) for r in (one, other))
    rows.append(row("Accepted, as people decided", *in_all))
    codes = [c for c in TITLES if c != "none" and (c in one["reasons"] or c in other["reasons"])]
    for code in codes:
        share = (
            f"{n} ({100 * n / max(hands, 1):.1f} %)"
            for n, hands in ((r["reasons"].get(code, 0), r["hands"]) for r in (one, other))
        )
        rows.append(row(f"Refused: {TITLES[code]}", *share))
    for metric in UNITS:
        medians = (with_unit(metric, r["medians"][metric]) for r in (one, other))
        size = f"size of {metric}" if metric in SIGNED else metric
        rows.append(row(f"median {size}", *medians))
    text = f"<table>{''.join(rows)}</table>"
    if "same_ids" in table:
        both = ", ".join(f"{name}: {count}" for name, count in table["same_ids"].items())
        text += f"<p>Of hands of the same names, as people decided, accepted in {both}.</p>"
    return text


class CompareDialog(QDialog):
    """Shows two reviews."""

    def __init__(self, one: Review, other: Review, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare runs")
        self.resize(760, 620)
        self.text = QTextBrowser()
        self.text.setHtml(page_of(compared(one, other)))
        column = QVBoxLayout(self)
        column.addWidget(self.text)
