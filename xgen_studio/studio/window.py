"""The main window: the rail of workspaces, menus, status. It names no clinical problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.document import Work
from xgen_studio.document.files import load_document
from xgen_studio.errors import InputError
from xgen_studio.private import Claim
from xgen_studio.registry import wings
from xgen_studio.studio.actions import Actions, AllActions, Entry
from xgen_studio.studio.desk import ENDING, Desk
from xgen_studio.studio.dialogs.discard import may_discard, warn
from xgen_studio.studio.dialogs.palette import Palette
from xgen_studio.studio.dialogs.settings import SettingsDialog
from xgen_studio.studio.dialogs.shortcuts import ShortcutEditor
from xgen_studio.studio.dragged import sweep
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.queue import JobQueue
from xgen_studio.studio.icons import icon
from xgen_studio.studio.recent import Recent, journal_folder
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.theme import apply_theme
from xgen_studio.studio.tour import Tour
from xgen_studio.studio.words import Words
from xgen_studio.studio.workspace import Workspace, doors
from xgen_studio.wing import resolve


class Window(QMainWindow):
    """XGen Studio."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.engine = Engine(self)
        self.queue = JobQueue(self.engine)
        self.recent = Recent()
        self.probe = Words()
        self.doors = {door.name: door for door in doors()}
        self.actions_ = Actions(self, self.settings)
        self.all_actions = AllActions(self._action_parts)
        self._add_actions()
        self._tour: Tour | None = None
        self.workspaces: dict[str, Workspace] = {}  # those shown so far
        self._made_menus: dict[str, QMenu] = {}  # by title
        self._recent = QMenu("Recent", self)
        self._recent.aboutToShow.connect(self._fill_recent)
        self.stack = QStackedWidget()
        self._rail()
        notice = Words("Synthetic images for research and teaching, not for diagnosis")
        notice.setProperty("role", "faint")
        self.statusBar().addWidget(self.probe, 1)
        self.statusBar().addPermanentWidget(notice)
        self.setAcceptDrops(True)
        self.settings.changed.connect(self._setting_changed)
        QApplication.styleHints().colorSchemeChanged.connect(self._scheme_changed)
        self.show_workspace(next(iter(self.doors)))
        if saved := self.settings.now.layout.get("window"):
            self.restoreGeometry(QByteArray.fromBase64(str(saved).encode()))
        if self.settings.trouble:
            self.say(self.settings.trouble)
        sweep(own=False)
        QTimer.singleShot(0, self.engine.start)  # after the first paint

    @property
    def workspace(self) -> Workspace:
        """The workspace in sight."""
        workspace = self.stack.currentWidget()
        assert isinstance(workspace, Workspace)
        return workspace

    @property
    def page(self) -> QWidget:
        """The page in sight."""
        return self.workspace.page

    @property
    def desk(self) -> Desk | None:
        """The desk in sight."""
        return self.workspace.desk

    # -- building --------------------------------------------------------------------------------

    def _add_actions(self) -> None:
        for entry, call in (
            (
                Entry("file.open", "Open ...", ("Ctrl+O",), "open"),
                lambda: self.workspace.ask_open(),
            ),
            (Entry("file.save", "Save", ("Ctrl+S",), "save"), lambda: self.workspace.save()),
            (
                Entry("file.save_as", "Save as ...", ("Ctrl+Shift+S",)),
                lambda: self.workspace.save_as(),
            ),
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

    def _rail(self) -> None:
        rail = QWidget()
        rail.setObjectName("rail")
        column = QVBoxLayout(rail)
        column.setContentsMargins(4, 8, 4, 8)
        self._group = QButtonGroup(self)
        self.rail_buttons: dict[str, QToolButton] = {}
        for door in self.doors.values():
            button = QToolButton(text=door.title, icon=icon(door.icon), checkable=True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(24, 24))
            button.setMinimumWidth(58)
            button.setAccessibleName(f"workspace {door.title}")
            button.clicked.connect(lambda _=False, name=door.name: self.show_workspace(name))
            self._group.addButton(button)
            self.rail_buttons[door.name] = button
            column.addWidget(button)
        column.addStretch()
        middle = QWidget()
        line = QHBoxLayout(middle)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(rail)
        line.addWidget(self.stack, 1)
        self.setCentralWidget(middle)

    def show_workspace(self, name: str) -> Workspace:
        """Go to a workspace; it is made when it is first shown."""
        if name not in self.workspaces:
            made = self.workspaces[name] = self.doors[name].open(self)
            self.stack.addWidget(made)
            made.page_changed.connect(self._refresh)
            if made.desk is not None:
                made.desk.state_changed.connect(self._title)
                made.desk.message.connect(self.statusBar().showMessage)
        self.stack.setCurrentWidget(self.workspaces[name])
        self.rail_buttons[name].setChecked(True)
        self._refresh()
        return self.workspaces[name]

    def _action_parts(self) -> list[Actions]:
        own = self.workspace.actions_ if self.stack.count() else None
        return [self.actions_, *([own] if own is not None else [])]

    def _redress(self) -> None:
        """Every action, shown or not, follows the theme and the keys."""
        self.actions_.redress()
        for workspace in self.workspaces.values():
            workspace.redress()

    def _refresh(self) -> None:
        self._menus()
        self._title()

    def _menus(self) -> None:
        """The menus of the workspace in sight."""
        bar, workspace = self.menuBar(), self.workspace
        own = list(workspace.actions_ or ())
        inside = [self._recent]
        if cases := [action for id, action in own if id.startswith("case.")]:
            inside.append(self._menu("Sample cases", cases))
        shown = [self._menu("&File", [*self._of("file.", own), *self._of("file.", self.actions_)])]
        shown[0].addActions([menu.menuAction() for menu in inside])
        for title, beginnings in workspace.menus:
            menu = self._menu(title, self._of(beginnings, own))
            shown.append(menu)
            if title == "&View":
                menu.addSeparator()
                menu.addActions([dock.toggleViewAction() for dock in workspace.docks.values()])
        shown.append(self._menu("&Help", self._of("app.", self.actions_)))
        bar.clear()
        bar.addActions([menu.menuAction() for menu in shown])

    @staticmethod
    def _of(beginnings: str | tuple[str, ...], actions: Any) -> list[QAction]:
        return [action for id, action in actions if id.startswith(beginnings)]

    def _menu(self, title: str, actions: list[QAction]) -> QMenu:
        """The menu of that title, filled anew. Each is made once and used again: a menu bar keeps
        hold of every menu it was ever given."""
        if title not in self._made_menus:
            self._made_menus[title] = QMenu(title, self)
        menu = self._made_menus[title]
        menu.clear()
        menu.addActions(actions)
        return menu

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.recent.paths():
            action = QAction(str(path).replace("&", "&&"), self._recent)
            action.triggered.connect(lambda _=False, p=path: self.open(p))
            self._recent.addAction(action)

    def _title(self) -> None:
        desk = self.desk
        name = desk.name if desk is not None else self.workspace_title
        self.setWindowTitle(f"{name}[*] - XGen Studio")
        self.setWindowModified(desk is not None and desk.work.history.modified)

    @property
    def workspace_title(self) -> str:
        """What the rail calls the workspace in sight."""
        return next(
            self.doors[name].title for name, w in self.workspaces.items() if w is self.workspace
        )

    # -- opening ---------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a document where it belongs; anything else as the workspace in sight, or another
        one, takes it."""
        if path.suffix.lower() == ENDING:
            self._open_document(path)
            return
        for workspace in [self.workspace, *self.workspaces.values()]:
            if workspace.take(path):
                return
        self.warn(f"{path}: is nothing that can be opened here")

    def _open_document(self, path: Path) -> None:
        try:
            with Claim(journal_folder(), path):  # from before it is read until a desk has it
                work, drawn_how = load_document(path)
                self.show_work(work, path, drawn_how)
        except InputError as error:
            self.warn(str(error))
            return
        self.recent.add(path)

    def show_work(self, work: Work, file: Path | None, drawn_how: dict[str, Any]) -> None:
        """Lay a work on the desk of its wing; what lies there is asked about. InputError where no
        wing here can show it."""
        if work.wing not in self.doors:
            raise InputError(
                f"{file or 'this document'}: belongs to the wing '{work.wing}', which is not"
                " installed here"
            )
        self.show_workspace(work.wing).show_work(work, file, drawn_how)

    def say(self, text: str) -> None:
        """A sentence in the status line."""
        self.statusBar().showMessage(text, 15_000)

    def warn(self, message: str) -> None:
        """Say something in a box that does not stop the window."""
        warn(self, message)

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
        """Show the tour of the wing in sight, or of the first that has one; on a first start it
        comes by itself."""
        guides = {wing.name: wing.tour for wing in wings() if wing.tour}
        here = next(name for name, w in self.workspaces.items() if w is self.workspace)
        if name := (here if here in guides else next(iter(guides), "")):
            self.show_workspace(name)
            self._tour = Tour(self, resolve(guides[name])(self), self._tour_ended)

    def _tour_ended(self) -> None:
        self._tour = None
        self.settings.put(tour_seen=True)

    # -- settings --------------------------------------------------------------------------------

    def _setting_changed(self, name: str) -> None:
        if name == "theme":
            self._retheme()
        elif name in ("keys", "own_keys"):
            self._redress()
        for workspace in self.workspaces.values():
            workspace.setting_changed(name)

    def _scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        self._retheme()

    def _retheme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, self.settings.now.theme)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "stack"):
            self._redress()
            for name, button in self.rail_buttons.items():
                button.setIcon(icon(self.doors[name].icon))
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
        self.open(Path(event.mimeData().urls()[0].toLocalFile()))

    def _may_stop(self) -> bool:
        """Ask before a series that is still being drawn is given up."""
        if self.queue.current is None:
            return True
        return may_discard(
            self, "Still drawing", "A series of pictures is still being drawn. Stop it?"
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        stays = not all(workspace.may_leave() for workspace in self.workspaces.values())
        if stays or not self._may_stop():
            event.ignore()
            return
        for opened in self.workspaces.values():
            opened.leave()
        place = bytes(self.saveGeometry().toBase64().data()).decode()
        self.settings.put(layout={**self.settings.now.layout, "window": place})
        self.engine.stop()
        sweep(own=True)
        super().closeEvent(event)
