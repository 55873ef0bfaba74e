"""The bar over the picture: move, edit a region, measure, compare, contrast, take it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTimer, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QToolButton, QWidget

from xgen_studio.document import Picture
from xgen_studio.studio.canvas import Canvas, Tool
from xgen_studio.studio.canvas.compare import DIFFERENCE, FLICKER, RANGE, SLIDER, Comparison
from xgen_studio.studio.dragged import dragged_folder
from xgen_studio.studio.icons import icon
from xgen_studio.studio.words import Words

FLICKER_EVERY = 450  # ms


class DragHandle(QToolButton):
    """Drag it out of the window: the picture arrives as a file."""

    def __init__(self, write: Callable[[Path], Path | None]) -> None:
        super().__init__()
        self._write = write
        self.setIcon(icon("export"))
        self.setToolTip("Drag the picture from here into a folder or another program")
        self.setAccessibleName("drag the picture out")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        path = self._write(dragged_folder())
        if path is not None:
            drag, data = QDrag(self), QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(path))])
            drag.setMimeData(data)
            drag.exec(Qt.DropAction.CopyAction)
        self.setDown(False)


class ViewBar(QWidget):
    """Tools of the lower canvas, and what it is compared with."""

    def __init__(
        self,
        canvas: Canvas,
        tools: dict[str, tuple[str, str, Tool]],
        write: Callable[[Path], Path | None],
        noun: str,
    ) -> None:
        super().__init__()
        self.canvas = canvas
        self.title = Words(f"{noun.capitalize()} (synthetic)")
        self.title.setProperty("role", "faint")
        self._group = QButtonGroup(self)
        self._icons = {name: picture for name, (picture, _, _) in tools.items()}
        self._handle = DragHandle(write)
        self.buttons: dict[str, QToolButton] = {}
        line = QHBoxLayout(self)
        line.setContentsMargins(10, 1, 6, 1)
        line.setSpacing(2)
        line.addWidget(self.title)
        line.addSpacing(10)
        for name, (picture, tip, tool) in tools.items():
            button = QToolButton(icon=icon(picture), checkable=True)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _=False, t=tool: canvas.use_tool(t))
            self._group.addButton(button)
            self.buttons[name] = button
            line.addWidget(button)
        self.buttons["look"].setChecked(True)
        line.addStretch(1)
        self.words = Words()
        self.words.setProperty("role", "faint")
        line.addWidget(self.words)
        self.compare = QComboBox()
        self.compare.setAccessibleName("compare")
        for title, how in (
            ("Compare: off", ""),
            ("Slider", SLIDER),
            ("Flicker", FLICKER),
            ("Difference", DIFFERENCE),
        ):
            self.compare.addItem(title, how)
        self.compare.setToolTip("Compare with the picture that was kept or opened")
        line.addWidget(self.compare)
        line.addWidget(self._handle)
        self._kept: Picture | None = None
        self._comparison: Comparison | None = None
        self._timer = QTimer(self, interval=FLICKER_EVERY)
        self._timer.timeout.connect(self._flick)
        self.compare.currentIndexChanged.connect(lambda _i: self._compare())
        self.compare.setEnabled(False)

    def compare_with(self, kept: Picture | None) -> None:
        """The picture to compare with, or none."""
        self._kept = kept
        self.compare.setEnabled(kept is not None)
        if kept is None:
            self.compare.setCurrentIndex(0)
        self._compare()

    def redress(self) -> None:
        """Draw the icons again, in the colours of another theme."""
        for name, button in self.buttons.items():
            button.setIcon(icon(self._icons[name]))
        self._handle.setIcon(icon("export"))

    def refresh(self) -> None:
        """The picture changed."""
        if self._comparison is not None:
            self._comparison.against(self.canvas.picture.pixels)

    def _compare(self) -> None:
        how = str(self.compare.currentData())
        self._timer.stop()
        self.words.clear()
        old, self._comparison = self._comparison, None
        if old is not None:
            self.canvas.layers.remove(old)
        if how and self._kept is not None:
            picture = self.canvas.picture
            made = self._comparison = Comparison(self._kept.pixels, how)
            self.canvas.layers.insert(self.canvas.layers.index(picture) + 1, made)
            made.window(picture.low, picture.high)
            if old is not None:
                made.at = old.at
            if how == FLICKER:
                self._timer.start()
            elif how == SLIDER:
                self.words.setText("kept | new")
            else:
                self.words.setText(f"red lighter, blue darker; full at ±{RANGE} of 1")
            self.refresh()
        self.canvas.update()

    def _flick(self) -> None:
        if self._comparison is not None:
            shown = self._comparison.shows_other = not self._comparison.shows_other
            self.words.setText("kept" if shown else "new")
            self.canvas.update()
