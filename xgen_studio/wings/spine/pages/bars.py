"""The two bars above the planes: how they show the scan, and what one paints with."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QComboBox, QSizePolicy, QSlider, QToolBar, QWidget

from xgen_studio.studio.canvas.planes import PRESETS, Planes
from xgen_studio.studio.canvas.slice_view import MAXIMUM, MEAN
from xgen_studio.studio.fields import WholeField
from xgen_studio.studio.tools.plane_easel import PlaneEasel
from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.pages.card import Notice
from xgen_studio.wings.spine.science.levels import LABELS, NAMES, ORDER
from xgen_studio.wings.spine.tasks.grading_file import RESEARCH_USE

STEPS = 200  # of the size slider, logarithmic
LEAST, MOST = PlaneEasel.least, PlaneEasel.most
SLABS = ((MEAN, 0.0), (MEAN, 3.0), (MEAN, 5.0), (MEAN, 10.0), (MAXIMUM, 10.0), (MAXIMUM, 30.0))
BONE_HU = (150, 3000)


def faint(text: str) -> Words:
    """A word before a field."""
    words = Words(f" {text} ")
    words.setProperty("role", "faint")
    return words


class ViewBar(QToolBar):
    """Window, slab, labels; at its right end what this program must not be used for."""

    def __init__(self, planes: Planes, first: Iterable[QAction], last: Iterable[QAction]) -> None:
        super().__init__("View")
        self.setObjectName("view")
        self.planes = planes
        self.setMovable(False)
        for action in first:
            self.addAction(action)
        self.addSeparator()
        self.shown_window = QComboBox()
        self.shown_window.setAccessibleName("window")
        self.shown_window.setToolTip("Window: middle / width in HU. Shift + right drag changes it")
        for preset in PRESETS:
            self.shown_window.addItem(preset.title, preset)
        self.shown_window.addItem("Own", None)
        self.shown_window.activated.connect(self._preset)
        self.inverted = QCheckBox("Invert")
        self.inverted.setToolTip("Bone dark on light")
        self.inverted.toggled.connect(planes.set_inverted)
        self.slab = QComboBox()
        self.slab.setAccessibleName("slab")
        self.slab.setToolTip("Thickness that each plane shows, as mean or brightest value")
        for how, mm in SLABS:
            self.slab.addItem(f"{how} {mm:g} mm" if mm else "one slice", (how, mm))
        self.slab.currentIndexChanged.connect(lambda i: planes.set_slab(*self.slab.itemData(i)))
        self.outlined = QCheckBox("Outlines")
        self.outlined.setToolTip("Masks as outlines instead of colours")
        self.outlined.toggled.connect(planes.set_outlined)
        self.opacity = QSlider(Qt.Orientation.Horizontal, maximum=100, value=35)
        self.opacity.setFixedWidth(70)
        self.opacity.setAccessibleName("opacity of the masks")
        self.opacity.setToolTip("Opacity of the masks")
        self.opacity.valueChanged.connect(lambda value: planes.set_opacity(value / 100))
        planes.set_opacity(0.35)
        widgets = (self.shown_window, self.inverted, self.slab, faint("Masks"), self.opacity)
        for widget in (*widgets, self.outlined):
            self.addWidget(widget)
        gap = QWidget()
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(gap)
        self.addWidget(Notice(RESEARCH_USE.capitalize()))
        for action in last:
            self.addAction(action)
        planes.window_changed.connect(self._windowed)

    def _preset(self, index: int) -> None:
        if (preset := self.shown_window.itemData(index)) is not None:
            self.planes.show_preset(preset)

    def _windowed(self, low: float, high: float) -> None:
        ranges = [preset.range for preset in PRESETS]
        at = ranges.index((low, high)) if (low, high) in ranges else len(ranges)
        if at == len(ranges):
            self.shown_window.setItemText(at, f"Own  {(low + high) / 2:.0f} / {high - low:.0f}")
        self.shown_window.setCurrentIndex(at)

    def step_opacity(self, steps: int) -> None:
        """Masks a little fainter or stronger."""
        self.opacity.setValue(self.opacity.value() + 8 * steps)


class BrushBar(QToolBar):
    """Which vertebra is painted, and how: mm, disc or ball, HU."""

    label_chosen = Signal(str)  # a level

    def __init__(self, tools: Iterable[QAction], edits: Iterable[QAction]) -> None:
        super().__init__("Brush")
        self.setObjectName("brush")
        self.setMovable(False)
        self.easel: PlaneEasel | None = None
        self.label = QComboBox()
        self.label.setAccessibleName("vertebra that is painted")
        self.label.setToolTip("The vertebra that is painted (Alt + click takes the one below)")
        self.label.addItems(list(ORDER))
        self.label.textActivated.connect(self._labelled)
        self.size_slider = QSlider(Qt.Orientation.Horizontal, maximum=STEPS)
        self.size_slider.setFixedWidth(100)
        self.size_slider.setAccessibleName("brush radius")
        self.size_slider.setToolTip("Brush radius in mm ([ and ], or Shift + wheel)")
        self.size_slider.valueChanged.connect(self._slid)
        self.size_text = Words()
        self.size_text.setMinimumWidth(54)
        self.shape = QComboBox()
        self.shape.addItems(["Disc", "Ball"])
        self.shape.setAccessibleName("brush shape")
        self.shape.setToolTip("A disc on this slice, or a ball through its neighbours")
        self.shape.currentIndexChanged.connect(lambda i: self._use(ball=i == 1))
        self.limited = QCheckBox("Only HU")
        self.limited.setToolTip("Paint only where the CT has these values")
        self.low, self.high = (
            WholeField(minimum=-2000, maximum=5000, singleStep=25, value=value) for value in BONE_HU
        )
        self.low.setAccessibleName("least HU")
        self.high.setAccessibleName("greatest HU")
        self.limited.toggled.connect(lambda _on: self._limit())
        for number in (self.low, self.high):
            number.valueChanged.connect(lambda _value: self._limit())
        for action in tools:
            self.addAction(action)
        self.addSeparator()
        for widget in (self.label, faint("Radius"), self.size_slider, self.size_text, self.shape):
            self.addWidget(widget)
        for widget in (self.limited, self.low, self.high):
            self.addWidget(widget)
        self.addSeparator()
        for action in edits:
            self.addAction(action)

    def follow(self, easel: PlaneEasel, has_scan: bool) -> None:
        """Another document's brush."""
        self.easel = easel
        easel.changed.connect(self._follow)
        self.limited.setEnabled(has_scan)
        self._use(ball=self.shape.currentIndex() == 1, label=LABELS[self.label.currentText()])
        self._limit()

    def _use(self, **values: object) -> None:
        if self.easel is not None:
            self.easel.use(**values)

    def _labelled(self, level: str) -> None:
        self._use(label=LABELS[level])
        self.label_chosen.emit(level)

    def _limit(self) -> None:
        on = self.limited.isChecked() and self.limited.isEnabled()
        for number in (self.low, self.high):
            number.setEnabled(on)
        self._use(limits=(self.low.value(), self.high.value()) if on else None)

    def _slid(self, value: int) -> None:
        self._use(radius=LEAST * math.exp(math.log(MOST / LEAST) * value / STEPS))

    def _follow(self) -> None:
        assert self.easel is not None
        radius = self.easel.radius
        self.size_slider.blockSignals(True)
        self.size_slider.setValue(round(STEPS * math.log(radius / LEAST) / math.log(MOST / LEAST)))
        self.size_slider.blockSignals(False)
        self.size_text.setText(f"{radius:.1f} mm")
        self.label.setCurrentText(NAMES[self.easel.label])
