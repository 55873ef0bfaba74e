"""The vertebra strip: a row a level, from T1 to L5, with its grade and worst loss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPalette, QPolygonF
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from xgen_studio.studio.words import plain
from xgen_studio.wings.spine.pages.colours import LETTERS, WARNING, grade_colour
from xgen_studio.wings.spine.science.findings import Finding, Grade
from xgen_studio.wings.spine.science.levels import GRADED, RARE, in_order
from xgen_studio.wings.spine.science.summary import Change, grade_in_words

ROW = QSize(190, 31)
ROLE = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Row:
    """One level. `finding` is None where it is not evaluable, for which `why` says the reason,
    where it was not measured yet, and where it is not `present` in the mask."""

    level: str
    finding: Finding | None = None
    why: str = ""
    by_reader: bool = False
    change: Change | None = None
    present: bool = False

    @property
    def missing(self) -> str:
        """In a few words, why there is no finding."""
        if self.why:
            return "not evaluable"
        return "to be measured" if self.present else "not in the mask"

    @property
    def said(self) -> str:
        """All of it in words, as a screen reader and the tip have it."""
        finding = self.finding
        if finding is None:
            return f"{self.level}: {self.missing}{f': {self.why}' if self.why else ''}"
        low, high = finding.rhlv_interval[finding.worst]
        lines = [
            f"{self.level}: {grade_in_words(finding)}",
            f"{finding.worst} third: {percent(finding.rhlv[finding.worst])} of its height lost,"
            f" 90 % interval {100 * low:.0f} to {100 * high:.0f} %",
            finding.reason,
            f"confidence {finding.confidence}",
            *(f"- {flag}" for flag in finding.flags),
        ]
        if self.change is not None:
            lines.append(f"since the earlier scan: {self.change.in_words}")
        return "\n".join(lines)


def percent(share: float) -> str:
    """A share as whole per cent."""
    return f"{100 * share:.0f} %"


def span(low: float, high: float) -> str:
    """The ends of an interval of shares in whole per cent."""
    return f"{round(100 * low)}..{round(100 * high)}"


def rows_of(
    findings: Iterable[Finding],
    reasons: dict[str, str],
    by_reader: Iterable[str],
    changes: Iterable[Change],
    present: Iterable[str] = (),
) -> list[Row]:
    """A row for T1 to L5, and for T13 and L6 where the mask has them or they were measured."""
    found = {f.level: f for f in findings}
    moved = {c.level: c for c in changes}
    changed_by = set(by_reader)
    held = set(present)
    seen = {*found, *reasons, *held}
    levels = {n for n in GRADED if n not in RARE or n in seen}
    return [
        Row(n, found.get(n), reasons.get(n, ""), n in changed_by, moved.get(n), n in held)
        for n in in_order(levels)
    ]


class Strip(QListWidget):
    """Click a level, or go up and down with the arrow keys."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(_Painter(self))
        self.setUniformItemSizes(True)
        self.setMinimumWidth(ROW.width())
        self.setAccessibleName("vertebrae")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.stale = False
        self.put([Row(n) for n in GRADED if n not in RARE])
        self.currentItemChanged.connect(self._moved)

    def put(self, rows: Iterable[Row], stale: bool = False) -> None:
        """Show the rows; the level that is chosen stays so. `stale` ones are drawn faint."""
        level, self.stale = self.level, stale
        self.blockSignals(True)
        rows = list(rows)
        while self.count() > len(rows):
            self.takeItem(self.count() - 1)
        while self.count() < len(rows):
            self.addItem(QListWidgetItem())
        for i, row in enumerate(rows):
            item = self.item(i)
            item.setData(ROLE, row)
            item.setText(row.said)
            item.setToolTip(plain(row.said))
        self.blockSignals(False)
        self.select(level)
        self.viewport().update()

    @property
    def level(self) -> str:
        """The level that is chosen, or ''."""
        row = self.row_at(self.currentRow())
        return row.level if row else ""

    def row_at(self, index: int) -> Row | None:
        """What a row shows."""
        item = self.item(index)
        found = item.data(ROLE) if item is not None else None
        return found if isinstance(found, Row) else None

    def select(self, level: str) -> None:
        """Choose a level without telling."""
        self.blockSignals(True)
        names = [row.level for i in range(self.count()) if (row := self.row_at(i))]
        self.setCurrentRow(names.index(level) if level in names else -1)
        self.blockSignals(False)

    def _moved(self, now: QListWidgetItem | None, _before: object) -> None:
        if now is not None:
            self.chosen.emit(now.data(ROLE).level)


