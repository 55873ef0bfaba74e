"""The bar above the canvas: brush size and shape, what may be painted over, mask opacity."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QSlider, QToolBar, QToolButton, QWidget

from xgen_studio.studio.canvas import Canvas, MaskLayer
from xgen_studio.studio.fields import NumberField
from xgen_studio.studio.icons import icon
from xgen_studio.studio.tools import Easel
from xgen_studio.studio.tools.easel import LEAST_RADIUS, MOST_RADIUS
from xgen_studio.studio.words import Words

STEPS = 200  # of the size slider, logarithmic


class BrushBar(QToolBar):
    """Follows the easel, and changes it."""

    def __init__(self, easel: Easel, canvas: Canvas) -> None:
        super().__init__("Brush")
        self.setObjectName("brush")
        self.easel, self.canvas = easel, canvas
        self.size_slider = QSlider(Qt.Orientation.Horizontal, maximum=STEPS)
        self.size_slider.setFixedWidth(130)
        self.size_slider.setAccessibleName("brush radius")
        self.size_slider.setToolTip("Brush radius ([ and ], or Shift + wheel)")
        self.size_text = Words()
        self.size_text.setMinimumWidth(64)
        self.shape = QComboBox()
        self.shape.addItems(["Round", "Square"])
        self.shape.setAccessibleName("brush shape")
        self.over = QComboBox()
        self.over.addItem("Paint over everything", None)
        self.over.addItem("Paint over background only", frozenset({0}))
        for state in easel.document.labels:
            self.over.addItem(f"Paint over {state.label.name} only", frozenset({state.label.id}))
        self.over.setAccessibleName("paint over")
        self.limited = QCheckBox("Only grey")
        self.limited.setToolTip(
            "Paint only where the kept or opened picture has these grey values (of 1)"
        )
        self.low, self.high = (
            NumberField(minimum=0.0, maximum=1.0, singleStep=0.02, value=value)
            for value in (0.5, 1.0)
        )
        self.low.setAccessibleName("least grey")
        self.high.setAccessibleName("greatest grey")
        self.mirror = QToolButton(icon=icon("mirror"), checkable=True)
        self.mirror.setToolTip("Paint left and right of the middle at once")
        self.mirror.setAccessibleName("mirrored painting")
        self.opacity = QSlider(Qt.Orientation.Horizontal, maximum=100, value=45)
        self.opacity.setFixedWidth(90)
        self.opacity.setAccessibleName("mask opacity")
        self.opacity.setToolTip("Opacity of the mask")
        for text, *widgets in (
            ("Brush", self.size_slider, self.size_text, self.shape),
            ("", self.over, self.mirror),
            ("", self.limited, self.low, self.high),
            ("Mask", self.opacity),
        ):
            if text:
                label = Words(f" {text} ")
                label.setProperty("role", "faint")
                self.addWidget(label)
            for widget in widgets:
                self.addWidget(widget)
            self.addWidget(self._gap())
        self.size_slider.valueChanged.connect(self._slid)
        self.shape.currentIndexChanged.connect(lambda i: easel.use(square=i == 1))
        self.over.currentIndexChanged.connect(lambda i: easel.use(over=self.over.itemData(i)))
        self.opacity.valueChanged.connect(self._fade)
        self.mirror.toggled.connect(lambda on: easel.use(mirror=on))
        self.limited.toggled.connect(lambda _on: self._limit())
        self.low.valueChanged.connect(lambda _value: self._limit())
        self.high.valueChanged.connect(lambda _value: self._limit())
        self._limit()
        easel.changed.connect(self._follow)
        self._follow()

    @staticmethod
    def _gap() -> QWidget:
        gap = QWidget()
        gap.setFixedWidth(12)
        return gap

    def _limit(self) -> None:
        on = self.limited.isChecked()
        self.low.setEnabled(on)
        self.high.setEnabled(on)
        self.easel.use(limits=(self.low.value(), self.high.value()) if on else None)

    def fade(self, steps: int) -> None:
        """A little more or less of the mask."""
        self.opacity.setValue(self.opacity.value() + 8 * steps)

    def _slid(self, value: int) -> None:
        span = math.log(MOST_RADIUS / LEAST_RADIUS)
        self.easel.use(radius=LEAST_RADIUS * math.exp(span * value / STEPS))

    def _follow(self) -> None:
        span = math.log(MOST_RADIUS / LEAST_RADIUS)
        self.size_slider.blockSignals(True)
        self.size_slider.setValue(round(STEPS * math.log(self.easel.radius / LEAST_RADIUS) / span))
        self.size_slider.blockSignals(False)
        self.size_text.setText(f"{self.easel.radius:.3g} px")
        self.canvas.update()

    def _fade(self, value: int) -> None:
        layer = self.canvas.layer(MaskLayer)
        if layer is not None:
            layer.set_opacity(value / 100)
            self.canvas.update()
