"""What all painting tools share: the document, the label in use, the brush, the rules."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal

from xgen_studio.document import Document, Labelled, Region, Rules
from xgen_studio.document.editing import Pixels
from xgen_studio.document.regions import Point, pixel_at, round_segment, square_segment
from xgen_studio.studio.canvas import Canvas, Touch

LEAST_RADIUS, MOST_RADIUS = 0.5, 256.0


class Strokes(QObject):
    """What one paints with on a canvas: which label, which brush, what may be painted over.

    least, most   of the brush's radius, whose unit is the easel's
    step          of the radius, at least
    contrast      what grey values span that an eye tells apart
    """

    changed = Signal()
    stroke_ended = Signal(bool)  # whether it changed the mask
    least, most, step = LEAST_RADIUS, MOST_RADIUS, 0.5
    contrast = 1.0

    def __init__(self, document: Labelled, radius: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.label = document.labels[0].label.id
        self.radius = radius
        self.square = False
        self.over: frozenset[int] | None = None
        self.limits: tuple[float, float] | None = None
        self.in_stroke = False

    # -- the sheet on it -------------------------------------------------------------------------

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Rows and columns of what is painted on."""

    @property
    @abstractmethod
    def mask(self) -> Pixels:
        """The labels (H, W) of what is painted on."""

    @property
    @abstractmethod
    def grey(self) -> NDArray[Any] | None:
        """The grey values (H, W) under them, where there are any."""

    @abstractmethod
    def scale(self, canvas: Canvas) -> tuple[float, float]:
        """Widget pixels for one unit of the radius, (x, y)."""

    @abstractmethod
    def paint(self, region: Region) -> None:
        """Paint within the stroke."""

    @abstractmethod
    def segment(self, start: Point, end: Point, radii: tuple[float, float]) -> None:
        """Draw the brush from one point to the next, its radius changing on the way."""

    # -- the brush -------------------------------------------------------------------------------

    def use(self, **values: object) -> None:
        """Change `label`, `radius`, `square`, `over`, `limits` or what else this easel has."""
        for name, value in values.items():
            setattr(self, name, value)
        self.radius = min(max(self.radius, self.least), self.most)
        self.changed.emit()

    def resize(self, steps: int) -> None:
        """Ten per cent a step, `step` at least."""
        grown = self.radius * 1.1**steps
        if abs(grown - self.radius) < self.step:
            grown = self.radius + (self.step if steps > 0 else -self.step)
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
        pixel = pixel_at(touch.point, self.shape)
        if pixel is not None and (found := int(self.mask[pixel])):
            self.use(label=found)

    # -- strokes ---------------------------------------------------------------------------------

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


class Easel(Strokes):
    """A flat document on it; the radius is in pixels of the mask."""

    document: Document

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(document, 8.0, parent)
        self.mirror = False  # paint left and right of the picture's middle at once

    @property
    def shape(self) -> tuple[int, int]:
        return self.document.shape

    @property
    def mask(self) -> Pixels:
        return self.document.mask

    @property
    def grey(self) -> NDArray[Any] | None:
        return self.document.picture.pixels if self.document.picture else None

    def scale(self, canvas: Canvas) -> tuple[float, float]:
        return canvas.view.scale

    def paint(self, region: Region) -> None:
        """Paint within the stroke, and its mirror image where that is wanted."""
        self.document.paint(region)
        if self.mirror and not region.empty:
            columns = self.document.shape[1]
            left = columns - region.left - region.inside.shape[1]
            self.document.paint(Region(region.top, left, region.inside[:, ::-1]))

    def segment(self, start: Point, end: Point, radii: tuple[float, float]) -> None:
        if self.square:
            self.paint(square_segment(start, end, radii[1], self.shape))
        else:
            self.paint(round_segment(start, end, radii[0], self.shape, radii[1]))
