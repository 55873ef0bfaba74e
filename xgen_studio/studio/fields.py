"""Number fields: what is typed or pasted is understood alike everywhere, or the field says why not.

A point and a comma both stand before decimals, whatever the system's locale; groups of digits are
refused, because 1.000 is a thousand to one reader and one to the next. A field that refuses goes
back to its number of before, and `take_refusal` has the sentence.
"""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QValidator
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QToolTip,
    QWidget,
)

PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,](\d*))?|[.,](\d+))", re.ASCII)
LONGEST = 40  # letters of a text that are said again


def read_number(text: str, low: float, high: float, decimals: int) -> float:
    """The number that a text means; ValueError, one sentence, where that is not certain."""
    said = text.strip()
    shown = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    found = NUMBER.fullmatch(said)
    if found is None or (not decimals and ("." in said or "," in said)):
        if re.fullmatch(r"[+-]?[0-9.,' \u00a0\u202f]*[0-9]", said):
            raise ValueError(f"'{shown}' can be read in two ways: write digits without groups")
        raise ValueError(f"'{shown}' is not a {'' if decimals else 'whole '}number")
    if len(found[1] or found[2] or "") > decimals:
        raise ValueError(f"'{shown}' has more than the {decimals} decimals that are kept")
    value = float(said.replace(",", "."))
    if not low <= value <= high:
        raise ValueError(f"'{shown}' is not from {low:.12g} to {high:.12g}")
    return value


class _Reader:
    """How a field reads its text, and why it refused the last one."""

    def __init__(self, field: QDoubleSpinBox | QSpinBox, places: int) -> None:
        self.field, self.places = field, places
        self.refusal = ""
        field.setKeyboardTracking(False)  # half a number is none
        field.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToPreviousValue)

    def put(self, **properties: Any) -> None:
        """Set properties of the field, in their order; they ask it for its text already."""
        for name, value in properties.items():
            self.field.setProperty(name, value)

    def read(self, text: str) -> float:
        """The number in a text of the field; ValueError where there is none."""
        field = self.field
        body = text.strip().removesuffix(field.suffix().strip())
        if (special := field.specialValueText()) and body.strip() in ("", special):
            return field.minimum()
        return read_number(body, field.minimum(), field.maximum(), self.places)

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        """Nothing is kept from being typed: what is left out would make another number."""
        try:
            self.read(text)
        except ValueError:
            return QValidator.State.Intermediate, text, at
        return QValidator.State.Acceptable, text, at

    def fixup(self, text: str) -> str:
        """A text that cannot be read: say why. One that was cleared goes back unsaid."""
        try:
            self.read(text)
        except ValueError as error:
            if text.strip() not in ("", self.field.suffix().strip()):
                self.refusal = f"{error}."
                below = self.field.mapToGlobal(QPoint(0, self.field.height()))
                QToolTip.showText(below, self.refusal, self.field)
        return text

    def take_refusal(self) -> str:
        """Read what was typed last; why it was refused, said once."""
        self.field.interpretText()
        refusal, self.refusal = self.refusal, ""
        return refusal


class NumberField(QDoubleSpinBox):
    """A number with so many decimals."""

    def __init__(self, places: int = 2, **properties: Any) -> None:
        super().__init__()
        self._reader = _Reader(self, places)
        self.take_refusal = self._reader.take_refusal
        self._reader.put(decimals=places, **properties)

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        return self._reader.validate(text, at)

    def fixup(self, text: str) -> str:
        return self._reader.fixup(text)

    def focusNextPrevChild(self, next: bool) -> bool:
        self.interpretText()  # Tab: no focus is lost where the window has none
        return super().focusNextPrevChild(next)

    def valueFromText(self, text: str) -> float:
        return self._reader.read(text)

    def textFromValue(self, value: float) -> str:
        places = self.decimals()
        text = f"{value:.{places}f}"
        return text.rstrip("0").rstrip(".") if places > 2 else text


class WholeField(QSpinBox):
    """A whole number."""

    def __init__(self, **properties: Any) -> None:
        super().__init__()
        self._reader = _Reader(self, 0)
        self.take_refusal = self._reader.take_refusal
        self._reader.put(**properties)

    def validate(self, text: str, at: int) -> tuple[QValidator.State, str, int]:
        return self._reader.validate(text, at)

    def fixup(self, text: str) -> str:
        return self._reader.fixup(text)

    def focusNextPrevChild(self, next: bool) -> bool:
        self.interpretText()
        return super().focusNextPrevChild(next)

    def valueFromText(self, text: str) -> int:
        return int(self._reader.read(text))

    def textFromValue(self, value: int) -> str:
        return str(value)


class LettersThrough(QObject):
    """Leaves shortcuts of letters and with modifiers to the window, where a number field would
    swallow them."""

    def watch(self, page: QWidget) -> None:
        """Every number field of a page."""
        for field in page.findChildren(QAbstractSpinBox):
            field.installEventFilter(self)
            for line in field.findChildren(QLineEdit):
                line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
            return super().eventFilter(watched, event)
        if event.modifiers() not in PLAIN or event.text().isalpha():
            event.ignore()
            return True
        return super().eventFilter(watched, event)
