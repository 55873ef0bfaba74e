"""The vertebra in sight: its name, grade, reason, and what lowers the confidence."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.pages.colours import WARNING, WARNING_ON_LIGHT, grade_colour
from xgen_studio.wings.spine.science.findings import Finding
from xgen_studio.wings.spine.science.summary import grade_in_words


class _Chip(QWidget):
    """The grade as a coloured digit."""

    def __init__(self) -> None:
        super().__init__()
        self.grade: int | None = None
        self.setFixedSize(QSize(30, 26))

    def put(self, grade: int | None) -> None:
        self.grade = grade
        self.setVisible(grade is not None)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(grade_colour(self.grade))
        box = QRectF(self.rect())
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor("white"))
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        said = "" if self.grade is None else str(self.grade)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)


class VertebraCard(QWidget):
    """Above the tabs of the right dock; `overrule` is its button."""

    def __init__(self) -> None:
        super().__init__()
        self.chip = _Chip()
        self.title = Words()
        self.title.setProperty("role", "heading")
        self.title.setWordWrap(True)
        self.overrule = QPushButton("Overrule ...")
        self.overrule.setToolTip("Give another grade, with a reason")
        self.reason = Words()
        self.flags = Warns()
        for words in (self.reason, self.flags):
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        line = QHBoxLayout()
        line.addWidget(self.chip)
        line.addWidget(self.title, 1)
        line.addWidget(self.overrule)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 4)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self.reason)
        column.addWidget(self.flags)
        self.put("", None, "", ())

    def put(
        self, level: str, finding: Finding | None, why: str, doubts: tuple[str, ...], note: str = ""
    ) -> None:
        """Show a level; `why` it is not evaluable, `doubts` of its mask, a `note` on the state."""
        self.overrule.setVisible(finding is not None)
        said = (*doubts, *(finding.flags if finding else ()))
        said = tuple(dict.fromkeys(said))
        self.flags.setText("\n".join(f"• {text}" for text in said))
        self.flags.setVisible(bool(said))
        if finding is not None:
            self.chip.put(int(finding.grade))
            low = "" if finding.confidence == "high" else f"; confidence {finding.confidence}"
            self.title.setText(f"{level}: {grade_in_words(finding)}{low}")
            reason = finding.reason[:1].upper() + finding.reason[1:]
            self.reason.setText(f"{reason}.{' ' + note if note else ''}")
            return
        self.chip.put(None)
        self.title.setText(level or "No vertebra chosen")
        empty = "Click one in the strip, or in the planes." if not level else note
        self.reason.setText(f"Not evaluable: {why}." if why else empty)


class Warns(Words):
    """Words in the colour of warnings, which follows the theme."""

    def __init__(self, text: str = "", style: str = "") -> None:
        super().__init__(text)
        self._style = style
        self._dress()

    def _dress(self) -> None:
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < 128
        colour = WARNING if dark else WARNING_ON_LIGHT
        wanted = f"color: {colour.name()}; {self._style}"
        if self.styleSheet() != wanted:
            self.setStyleSheet(wanted)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()


class Notice(Warns):
    """What must always be readable here."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "font-weight: 600; padding: 0 8px;")
        self.setAccessibleName(text)