class _Painter(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return ROW

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROLE)
        strip = self.parent()
        if not isinstance(row, Row) or not isinstance(strip, Strip):
            return
        rect, palette = QRectF(option.rect), option.palette
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            tint = QColor(palette.color(QPalette.ColorRole.Highlight))
            tint.setAlpha(70)
            painter.fillRect(rect, tint)
        strong, faint = palette.color(QPalette.ColorRole.Text), palette.placeholderText().color()
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(strong if row.finding else faint)
        at = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect.adjusted(8, 0, 0, 0), at | Qt.AlignmentFlag.AlignLeft, row.level)
        font.setBold(False)
        painter.setFont(font)
        if row.finding is None:
            painter.drawText(rect.adjusted(46, 0, -4, 0), at, row.missing)
            painter.restore()
            return
        if strip.stale:
            painter.setOpacity(0.45)
        self._chip(painter, rect, row.finding)
        worst = row.finding.worst
        low, high = row.finding.rhlv_interval[worst]
        painter.setPen(strong)
        painter.drawText(rect.adjusted(86, 0, 0, 0), at, percent(row.finding.rhlv[worst]))
        painter.setPen(faint)
        painter.drawText(rect.adjusted(126, 0, 0, 0), at, span(low, high))
        self._marks(painter, rect, row, strong)
        painter.restore()

    @staticmethod
    def _chip(painter: QPainter, rect: QRectF, finding: Finding) -> None:
        chip = QRectF(rect.left() + 46, rect.top() + 5, 34, rect.height() - 10)
        unsure = finding.confidence == "none"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(grade_colour(None if unsure else int(finding.grade)))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QColor("white"))
        letter = LETTERS[finding.type] if finding.grade > Grade.NORMAL else ""
        said = f"{int(finding.grade)} {letter}".strip()
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, f"{said}?" if unsure else said)

    @staticmethod
    def _marks(painter: QPainter, rect: QRectF, row: Row, pen: QColor) -> None:
        """Low confidence: a triangle; a reader's grade: R; worse than before: an arrow."""
        x, y = rect.right() - 12, rect.center().y()
        assert row.finding is not None
        if row.finding.confidence != "high":
            painter.setBrush(WARNING)
            painter.setPen(Qt.PenStyle.NoPen)
            corners = [QPointF(x - 6, y + 5), QPointF(x + 6, y + 5), QPointF(x, y - 6)]
            painter.drawPolygon(QPolygonF(corners))
            painter.setPen(QColor("black"))
            painter.drawText(QRectF(x - 6, y - 6, 12, 13), Qt.AlignmentFlag.AlignCenter, "!")
            x -= 15
        if row.by_reader:
            painter.setPen(pen)
            painter.drawText(QRectF(x - 6, y - 8, 12, 16), Qt.AlignmentFlag.AlignCenter, "R")
            x -= 13
        before, now = row.change.grades if row.change else (None, None)
        if before is not None and now is not None and now > before:
            painter.setBrush(grade_colour(3))
            painter.setPen(Qt.PenStyle.NoPen)
            arrow = [QPointF(x - 5, y - 4), QPointF(x + 5, y - 4), QPointF(x, y + 5)]
            painter.drawPolygon(QPolygonF(arrow))
