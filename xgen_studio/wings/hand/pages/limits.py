"""What-if: a slider for each limit. Moving one decides all hands anew, and says how many real hands
the same limits would let pass."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from xgen_studio.evaluation.statistics import wilson
from xgen_studio.wings.hand.science.gate import Check
from xgen_studio.wings.hand.science.wording import TIPS, TITLES, sign_of, with_unit
from xgen_studio.wings.hand.tasks.review import Review

STEPS = 200
WIDTH = 226  # px at least
ROOM = 300  # px asked for


def ends_of(check: Check) -> tuple[float, float]:
    """The strictest and the loosest limit that a slider offers."""
    if check.at_least:
        low = {"inliers": 10.0, "edges": -8.0}.get(check.metric, 0.0)
        high = {"inliers": 37.0, "edges": -0.5}.get(check.metric, 1.0)
        return high, low
    if check.unit_is_count:
        return 0.0, 10.0
    return 0.0, {"WRIST": 40.0, "BONE": 15.0, "SHAPE": 150.0, "RESIDUAL": 6.0}.get(check.code, 60.0)


class LimitsPanel(QWidget):
    """The sliders of a review's gate, and two rates."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.review: Review | None = None
        self.sliders: dict[str, QSlider] = {}
        self._values: dict[str, QLabel] = {}
        self._quiet = False
        self.synthetic, self.real = QLabel(), QLabel()
        for label in (self.synthetic, self.real):
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setWordWrap(True)
        self.reset = QPushButton("Limits of the gate")
        self.reset.setToolTip("Back to the limits that were set on real hands")
        self.reset.clicked.connect(self._reset)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setVerticalSpacing(2)
        column = QVBoxLayout(self)
        column.addWidget(self.synthetic)
        column.addWidget(self.real)
        column.addLayout(self._grid)
        column.addWidget(self.reset)
        column.addStretch()
        self.setMinimumWidth(WIDTH)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Room for the sliders of a run, before one is open, so that nothing moves then."""
        return super().sizeHint().expandedTo(QSize(ROOM, 19 * self.fontMetrics().lineSpacing()))

    def show_review(self, review: Review | None) -> None:
        """Show the limits of a review."""
        self.review = review
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        self.sliders, self._values = {}, {}
        if review is not None:
            for row, check in enumerate(review.gate.checks):
                self._add(row, check)
        self.refresh()

    def _add(self, row: int, check: Check) -> None:
        title, value = QLabel(TITLES[check.code]), QLabel()
        strict, loose = ends_of(check)
        whole = check.unit_is_count or check.metric == "inliers"  # a step is one of them
        steps = round(abs(loose - strict)) if whole else STEPS
        slider = QSlider(Qt.Orientation.Horizontal, minimum=0, maximum=steps)
        slider.setAccessibleName(f"limit of {TITLES[check.code]}")
        tip = f"{TIPS[check.code]}; {'at least' if check.at_least else 'at most'} this is let pass"
        for widget in (title, slider, value):
            widget.setToolTip(tip)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("59.8 landmarks"))
        value.setAlignment(Qt.AlignmentFlag.AlignRight)
        slider.setValue(_place(check, steps))
        slider.valueChanged.connect(lambda place, code=check.code: self._moved(code, place))
        self.sliders[check.code], self._values[check.code] = slider, value
        self._grid.addWidget(title, row, 0)
        self._grid.addWidget(slider, row, 1)
        self._grid.addWidget(value, row, 2)
        self._grid.setRowMinimumHeight(row, title.fontMetrics().height() + 2)

    def _moved(self, code: str, place: int) -> None:
        if self._quiet or self.review is None:
            return
        check = next(c for c in self.review.gate.checks if c.code == code)
        strict, loose = ends_of(check)
        limit = strict + (loose - strict) * place / self.sliders[code].maximum()
        self.review.set_limits({code: limit})
        self.refresh()
        self.changed.emit()

    def _reset(self) -> None:
        if self.review is None:
            return
        self.review.set_limits(self.review.usual_limits)
        self._quiet = True
        for check in self.review.gate.checks:
            slider = self.sliders[check.code]
            slider.setValue(_place(check, slider.maximum()))
        self._quiet = False
        self.refresh()
        self.changed.emit()

    def refresh(self) -> None:
        """Say the limits and the rates as they stand."""
        if self.review is None:
            self.reset.setEnabled(False)
            self.synthetic.setText("No run is open.")
            self.real.setText("")
            return
        usual_limits = self.review.usual_limits
        for check in self.review.gate.checks:
            value = self._values[check.code]
            value.setText(f"{sign_of(check)} {with_unit(check.metric, check.limit)}")
            moved = check.limit != usual_limits[check.code]
            value.setStyleSheet("font-weight: 600" if moved else "")
        passed, n = int(self.review.by_gate().sum()), len(self.review)
        self.synthetic.setText(f"Synthetic hands that pass:<br><b>{rate(passed, n)}</b>")
        gate = self.review.gate
        self.real.setText(f"Real hands, the same limits:<br><b>{rate(*gate.real_rate())}</b>")
        own = gate.limits == usual_limits
        self.reset.setEnabled(not own)
        self.real.setToolTip(gate.how_real if own else "limits moved by you, on those same hands")


def _place(check: Check, steps: int) -> int:
    """Of a slider that stands at the limit."""
    strict, loose = ends_of(check)
    return round((check.limit - strict) / (loose - strict) * steps)


def rate(part: int, whole: int) -> str:
    """'93.0 % [90.1, 95.1], 372 of 400'."""
    if not whole:
        return "none"
    low, high = wilson(part, whole)
    return f"{100 * part / whole:.1f} % [{100 * low:.1f}, {100 * high:.1f}], {part} of {whole}"
