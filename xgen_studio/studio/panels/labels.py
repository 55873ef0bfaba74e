"""The label table: which label is in use, which are shown, which are safe."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.document import LabelState
from xgen_studio.errors import InputError
from xgen_studio.studio.dialogs.discard import warn
from xgen_studio.studio.icons import icon
from xgen_studio.studio.shortcuts import label_keys
from xgen_studio.studio.tools import Strokes
from xgen_studio.studio.words import Words, plain

MOST_ROWS = 8  # shown without scrolling


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


class LabelPanel(QScrollArea):
    """A row for each label: a click takes it in use, the eye hides it, the lock protects it."""

    def __init__(self, easel: Strokes) -> None:
        super().__init__()
        self.easel = easel
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._rows = QVBoxLayout(inside)
        self._rows.setContentsMargins(6, 6, 6, 6)
        self._rows.setSpacing(1)
        easel.document.labels_changed.connect(self.rebuild)
        easel.changed.connect(self._mark)
        self._buttons: dict[int, QToolButton] = {}
        self.rebuild()
        self.setWidget(inside)
        self.setMinimumWidth(
            inside.sizeHint().width() + self.verticalScrollBar().sizeHint().width()
        )

    def sizeHint(self) -> QSize:
        """As high as its rows, or as MOST_ROWS of them."""
        margins = self._rows.contentsMargins()
        first = self._rows.itemAt(0)
        high = first.sizeHint().height() if first is not None else 0
        count = min(len(self._buttons), MOST_ROWS)
        rows = count * (high + self._rows.spacing()) + margins.top() + margins.bottom()
        return QSize(self.minimumWidth(), rows + 2)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def rebuild(self) -> None:
        """Make the rows anew."""
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._buttons.clear()
        for number, state in enumerate(self.easel.document.labels, start=1):
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
        keys = ", ".join(label_keys(number))
        take.setToolTip(plain(f"Paint {name} ({keys})" if keys else f"Paint {name}"))
        take.setAccessibleName(f"paint {name}")
        take.setMinimumWidth(130)
        take.clicked.connect(lambda: self.easel.use(label=state.label.id))
        take.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        take.customContextMenuRequested.connect(lambda at: self._menu(take, state, at))
        self._buttons[state.label.id] = take
        line.addWidget(take, 1)
        key = Words(keys)
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
            button.setToolTip(plain(title))
            button.setAccessibleName(title)
            button.clicked.connect(
                lambda _=False, a=attribute, v=value, t=title: self.easel.document.change_label(
                    state.label.id, t, **{a: not v}
                )
            )
            line.addWidget(button)
        return row

    def _menu(self, button: QToolButton, state: LabelState, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Rename ...", lambda: self.rename(state))
        menu.addAction("Colour ...", lambda: self.recolour(state))
        menu.addAction("Show only this one", lambda: self.show_only(state.label.id))
        menu.popup(button.mapToGlobal(at))

    def rename(self, state: LabelState) -> None:
        """Ask for another name; the model goes by the id, so the picture does not change."""
        old = state.label.name
        name, good = QInputDialog.getText(self, "Rename label", "Name", text=old)
        if good and name.strip() and name.strip() != old:
            try:
                self.easel.document.change_label(
                    state.label.id, f"Rename {old} to {name.strip()}", name=name.strip()
                )
            except InputError:
                warn(self, f"Another label is called '{name.strip()}': choose a name that is free.")

    def recolour(self, state: LabelState) -> None:
        """Ask for another colour."""
        colour = QColorDialog.getColor(QColor(*state.label.colour), self, "Colour of the label")
        if colour.isValid():
            rgb = (colour.red(), colour.green(), colour.blue())
            self.easel.document.change_label(
                state.label.id, f"Colour {state.label.name}", colour=rgb
            )

    def show_only(self, id: int) -> None:
        """Hide all other labels."""
        name = self.easel.name_of(id)
        self.easel.document.show_only(id, f"Show only {name}")

    def _mark(self) -> None:
        for id, button in self._buttons.items():
            button.setChecked(id == self.easel.label)
