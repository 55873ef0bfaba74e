"""The numbers of one vertebra, each with its unit."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QHeaderView,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.pages.colours import grade_colour
from xgen_studio.wings.spine.pages.strip import span
from xgen_studio.wings.spine.science.findings import THIRDS, Finding
from xgen_studio.wings.spine.science.summary import SEVERITY, Change

Rows = list[tuple[str, ...]]


class ProbabilityBars(QWidget):
    """How probable each grade is."""

    def __init__(self) -> None:
        super().__init__()
        self.values: tuple[float, ...] = ()
        self.setFixedHeight(76)
        self.setAccessibleName("probabilities of the grades")

    def sizeHint(self) -> QSize:
        return QSize(260, 76)

    def put(self, values: tuple[float, ...]) -> None:
        """Of the grades 0 to 3."""
        self.values = values
        said = "; ".join(f"grade {g}: {100 * p:.0f} %" for g, p in enumerate(values))
        self.setToolTip(said)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        text = self.palette().color(QPalette.ColorRole.Text)
        edge = self.palette().color(QPalette.ColorRole.Mid)
        left, right = 96.0, 44.0
        wide = max(self.width() - left - right, 20.0)
        for grade, (value, word) in enumerate(zip(self.values, SEVERITY.values(), strict=False)):
            y = grade * 19.0
            painter.setPen(text)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(4, y, left, 18), middle, f"{grade}  {word}")
            painter.fillRect(QRectF(left, y + 4, wide, 11), edge)
            painter.fillRect(QRectF(left, y + 4, wide * value, 11), grade_colour(grade))
            painter.drawText(QRectF(left + wide + 6, y, right, 18), middle, f"{100 * value:.0f} %")


class _Table(QTableWidget):
    """Read, not edited; as high as its rows."""

    def __init__(self, heads: tuple[str, ...], name: str) -> None:
        super().__init__(0, len(heads))
        self.setHorizontalHeaderLabels(list(heads))
        self.verticalHeader().hide()
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.verticalHeader().setDefaultSectionSize(22)

    def put(self, rows: Rows) -> None:
        """Texts, a row each."""
        self.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(i, j, item)
        header = self.horizontalHeader()
        head = 0 if header.isHidden() else header.sizeHint().height()
        self.setFixedHeight(22 * len(rows) + head + 4)


def thirds_rows(finding: Finding) -> Rows:
    """Third, real and healthy height, loss with its interval."""
    rows: Rows = []
    for third in THIRDS:
        low, high = finding.rhlv_interval[third]
        short, tall = finding.healthy_interval_mm[third]
        rows.append(
            (
                third,
                f"{finding.heights_mm[third]:.1f}",
                f"{finding.healthy_mm[third]:.1f} ({short:.1f}..{tall:.1f})",
                f"{round(100 * finding.rhlv[third])} ({span(low, high)})",
            )
        )
    return rows


def signed(value: float, places: int = 0) -> str:
    """A change with its sign; none where it rounds to nothing."""
    rounded = round(value, places)
    return f"{rounded:+.{places}f}" if rounded else f"{0:.{places}f}"


def fact_rows(finding: Finding, change: Change | None) -> Rows:
    """All other numbers: what it is, and the value with its unit."""
    points = finding.six_point_mm
    rows: Rows = [
        ("Ha / Hm / Hp", " / ".join(f"{points[k]:.1f}" for k in ("Ha", "Hm", "Hp")) + " mm"),
        *((name, f"{value:.2f}") for name, value in finding.ratios.items()),
        ("upper endplate lost", f"{finding.endplate_mm['upper']:.1f} mm"),
        ("lower endplate lost", f"{finding.endplate_mm['lower']:.1f} mm"),
        (
            "mask 1 voxel more / less",
            " / ".join(signed(100 * finding.voxel_sensitivity[k]) for k in ("grown", "shrunk"))
            + " points of loss",
        ),
        (
            "20/25/40 % rule; SVM",
            f"grade {int(finding.grade_rule)}, grade {int(finding.grade_svm)}",
        ),
        (
            "thirds, released code",
            " / ".join(str(round(100 * finding.released_rhlv[t])) for t in THIRDS) + " %",
        ),
        ("references", ", ".join(finding.references) or "none: norms alone"),
    ]
    if finding.density_hu is not None:
        rows.append(("density (never graded)", f"{finding.density_hu:.0f} HU"))
    if change is not None and None not in change.grades:
        before, now = change.grades
        assert before is not None and now is not None
        rows += [
            ("since the earlier scan", f"grade {int(before)} to {int(now)}: {change.in_words}"),
            (
                "change of the thirds",
                " / ".join(signed(change.heights_mm[t], 1) for t in THIRDS) + " mm",
            ),
            (
                "change of their loss",
                " / ".join(signed(change.points[t]) for t in THIRDS) + " points",
            ),
        ]
    elif change is not None:
        rows.append(("since the earlier scan", change.in_words))
    return rows


class Numbers(QScrollArea):
    """Thirds, probabilities, all else."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.thirds = _Table(("third", "real mm", "healthy mm", "loss %"), "heights of the thirds")
        self.bars = ProbabilityBars()
        self.facts = _Table(("measure", "value"), "further measures")
        self.facts.horizontalHeader().hide()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 4, 4, 4)
        note = Words("In brackets: 90 % intervals.")
        head = Words("How probable each grade is")
        for words, role in ((note, "faint"), (head, "heading")):
            words.setProperty("role", role)
        for widget in (self.thirds, note, head, self.bars, self.facts):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(inside)
        self.inside = inside
        self.put(None, None)

    def put(self, finding: Finding | None, change: Change | None) -> None:
        """Show a vertebra's numbers, or none."""
        self.inside.setVisible(finding is not None)
        if finding is not None:
            self.thirds.put(thirds_rows(finding))
            self.bars.put(finding.probabilities)
            self.facts.put(fact_rows(finding, change))
