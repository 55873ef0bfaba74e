"""Beside the radiograph: what can be done, which landmarks are placed, what is odd, the scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from xgen_studio.errors import XGenError
from xgen_studio.studio.canvas import Canvas
from xgen_studio.studio.icons import icon
from xgen_studio.studio.words import Words
from xgen_studio.wings.hand.pages.hand_map import TemplateMap
from xgen_studio.wings.hand.pages.landmark_list import LandmarkList
from xgen_studio.wings.hand.science.landmarks import WRIST, Points, mm_per_pixel


class LandmarkPanel(QWidget):
    """Buttons, words, the map that tells which is next, the list of all."""

    def __init__(self) -> None:
        super().__init__()
        self.list, self.map = LandmarkList(), TemplateMap()
        self.told, self.scale = Words(), Words()
        for label in (self.told, self.scale):
            label.setWordWrap(True)
        self.scale.setProperty("role", "faint")
        self.open_button = QPushButton(icon("open"), "Open radiograph ...")
        self.propose_button = QPushButton(icon("wand"), "Propose landmarks")
        self.propose_button.setToolTip(
            "Finds what is not placed yet. What you placed or left out stays as it is"
        )
        self.flip_button = QPushButton(icon("mirror"), "Show flipped")
        self.flip_button.setCheckable(True)
        self.flip_button.setToolTip(
            "A right hand as a left one. The file, and what is saved, stay as they are"
        )
        self.save_button = QPushButton(icon("save"), "Save landmarks ...")
        self._column = QVBoxLayout(self)
        for button in (self.open_button, self.propose_button, self.flip_button, self.save_button):
            self._column.addWidget(button)
        self._column.addWidget(self.told)
        self._column.addWidget(self.map)
        self._column.addWidget(self.list, 1)
        self._column.addWidget(self.scale)

    def wire(
        self,
        open_: Callable[[], object],
        propose: Callable[[], object],
        flip: Callable[[], object],
        save: Callable[[], object],
    ) -> None:
        """What the buttons do."""
        for button, call in (
            (self.open_button, open_),
            (self.propose_button, propose),
            (self.flip_button, flip),
            (self.save_button, save),
        ):
            button.clicked.connect(lambda _=False, call=call: call())


def scale_in_words(points: Points, canvas: Canvas) -> str:
    """How large a pixel is: as the file says, or else by the wrist."""
    wrist = points[WRIST[1]] - points[WRIST[0]]
    if canvas.spacing_known:
        across, down = canvas.view.spacing
        size = f"{across:.3g}" if down == across else f"{across:.3g} x {down:.3g}"
        text = f"1 px = {size} mm, says the file"
        wide = float(np.hypot(wrist[0] * across, wrist[1] * down))
        return text if np.isnan(wide) else f"{text}; the wrist (1 to 5) is {wide:.1f} mm wide"
    try:
        mm = mm_per_pixel(points) if np.isfinite(wrist).all() else None
    except XGenError:
        mm = None
    if mm is None:
        return "The scale follows from landmarks 1 and 5"
    return f"1 px = {mm:.3f} mm, if the wrist (1 to 5) is 50 mm wide"
