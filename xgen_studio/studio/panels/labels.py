"""The label table: which label is in hand, which are shown, which are safe."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from xgen_studio.document.document import LabelState
from xgen_studio.studio.icons import icon
from xgen_studio.studio.tools import Paint


def swatch(colour: tuple[int, int, int], size: int = 16) -> QIcon:
    """A rounded square of a label's colour."""
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*colour))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(1, 1, size - 2, size - 2, 4, 4)
    painter.end()
    return QIcon(pixmap)


class LabelPanel(QWidget):
    """A row for each label: click takes it in hand, the eye hides it, the lock protects it."""

    def __init__(self, hand: Paint) -> None:
        super().__init__()
        self.hand = hand
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(6, 6, 6, 6)
        self._rows.setSpacing(1)
        hand.document.labels_changed.connect(self.rebuild)
        hand.changed.connect(self._mark)
        self._buttons: dict[int, QToolButton] = {}
        self.rebuild()

    def rebuild(self) -> None:
        """Make the rows anew."""
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._buttons.clear()
        for number, state in enumerate(self.hand.document.labels, start=1):
            self._rows.addWidget(self._row(number, state))
        self._rows.addStretch()
        self._mark()

    def _row(self, number: int, state: LabelState) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        name = state.label.name
        take = QToolButton(checkable=True, text=f"  {name}", icon=swatch(state.label.colour))
        take.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        take.setToolTip(f"Paint {name} (Alt+{number})")
        take.setAccessibleName(f"paint {name}")
        take.setMinimumWidth(130)
        take.clicked.connect(lambda: self.hand.use(label=state.label.id))
        self._buttons[state.label.id] = take
        line.addWidget(take, 1)
        key = QLabel(f"Alt+{number}")
        key.setProperty("role", "faint")
        line.addWidget(key)
        for attribute, on, off, verb in (
            ("visible", "eye", "eye_off", ("Hide", "Show")),
            ("locked", "lock", "unlock", ("Unlock", "Lock")),
        ):
            value = getattr(state, attribute)
            button = QToolButton(icon=icon(on if value else off))
            button.setIconSize(QSize(16, 16))
            title = f"{verb[0] if value else verb[1]} {name}"
            button.setToolTip(title)
            button.setAccessibleName(title)
            button.clicked.connect(
                lambda _=False, a=attribute, v=value, t=title: self.hand.document.change_label(
                    state.label.id, t, **{a: not v}
                )
            )
            line.addWidget(button)
        return row

    def _mark(self) -> None:
        for id, button in self._buttons.items():
            button.setChecked(id == self.hand.label)
