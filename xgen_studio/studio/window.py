"""The main window: the rail of workspaces, the desk, menus, status."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.actions import Actions, AllActions, Entry
from xgen_studio.studio.desk import FILTER, Desk
from xgen_studio.studio.dialogs.discard import may_discard
from xgen_studio.studio.dialogs.palette import Palette
from xgen_studio.studio.dialogs.settings import SettingsDialog
from xgen_studio.studio.dialogs.shortcuts import ShortcutEditor
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.queue import JobQueue
from xgen_studio.studio.icons import icon
from xgen_studio.studio.knee.documents import CASES, DRR_GRID, FIRST_CASE, document_of_mask
from xgen_studio.studio.knee.documents import XRAY_GRID as AP_GRID
from xgen_studio.studio.knee.page import KneePage
from xgen_studio.studio.knee.workspace import KneeWorkspace
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.theme import apply_theme
from xgen_studio.studio.tour import Stop, Tour
from xgen_studio.studio.workspaces import WORKSPACES, Place


class Window(QMainWindow):
    """XGen Studio."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.engine = Engine(self)
        self.queue = JobQueue(self.engine)
        self.probe = QLabel()
        self.desk = Desk(self.engine, self, document_of_mask(FIRST_CASE))
        self.actions_ = Actions(self, self.settings)
        self.all_actions = AllActions(self._action_parts)
        self._add_actions()
        self._tour: Tour | None = None
        self._places: dict[str, Place] = {}
        self.stack = QStackedWidget()
        self._rail()
        notice = QLabel("Synthetic images for research and teaching, not for diagnosis")
        notice.setProperty("role", "faint")
        self.statusBar().addWidget(self.probe, 1)
        self.statusBar().addPermanentWidget(notice)
        self.setAcceptDrops(True)
        self.desk.state_changed.connect(self._title)
        self.desk.document_changed.connect(lambda: self.show_workspace("knee"))
        self.desk.message.connect(self.statusBar().showMessage)
        self.settings.changed.connect(self._setting_changed)
        QApplication.styleHints().colorSchemeChanged.connect(self._scheme_changed)
        self.show_workspace("knee")
        self._title()
        if saved := self.settings.now.layout.get("window"):
            self.restoreGeometry(QByteArray.fromBase64(str(saved).encode()))
        if self.settings.trouble:
            self.statusBar().showMessage(self.settings.trouble, 15_000)
        QTimer.singleShot(0, self.engine.start)  # after the first paint

    @property
    def page(self) -> KneePage:
        """The knee page."""
        place = self._places["knee"]
        assert isinstance(place, KneeWorkspace) and place.page is not None
        return place.page

    # -- building --------------------------------------------------------------------------------

    def _add_actions(self) -> None:
        desk = self.desk
        for entry, call in (
            (Entry("file.new", "New knee, AP", ("Ctrl+N",), "new"), lambda: desk.new(AP_GRID)),
            (
                Entry("file.new_drr", "New knee, any angle", ("Ctrl+Shift+N",)),
                lambda: desk.new(DRR_GRID),
            ),
            (Entry("file.open", "Open ...", ("Ctrl+O",), "open"), self._ask_open),
            (Entry("file.mask", "Open mask ..."), desk.ask_mask),
            (
                Entry("file.radiograph", "Open radiograph ...", ("Ctrl+Shift+O",)),
                desk.ask_radiograph,
            ),
            (Entry("file.save", "Save", ("Ctrl+S",), "save"), self._save),
            (Entry("file.save_as", "Save as ...", ("Ctrl+Shift+S",)), self._save_as),
            (
                Entry("app.palette", "Command palette ...", ("Ctrl+K", "Ctrl+Shift+P"), "search"),
                self.open_palette,
            ),
            (Entry("app.shortcuts", "Keyboard shortcuts ..."), self.open_shortcuts),
            (Entry("app.settings", "Settings ...", ("Ctrl+,",), "settings"), self.open_settings),
            (Entry("app.tour", "Tour"), self.start_tour),
            (Entry("file.quit", "Quit", ("Ctrl+Q",)), self.close),
        ):
            self.actions_.add(entry, lambda *_, call=call: call())
        for case in sorted(CASES.glob("*.png")):
            title = f"Sample case: {case.stem.replace('_', ' ')}"
            self.actions_.add(
                Entry(f"case.{case.stem}", title), lambda *_, path=case: desk.open(path)
            )

    def _save_as(self) -> None:
        if not self.place.save():
            self.desk.save_as()

    @property
    def place(self) -> Place:
        """The workspace in sight."""
        place = self.stack.currentWidget()
        assert isinstance(place, Place)
        return place

    def _ask_open(self) -> None:
        if not self.place.ask_open():
            self.desk.ask_open(FILTER)

    def _save(self) -> None:
        if not self.place.save():
            self.desk.save()

    def _rail(self) -> None:
        rail = QWidget()
        rail.setObjectName("rail")
        column = QVBoxLayout(rail)
        column.setContentsMargins(4, 8, 4, 8)
        self._group = QButtonGroup(self)
        self.rail_buttons: dict[str, QToolButton] = {}
        for workspace in WORKSPACES:
            button = QToolButton(text=workspace.title, icon=icon(workspace.icon), checkable=True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(24, 24))
            button.setMinimumWidth(58)
            button.setAccessibleName(f"workspace {workspace.title}")
            button.clicked.connect(lambda _=False, id=workspace.id: self.show_workspace(id))
            self._group.addButton(button)
            self.rail_buttons[workspace.id] = button
            column.addWidget(button)
        column.addStretch()
        middle = QWidget()
        line = QHBoxLayout(middle)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(rail)
        line.addWidget(self.stack, 1)
        self.setCentralWidget(middle)

    def show_workspace(self, id: str) -> None:
        """Go to a workspace; it is made when it is first shown."""
        workspace = next(w for w in WORKSPACES if w.id == id)
        if id not in self._places:
            place = self._places[id] = workspace.make(self)
            self.stack.addWidget(place)
            place.page_changed.connect(self._menus)
        self.stack.setCurrentWidget(self._places[id])
        self.rail_buttons[id].setChecked(True)
        self._menus()

    def _action_parts(self) -> list[Actions]:
        place = self.stack.currentWidget()
        own = place.actions_ if isinstance(place, Place) else None
        return [self.actions_, *([own] if own is not None else [])]

    def _redress(self) -> None:
        """Every action, shown or not, follows the theme and the keys."""
        self.actions_.redress()
        for place in self._places.values():
            place.redress()

    def _menus(self) -> None:
        bar, place = self.menuBar(), self.place
        bar.clear()
        menu = bar.addMenu("&File")
        for id, action in self.actions_:
            if id.startswith("file."):
                menu.addAction(action)
            if id == "file.radiograph":
                recent = menu.addMenu("Recent")
                recent.aboutToShow.connect(lambda menu=recent: self.desk.fill_recent(menu))
                cases = menu.addMenu("Sample cases")
                for other, case in self.actions_:
                    if other.startswith("case."):
                        cases.addAction(case)
        for title, prefixes in place.menus:
            menu = bar.addMenu(title)
            for id, action in place.actions_ or ():
                if id.startswith(prefixes):
                    menu.addAction(action)
            if title == "&View":
                menu.addSeparator()
                for dock in place.docks.values():
                    menu.addAction(dock.toggleViewAction())
        menu = bar.addMenu("&Help")
        for id, action in self.actions_:
            if id.startswith("app."):
                menu.addAction(action)

    def _title(self) -> None:
        self.setWindowTitle(f"{self.desk.name}[*] - XGen Studio")
        self.setWindowModified(self.desk.document.history.modified)

    # -- dialogs ---------------------------------------------------------------------------------

    def open_palette(self) -> Palette:
        """Everything one can do, by a few letters."""
        palette = Palette(self.all_actions, self)
        palette.show()
        palette.line.setFocus()
        return palette

    def open_shortcuts(self) -> ShortcutEditor:
        """The shortcut editor."""
        editor = ShortcutEditor(self.all_actions, self.settings, self)
        editor.open()
        return editor

    def open_settings(self) -> SettingsDialog:
        """The settings."""
        dialog = SettingsDialog(self.settings, self)
        dialog.open()
        return dialog

    def start_tour(self) -> None:
        """Show the tour; on a first start it comes by itself."""
        self.show_workspace("knee")
        page = self.page
        stops = [
            Stop(
                "Paint here: left drag paints, right drag erases. The wheel zooms, Space drags the"
                " picture.",
                lambda: page.drawing,
            ),
            Stop(
                "The radiograph follows your brush, and is finished when you lift it. It is"
                " synthetic, and says so wherever it goes.",
                lambda: page.radiograph,
            ),
            Stop(
                "What you paint. The eye hides a label, the lock protects it, a right click"
                " renames it.",
                lambda: page.labels,
            ),
            Stop(
                "How the radiograph is made: quality, arthritis grade, seed. Y keeps a picture,"
                " V draws variations of it.",
                lambda: page.panel,
            ),
            Stop(
                "Ctrl+K finds everything by a few letters. Shapes > Whole knee drops a knee that"
                " you can bend. Try one stroke now.",
                lambda: self.menuBar(),
            ),
        ]
        self._tour = Tour(self, stops, self._tour_ended)

    def _tour_ended(self) -> None:
        self._tour = None
        self.settings.put(tour_seen=True)

    def first_start(self) -> None:
        """What a killed window left comes first; then, once, the tour."""
        self.desk.offer_recovery()
        if not self.settings.now.tour_seen:
            self.start_tour()

    # -- settings --------------------------------------------------------------------------------

    def _setting_changed(self, name: str) -> None:
        if name == "theme":
            self._retheme()
        elif name in ("keys", "own_keys"):
            self._redress()
        elif name == "preview_steps":
            self.page.live.preview_steps = self.settings.now.preview_steps
        elif name == "history_mib":
            self.page.limit_history()

    def _scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        self._retheme()

    def _retheme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, self.settings.now.theme)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "stack"):
            self._redress()
            for workspace in WORKSPACES:
                self.rail_buttons[workspace.id].setIcon(icon(workspace.icon))
        super().changeEvent(event)

    # -- events ----------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._tour is not None:
            self._tour.follow()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = Path(event.mimeData().urls()[0].toLocalFile())
        if not self.place.take(path):
            self.desk.open(path)

    def _may_stop(self) -> bool:
        """Ask before a series that is still being drawn is given up."""
        if self.queue.current is None:
            return True
        return may_discard(
            self, "Still drawing", "A series of pictures is still being drawn. Stop it?"
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        stays = not all(place.may_leave() for place in self._places.values())
        if stays or not self.desk.may_leave() or not self._may_stop():
            event.ignore()
            return
        for opened in self._places.values():
            opened.leave()
        place = bytes(self.saveGeometry().toBase64().data()).decode()
        self.settings.put(layout={**self.settings.now.layout, "window": place})
        self.desk.close()
        self.engine.stop()
        super().closeEvent(event)
