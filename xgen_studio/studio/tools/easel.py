"""What all painting tools share: the document, the label in use, the brush, the rules."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal

from xgen_studio.document import Document, Region, Rules
from xgen_studio.document.regions import pixel_at
from xgen_studio.studio.canvas import Touch

LEAST_RADIUS, MOST_RADIUS = 0.5, 256.0


class Easel(QObject):
    """What one paints with: which label, which brush, what may be painted over."""

    changed = Signal()
    stroke_ended = Signal(bool)  # whether it changed the mask

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.label = document.labels[0].label.id
        self.radius = 8.0  # px of the mask
        self.square = False
        self.over: frozenset[int] | None = None
        self.limits: tuple[float, float] | None = None
        self.mirror = False  # paint left and right of the picture's middle at once
        self.in_stroke = False

    def use(self, **values: object) -> None:
        """Change `label`, `radius`, `square`, `over`, `limits` or `mirror`."""
        for name, value in values.items():
            setattr(self, name, value)
        self.radius = min(max(self.radius, LEAST_RADIUS), MOST_RADIUS)
        self.changed.emit()

    def resize(self, steps: int) -> None:
        """Ten per cent a step, half a pixel at least."""
        grown = self.radius * 1.1**steps
        if abs(grown - self.radius) < 0.5:
            grown = self.radius + (0.5 if steps > 0 else -0.5)
        self.use(radius=grown)

    def label_for(self, touch: Touch) -> int:
        """The label in use, or 0 where the gesture erases (right button, or Ctrl)."""
        erases = bool(touch.buttons & Qt.MouseButton.RightButton) or bool(
            touch.modifiers & Qt.KeyboardModifier.ControlModifier
        )
        return 0 if erases else self.label

    def name_of(self, label: int) -> str:
        """What the history calls a label."""
        return self.document.state(label).label.name if label else "background"

    def pick(self, touch: Touch) -> None:
        """Take the label under the pointer in use."""
        pixel = pixel_at(touch.point, self.document.shape)
        if pixel is not None and self.document.mask[pixel]:
            self.use(label=int(self.document.mask[pixel]))

    def begin(self, label: int) -> None:
        """Start a stroke."""
        self.document.begin_stroke(label, self._rules(label))  # may end an older stroke
        self.in_stroke = True

    def restart(self, label: int) -> None:
        """Take back what the running stroke painted, and go on with it."""
        self.document.editor.cancel()
        self.begin(label)

    def _rules(self, label: int) -> Rules:
        return Rules(over=None if label == 0 else self.over, limits=self.limits)

    def switch(self, label: int) -> None:
        """Go on with the same stroke in another label."""
        self.document.switch_label(label, self._rules(label))

    def paint(self, region: Region) -> None:
        """Paint within the stroke, and its mirror image where that is wanted."""
        self.document.paint(region)
        if self.mirror and not region.empty:
            columns = self.document.shape[1]
            left = columns - region.left - region.inside.shape[1]
            self.document.paint(Region(region.top, left, region.inside[:, ::-1]))

    def end(self, name: str) -> None:
        """Finish the stroke under this name."""
        changed = self.document.end_stroke(name)
        self.in_stroke = False
        self.stroke_ended.emit(changed)

    def cancel(self) -> None:
        """Take the running stroke back."""
        if self.in_stroke:
            self.document.editor.cancel()
            self.in_stroke = False
            self.stroke_ended.emit(False)

    def fill(self, region: Region, label: int, name: str) -> None:
        """A stroke of one region."""
        self.begin(label)
        self.paint(region)
        self.end(name)
