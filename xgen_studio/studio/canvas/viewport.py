"""Where a picture lies in a widget: zoom, pan and the pixels' own aspect. Free of Qt."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_ZOOM, MOST_ZOOM = 1 / 32, 64.0
MARGIN = 12  # widget px left free around a fitted picture


@dataclass
class Viewport:
    """Maps picture coordinates (pixels; column, row) to widget coordinates and back.

    `zoom` is widget pixels for a picture pixel along the axis of the smaller spacing; the other
    axis is stretched so that millimetres are equally long both ways.
    """

    columns: int
    rows: int
    spacing: tuple[float, float] = (1.0, 1.0)  # mm, (x, y)
    zoom: float = 1.0
    left: float = 0.0  # widget x of the picture's left edge
    top: float = 0.0

    @property
    def scale(self) -> tuple[float, float]:
        """Widget pixels for a picture pixel, (x, y)."""
        small = min(self.spacing)
        return self.zoom * self.spacing[0] / small, self.zoom * self.spacing[1] / small

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the picture in the widget."""
        return self.columns * self.scale[0], self.rows * self.scale[1]

    @property
    def mm(self) -> float:
        """Widget pixels for a millimetre."""
        return self.zoom / min(self.spacing)

    def to_widget(self, x: float, y: float) -> tuple[float, float]:
        """Widget coordinates of a picture point."""
        return self.left + x * self.scale[0], self.top + y * self.scale[1]

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates of a widget point."""
        return (x - self.left) / self.scale[0], (y - self.top) / self.scale[1]

    def fit(self, width: int, height: int) -> None:
        """Show the whole picture, as large as it goes."""
        self.zoom = 1.0
        w, h = self.size
        room_x, room_y = max(1, width - 2 * MARGIN), max(1, height - 2 * MARGIN)
        self.zoom = min(max(min(room_x / w, room_y / h), LEAST_ZOOM), MOST_ZOOM)
        w, h = self.size
        self.left, self.top = (width - w) / 2, (height - h) / 2

    def zoom_at(self, x: float, y: float, factor: float) -> None:
        """Zoom by a factor; the picture point under the widget point (x, y) stays there."""
        px, py = self.to_picture(x, y)
        self.zoom = min(max(self.zoom * factor, LEAST_ZOOM), MOST_ZOOM)
        self.left, self.top = x - px * self.scale[0], y - py * self.scale[1]

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by widget pixels."""
        self.left += dx
        self.top += dy

    def keep_visible(self, width: int, height: int, least: float = 40.0) -> None:
        """Never lose the picture: at least so many widget pixels of it stay in sight."""
        w, h = self.size
        self.left = min(max(self.left, least - w), width - least)
        self.top = min(max(self.top, least - h), height - least)
