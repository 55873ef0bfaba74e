"""Light and dark: one palette each, and the few rules a palette cannot say."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from xgen_studio.paths import PACKAGE

ACCENT = {"dark": "#4c9be8", "light": "#1f6fc4"}
COLOURS = {
    #          window     base       dark       button     text       faint      edge
    "dark": ("#25282e", "#1d2025", "#15171b", "#31353d", "#e6e8eb", "#9aa3ad", "#3a3f48"),
    "light": ("#f3f4f6", "#ffffff", "#d9dce1", "#ffffff", "#1c2126", "#5d6670", "#c8cdd3"),
}

TICK = (PACKAGE / "studio" / "icons" / "tick.svg").as_posix()

RULES = """
QToolBar {{ border: 0; padding: 3px; spacing: 2px; }}
QToolButton {{ border: 1px solid transparent; border-radius: 5px; padding: 4px; }}
QToolButton:hover {{ background: {button}; border-color: {edge}; }}
QToolButton:checked {{ background: {accent_soft}; border-color: {accent}; }}
QToolButton:focus {{ border-color: {accent}; }}
QDockWidget {{ font-weight: 600; }}
QDockWidget::title {{ padding: 6px 8px; background: {window}; border-bottom: 1px solid {edge}; }}
QStatusBar {{ border-top: 1px solid {edge}; }}
QStatusBar::item {{ border: 0; }}
QMainWindow::separator {{ background: {edge}; width: 1px; height: 1px; }}
QToolTip {{ background: {base}; color: {text}; border: 1px solid {edge}; padding: 4px; }}
QLabel[role="faint"] {{ color: {faint}; }}
QLabel[role="heading"] {{ font-weight: 600; }}
QCheckBox::indicator, QListView::indicator {{ width: 12px; height: 12px; border-radius: 3px;
  border: 1px solid {faint}; background: {base}; }}
QCheckBox::indicator:checked, QListView::indicator:checked {{ background: {accent};
  border-color: {accent}; image: url({tick}); }}
QCheckBox::indicator:focus {{ border-color: {accent}; }}
QFrame[role="line"] {{ color: {edge}; }}
"""


def system_scheme() -> str:
    """'dark' or 'light', as the desktop says; dark where it says nothing, as reading rooms are."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme == Qt.ColorScheme.Light else "dark"


def palette_of(scheme: str) -> QPalette:
    """The palette of 'dark' or 'light'."""
    window, base, dark, button, text, faint, edge = map(QColor, COLOURS[scheme])
    accent = QColor(ACCENT[scheme])
    role = QPalette.ColorRole
    palette = QPalette(button, window)
    for which, colour in (
        (role.Window, window),
        (role.Base, base),
        (role.AlternateBase, window),
        (role.Dark, dark),
        (role.Button, button),
        (role.Text, text),
        (role.WindowText, text),
        (role.ButtonText, text),
        (role.PlaceholderText, faint),
        (role.Mid, edge),
        (role.Highlight, accent),
        (role.HighlightedText, QColor("#ffffff")),
        (role.ToolTipBase, base),
        (role.ToolTipText, text),
        (role.Link, accent),
    ):
        palette.setColor(which, colour)
    for which in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, faint)
    return palette


def apply_theme(app: QApplication, choice: str = "system") -> str:
    """Use 'dark', 'light' or what the 'system' says; returns which of the two it is."""
    scheme = system_scheme() if choice == "system" else choice
    app.setStyle("Fusion")
    app.setPalette(palette_of(scheme))
    names = ("window", "base", "dark", "button", "text", "faint", "edge")
    colours = dict(zip(names, COLOURS[scheme], strict=True))
    accent = QColor(ACCENT[scheme])
    soft = f"rgba({accent.red()}, {accent.green()}, {accent.blue()}, 60)"
    app.setStyleSheet(RULES.format(accent=ACCENT[scheme], accent_soft=soft, tick=TICK, **colours))
    return scheme
