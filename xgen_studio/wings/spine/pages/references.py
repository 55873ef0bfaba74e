"""Which vertebrae serve as healthy reference: the reader's choice."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.science.findings import Finding
from xgen_studio.wings.spine.science.summary import grade_in_words

HELP = (
    "A vertebra is expected to be as the ticked ones let one expect it, itself left out. Tick sound"
    " ones only; the grades follow at once."
)


class References(QWidget):
    """Checkboxes, a level each."""

    chosen = Signal(object)  # tuple of levels, or None: as measurement chooses

    def __init__(self) -> None:
        super().__init__()
        words = Words(HELP)
        words.setWordWrap(True)
        words.setProperty("role", "faint")
        self.list = QListWidget()
        self.list.setAccessibleName("references")
        self.list.setSpacing(2)
        self.list.itemChanged.connect(self._changed)
        self.auto = QPushButton("Choose by measurement")
        self.auto.setToolTip("Leave out the vertebrae that lost height against the others")
        self.auto.clicked.connect(lambda: self.chosen.emit(None))
        self.said = Words()
        self.said.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        for widget in (words, self.list, self.said, self.auto):
            column.addWidget(widget)

    def put(self, findings: Iterable[Finding], used: Iterable[str], by_reader: bool) -> None:
        """Show the levels, the ticked ones of which are used."""
        self.list.blockSignals(True)
        self.list.clear()
        ticked = set(used)
        for finding in findings:
            item = QListWidgetItem(f"{finding.level}   {grade_in_words(finding)}")
            item.setData(Qt.ItemDataRole.UserRole, finding.level)
            state = Qt.CheckState.Checked if finding.level in ticked else Qt.CheckState.Unchecked
            item.setCheckState(state)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self.auto.setEnabled(by_reader)
        who = "Chosen by you" if by_reader else "Chosen by measurement"
        self.said.setText(f"{who}: {', '.join(used) or 'none'}" if findings else "")

    def levels(self) -> tuple[str, ...]:
        """The ticked levels."""
        items = [self.list.item(i) for i in range(self.list.count())]
        ticked = [i for i in items if i.checkState() == Qt.CheckState.Checked]
        return tuple(item.data(Qt.ItemDataRole.UserRole) for item in ticked)

    def _changed(self, _item: QListWidgetItem) -> None:
        self.chosen.emit(self.levels())
