"""Icons: our own SVGs, drawn in the palette's text colour, again when the theme changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

FOLDER = Path(__file__).parent
SIZES = (16, 20, 24, 32, 48)


@lru_cache(maxsize=256)
def _drawn(file: Path, colour: str, size: int, ratio: float) -> QPixmap:
    text = file.read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(text.replace("currentColor", colour).encode()))
    pixmap = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def blank() -> QIcon:
    """Nothing, as wide as an icon: keeps a list's titles in one line."""
    pixmap = QPixmap(SIZES[0], SIZES[0])
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)


def icon(name: str | Path) -> QIcon:
    """The icon of `NAME.svg` in this folder, or of a file, for normal, disabled and checked
    widgets."""
    file = name if isinstance(name, Path) else FOLDER / f"{name}.svg"
    palette = QGuiApplication.palette()
    text = palette.color(QPalette.ColorRole.WindowText)
    faint = QColor(text)
    faint.setAlphaF(0.35)
    ratio = max(screen.devicePixelRatio() for screen in QGuiApplication.screens())
    made = QIcon()
    for size in SIZES:
        for mode, colour in (
            (QIcon.Mode.Normal, text),
            (QIcon.Mode.Active, text),
            (QIcon.Mode.Disabled, faint),
        ):
            svg_colour = f'{colour.name()}" stroke-opacity="{colour.alphaF():.2f}'
            made.addPixmap(_drawn(file, svg_colour, size, ratio), mode)
    return made
