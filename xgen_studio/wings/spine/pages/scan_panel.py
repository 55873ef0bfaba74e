"""The scan and its mask: how it was read, anchors, the proposal, the earlier scan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.actions import Actions
from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.pages.card import Warns
from xgen_studio.wings.spine.science.levels import ORDER
from xgen_studio.wings.spine.tasks.asks import Examined
from xgen_studio.wings.spine.tasks.spine_work import Reading, SpineWork

BUTTONS = (
    *("file.ct", "file.mask", "file.find", "file.prior", "file.no_prior"),
    *("spine.mark", "spine.propose"),
)
HOW = (
    "Put the cursor into a vertebra, choose its name, Mark. One is enough, the highest and the"
    " lowest are surer; without any the names are guessed. Then Propose, look, and mend with the"
    " brush."
)


class ScanPanel(QWidget):
    """Tab of the right dock; its buttons are the page's actions."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self.lines, self.doubts, self.prior = Words(), Warns(), Words()
        self.lines.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sound = Words("Nothing was found.")
        self.level = QComboBox()
        self.level.addItems(list(ORDER))
        self.level.setCurrentText("L1")
        self.level.setAccessibleName("name of the vertebra at the cursor")
        self.marks = Words()
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedHeight(8)
        self.doing = Words()
        self.cancel = QPushButton("Cancel")
        for words in (self.lines, self.doubts, self.prior, self.marks, self.doing):
            words.setWordWrap(True)
        self.buttons = {id: _button(actions[id]) for id in BUTTONS}
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(_heading("Scan"))
        column.addWidget(self.lines)
        column.addLayout(_line(self.buttons["file.ct"], self.buttons["file.mask"]))
        column.addWidget(self.buttons["file.find"])
        column.addWidget(_rule())
        column.addWidget(_heading("Propose the vertebral bodies"))
        how = Words(HOW)
        how.setWordWrap(True)
        how.setProperty("role", "faint")
        column.addWidget(how)
        column.addLayout(_line(self.level, self.buttons["spine.mark"]))
        column.addWidget(self.marks)
        column.addWidget(self.buttons["spine.propose"])
        column.addWidget(self.doing)
        column.addLayout(_line(self.progress, self.cancel))
        column.addWidget(_rule())
        column.addWidget(_heading("What is doubtful"))
        column.addWidget(self.doubts)
        column.addWidget(self.sound)
        column.addWidget(_rule())
        column.addWidget(_heading("Earlier scan of this patient"))
        column.addWidget(self.prior)
        column.addWidget(self.buttons["file.prior"])
        column.addWidget(self.buttons["file.no_prior"])
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        self.show_job("")

    def put(self, work: SpineWork | None, read: Iterable[str], examined: Examined | None) -> None:
        """Show how things were read, what is doubtful, what is marked; None: nothing is open."""
        lines = [line for line in read if line]
        reading = work.reading if work is not None else Reading()
        if work is not None and work.scan is None:
            lines.append("No CT: the mask is shown alone, and no density is known.")
        if examined is not None:
            lines += examined.notes
            if (trip := examined.round_trip_mm) is not None:
                lines.append(f"straightened and back: off by {trip:.2f} mm at most")
        self.buttons["file.find"].setVisible(work is not None and work.scan is None)
        self.lines.setText("\n".join(lines) or "Nothing is open.")
        said = [f"{n or 'scan'}: {text}" for n, texts in reading.doubts.items() for text in texts]
        self.doubts.setText("\n".join(f"• {text}" for text in said))
        self.doubts.setVisible(bool(said))
        self.sound.setVisible(not said)
        self.marks.setText(f"Marked: {', '.join(reading.anchors) or 'none'}")
        self.prior.setText(Path(reading.prior).name if reading.prior else "None.")

    def show_job(self, text: str, done: int = 0, total: int = 0) -> None:
        """What the worker does for this page; '' when it does nothing."""
        self.doing.setText(text)
        for widget in (self.doing, self.progress, self.cancel):
            widget.setVisible(bool(text))
        self.progress.setRange(0, total)
        self.progress.setValue(done)


def _button(action: QAction) -> QPushButton:
    button = QPushButton(action.text())
    button.setToolTip(action.toolTip())
    button.setMinimumWidth(60)
    button.clicked.connect(lambda _=False: action.trigger())
    action.enabledChanged.connect(button.setEnabled)
    button.setEnabled(action.isEnabled())
    return button


def _heading(text: str) -> Words:
    words = Words(text)
    words.setProperty("role", "heading")
    return words


def _rule() -> QFrame:
    rule = QFrame()
    rule.setFrameShape(QFrame.Shape.HLine)
    rule.setProperty("role", "line")
    return rule


def _line(*widgets: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget)
    return line
