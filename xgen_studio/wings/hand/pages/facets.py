"""Which hands the gallery shows and in which order: decision, reasons, a text, a sort."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.errors import InputError
from xgen_studio.studio.words import Words
from xgen_studio.wings.hand.science.measures import UNITS
from xgen_studio.wings.hand.science.wording import TIPS, TITLES
from xgen_studio.wings.hand.tasks.review import STATES, Review

ALL = "all hands"
SHOWN = (ALL, "accepted", "rejected", "decided by hand", "one reason only")
CODE = Qt.ItemDataRole.UserRole


class Facets(QWidget):
    """Emits `changed` when other hands are to be shown."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.review: Review | None = None
        self.state = QComboBox()
        self.state.addItems(SHOWN)
        self.state.setAccessibleName("which hands")
        self.sort = QComboBox()
        self.sort.addItems(["name", "nearest to passing", *UNITS])
        self.sort.setAccessibleName("order")
        self.falling = QToolButton(text="↓", checkable=True)
        self.falling.setToolTip("Largest first")
        self.filter = QLineEdit(placeholderText="wrist > 16 & extra = 0, or a name")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("filter")
        self.trouble = Words()
        self.trouble.setWordWrap(True)
        self.trouble.setProperty("role", "faint")
        self.reasons = QListWidget()
        self.reasons.setAccessibleName("reasons")
        self.reasons.setSpacing(2)
        self.reasons.setToolTip("Tick reasons to see the hands that have all of them")
        order = QHBoxLayout()
        order.addWidget(self.sort, 1)
        order.addWidget(self.falling)
        column = QVBoxLayout(self)
        column.setSpacing(4)
        for widget in (Words("Show"), self.state, Words("Order")):
            column.addWidget(widget)
        column.addLayout(order)
        column.addWidget(self.filter)
        column.addWidget(self.trouble)
        column.addWidget(Words("Reasons"))
        column.addWidget(self.reasons, 1)
        self.trouble.hide()
        self.state.currentIndexChanged.connect(self.changed)
        self.sort.currentIndexChanged.connect(self.changed)
        self.falling.toggled.connect(self.changed)
        self.filter.textChanged.connect(self.changed)
        self.reasons.itemChanged.connect(lambda _item: self.changed.emit())

    def show_review(self, review: Review | None) -> None:
        """Count the reasons of a review anew; what is ticked stays ticked."""
        self.review = review
        ticked = self.ticked()
        self.reasons.blockSignals(True)
        self.reasons.clear()
        facets = dict(review.facets()) if review is not None else {}
        facets |= {code: 0 for code in ticked if code not in facets}  # a filter never goes unsaid
        for code, count in sorted(facets.items(), key=lambda item: (item[0] == "none", -item[1])):
            item = QListWidgetItem(f"{TITLES[code]}   {count}")
            item.setData(CODE, code)
            item.setToolTip(f"{code}: {TIPS[code]}")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            on = code in ticked
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.reasons.addItem(item)
        self.reasons.blockSignals(False)

    def only(self, row: int) -> None:
        """Tick the reason in that row alone; if it is, none."""
        if row >= self.reasons.count():
            return
        alone = self.ticked() == {self.reasons.item(row).data(CODE)}
        self.reasons.blockSignals(True)
        for other in range(self.reasons.count()):
            on = other == row and not alone
            state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
            self.reasons.item(other).setCheckState(state)
        self.reasons.blockSignals(False)
        self.changed.emit()

    def ticked(self) -> set[str]:
        """Codes that are ticked."""
        items = (self.reasons.item(row) for row in range(self.reasons.count()))
        return {i.data(CODE) for i in items if i.checkState() == Qt.CheckState.Checked}

    def numbers(self) -> list[int]:
        """The hands to show, in order."""
        review = self.review
        if review is None:
            return []
        passed, accepted = review.by_gate(), review.accepted()
        shown = np.ones(len(review), dtype=bool)
        state, ticked = self.state.currentText(), self.ticked()
        if state in STATES[:2]:
            shown = accepted == (state == "accepted")
        elif state == "decided by hand":
            shown = np.array([review.mark_of(id) is not None for id in review.ids], dtype=bool)
        elif state == "one reason only":
            shown = (review.gate.excess(review.metrics) > 0).sum(0) == 1
        if "none" in ticked:
            shown = shown & passed
        if codes := ticked - {"none"}:
            shown = shown & np.array(
                [codes <= set(review.reasons(i)) for i in range(len(review))], dtype=bool
            )
        try:
            shown = shown & review.matches(self.filter.text())
            self.trouble.hide()
        except InputError as error:
            self.trouble.setText(str(error))
            self.trouble.show()
        order = review.order(self.sort.currentText(), self.falling.isChecked())
        return [i for i in order if shown[i]]
