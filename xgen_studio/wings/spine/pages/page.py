"""The spine page: planes, strip, the vertebra in sight, and how they follow each other."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.document.volume_card import Place
from xgen_studio.studio.actions import Actions
from xgen_studio.studio.canvas.planes import PRESETS, Planes, Preset
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.fields import LettersThrough
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.words import Words
from xgen_studio.wings.spine.pages.asking import Asking
from xgen_studio.wings.spine.pages.bars import BrushBar, ViewBar
from xgen_studio.wings.spine.pages.card import VertebraCard
from xgen_studio.wings.spine.pages.column_mark import ColumnMark, ends_of
from xgen_studio.wings.spine.pages.commands import EDIT_IDS, TOOL_IDS, add_actions, vertebra_menu
from xgen_studio.wings.spine.pages.editing import Editing
from xgen_studio.wings.spine.pages.files import Files
from xgen_studio.wings.spine.pages.healthy_view import HealthyView
from xgen_studio.wings.spine.pages.jobs import Showing, State
from xgen_studio.wings.spine.pages.measuring import MEASURING, NOTHING, STALE, Measuring
from xgen_studio.wings.spine.pages.numbers import Numbers
from xgen_studio.wings.spine.pages.opening import Opening
from xgen_studio.wings.spine.pages.overruling import OverruleDialog
from xgen_studio.wings.spine.pages.plots import LossPlots
from xgen_studio.wings.spine.pages.references import References
from xgen_studio.wings.spine.pages.scan_panel import ScanPanel
from xgen_studio.wings.spine.pages.strip import Strip, rows_of
from xgen_studio.wings.spine.pages.tools import Toolbox
from xgen_studio.wings.spine.science.levels import LABELS
from xgen_studio.wings.spine.science.summary import Change, changes
from xgen_studio.wings.spine.tasks.asks import HealthyShown
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

EMPTY = (
    "Open a CT: a file, or a folder of DICOM slices, or drop it here.\n"
    "Then open its mask, or let the vertebral bodies be proposed.\n"
    "A mask alone can be measured, too."
)
SHARE, LEAST_WIDE, MOST_WIDE = 0.25, 340, 500  # of the window that the right dock takes, px
WAITING = "Real and healthy are shown here\nonce a vertebra is measured"
MASK_ALONE = Preset("Mask alone", 500.0, 1000.0)  # its numbers stay dark below their colours
STATES = {STALE: "edited: to be measured", MEASURING: "measuring ...", NOTHING: "no mask yet"}


class SpinePage(QMainWindow):
    """Shows the work on a desk."""

    def __init__(
        self, engine: Engine, settings: Settings, desk: Desk, opening: Opening, folder: Path
    ) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.settings, self.desk, self.opening = settings, desk, opening
        self.planes = Planes()
        self.measuring = Measuring(engine, folder, self)
        self.asking = Asking(engine, folder, desk)
        self.showing = Showing(engine, self)
        self.files = Files(self, desk, opening, self.asking.report)
        self.toolbox = Toolbox(self.planes, self._clicked)
        self.editing = Editing(desk, self, lambda: self.toolbox.normal)
        self.actions_ = Actions(self, settings)
        add_actions(self)
        self._arrange()
        self._busy = False  # the worker proposes, or writes a report
        self._marks = {}
        for plane, view in self.planes.views.items():
            self._marks[plane] = ColumnMark(view)
            view.layers.append(self._marks[plane])
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            view.customContextMenuRequested.connect(
                lambda at, v=view: self._menu_in_plane(v.mapToGlobal(at))
            )
        self._connect()
        LettersThrough(self).watch(self)
        self.actions_["tool.look"].setChecked(True)
        self.lay()

    # -- building --------------------------------------------------------------------------------

    def _arrange(self) -> None:
        get = self.actions_.by_id.__getitem__
        first = [get(id) for id in ("file.ct", "edit.undo", "edit.redo", "view.fit")]
        self.view_bar = ViewBar(self.planes, first, [get("file.report")])
        self.brush_bar = BrushBar([get(id) for id in TOOL_IDS], [get(id) for id in EDIT_IDS])
        self.addToolBar(self.view_bar)
        self.addToolBarBreak()
        self.addToolBar(self.brush_bar)
        self.healthy = HealthyView()
        self.planes.set_beside(self.healthy)
        self.hint = Words(EMPTY)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setProperty("role", "faint")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.hint)
        self.stack.addWidget(self.planes)
        self.setCentralWidget(self.stack)
        self.strip, self.state_words = Strip(), Words()
        self.state_words.setWordWrap(True)
        self.state_words.setProperty("role", "faint")
        head = Words("             grade   worst loss, interval")
        head.setProperty("role", "faint")
        left = _column(head, self.strip, self.state_words)
        self.card, self.tabs = VertebraCard(), QTabWidget()
        self.plots, self.numbers = LossPlots(), Numbers()
        self.references, self.scan = References(), ScanPanel(self.actions_)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.plots, "Loss")
        self.tabs.addTab(self.numbers, "Numbers")
        self.tabs.addTab(self.references, "References")
        self.tabs.addTab(self.scan, "Scan, mask")
        right = _column(self.card, self.tabs)
        self.docks = {}
        area = Qt.DockWidgetArea
        for title, widget, place in (
            ("Vertebrae", left, area.LeftDockWidgetArea),
            ("Vertebra in sight", right, area.RightDockWidgetArea),
        ):
            dock = QDockWidget(title)
            dock.setObjectName(title)
            dock.setWidget(widget)
            self.addDockWidget(place, dock)
            self.docks[title] = dock
        self._given = 0  # px that the right dock was given last
        self.resizeDocks([self.docks["Vertebrae"]], [205], Qt.Orientation.Horizontal)

    def _connect(self) -> None:
        self.strip.chosen.connect(self.select)
        self.strip.customContextMenuRequested.connect(self._menu_in_strip)
        self.brush_bar.label_chosen.connect(lambda level: self.select(level, go=False))
        self.planes.brush_resized.connect(self.toolbox.resize)
        self.planes.window_changed.connect(self.healthy.set_window)
        self.measuring.changed.connect(self._refresh)
        self.showing.shown.connect(self._healthy_came)
        self.showing.waits.connect(self._healthy_waits)
        self.plots.picked.connect(self._picked)
        self.references.chosen.connect(lambda levels: self.work.choose(levels))
        self.card.overrule.clicked.connect(lambda: self.ask_overrule())
        self.opening.changed.connect(self._show_scan)
        self.desk.settling.connect(self.settle)
        self.asking.moved.connect(self._show_job)
        self.scan.cancel.clicked.connect(self.asking.cancel)

    # -- the work --------------------------------------------------------------------------------

    @property
    def work(self) -> SpineWork:
        """The work on the desk."""
        return self.opening.work

    @property
    def empty(self) -> bool:
        """Whether nothing was opened yet."""
        return self.work.shape == (1, 1, 1)

    def lay(self) -> None:
        """Another work lies on the desk."""
        work = self.work
        self.asking.cancel()
        self.stack.setCurrentWidget(self.hint if self.empty else self.planes)
        self.planes.lay(work)
        work.scan_changed.connect(self._scan_came)
        work.centres_changed.connect(self._show_scan)
        self._scan_came()
        self.brush_bar.follow(self.toolbox.lay(work), work.scan is not None)
        self.strip.select("")
        self.measuring.lay(work)
        self.limit_history()
        self.select("", go=False)
        self.tabs.setCurrentWidget(self.plots if work.present else self.scan)
        self._show_scan()

    def _scan_came(self) -> None:
        self.planes.show_preset(PRESETS[0] if self.work.scan is not None else MASK_ALONE)
        self._remark()

    def limit_history(self) -> None:
        """As much memory for undo as the user gives."""
        self.work.history.budget = self.settings.now.history_mib * 2**20

    def settle(self) -> None:
        """Finish what is half done."""
        self.work.settle()

    def undo(self) -> None:
        """Take the running stroke back, or undo the last change."""
        if not self.toolbox.cancel_stroke():
            self.work.history.undo()

    def redo(self) -> None:
        """Do it again."""
        self.work.history.redo()

    def fit(self) -> None:
        """Show all of each plane."""
        for view in self.planes.views.values():
            view.fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A wide window gives the plots more room, unless somebody moved the dock."""
        super().resizeEvent(event)
        dock = self.docks["Vertebra in sight"]
        if self._given in (0, dock.width()):
            self._given = min(max(round(self.width() * SHARE), LEAST_WIDE), MOST_WIDE)
            self.resizeDocks([dock], [self._given], Qt.Orientation.Horizontal)

    def redress(self) -> None:
        """Follow another theme."""
        self.actions_.redress()
        self.plots.redress()
        self.strip.viewport().update()

    # -- which vertebra --------------------------------------------------------------------------

    @property
    def level(self) -> str:
        """The vertebra that is chosen, or ''."""
        return self.strip.level

    @property
    def cursor_mm(self) -> Place:
        """The cursor, x, y, z in mm."""
        x, y, z = self.planes.volume.index_to_mm(self.planes.cursor_at.at).tolist()
        return x, y, z

    def select(self, level: str, go: bool = True) -> None:
        """Choose a vertebra, and look at it."""
        self.strip.select(level)
        if level:
            self.toolbox.use(label=LABELS[level])
        body = self.measuring.body(level)
        at = self.work.centres.get(LABELS[level]) if level else None
        if go and body is not None:
            x, y, z = body.frame.origin.tolist()
            self.planes.go_to_mm((x, y, z))
        elif go and at is not None:
            self.planes.go_to_mm(at)
        self._show_vertebra()

    def step(self, by: int) -> None:
        """The vertebra above (-1) or below (1) among those in the mask."""
        present = list(self.work.present)
        if present:
            at = present.index(self.level) + by if self.level in present else 0
            self.select(present[min(max(at, 0), len(present) - 1)])

    def _clicked(self, voxel: tuple[int, int, int]) -> None:
        level = self.work.level_at(*voxel)
        if level and level != self.level:
            self.select(level, go=False)

    def _menu_in_plane(self, at: QPoint) -> None:
        if self.toolbox.looks:
            self._clicked(self.planes.cursor_at.at)
            if self.work.level_at(*self.planes.cursor_at.at):
                self.show_menu(at)

    def _menu_in_strip(self, at: QPoint) -> None:
        if self.level in self.work.present:
            self.show_menu(self.strip.viewport().mapToGlobal(at))

    def show_menu(self, at: QPoint) -> QMenu:
        """What can be said of the vertebra that is chosen."""
        menu = vertebra_menu(self.actions_, self.level, self.editing.name_as, self)
        menu.popup(at)
        return menu

    # -- showing what is found -------------------------------------------------------------------

    def _changes(self) -> dict[str, Change]:
        prior = self.files.prior()
        if prior is None or not self.measuring.findings:
            return {}
        return {c.level: c for c in changes(self.measuring.examination(), prior)}

    def _refresh(self) -> None:
        """Strip, references and the vertebra in sight follow what is measured."""
        measuring, reading = self.measuring, self.work.reading
        stale = measuring.state in (STALE, MEASURING)
        said = {o.level for o in reading.overruled}
        moved = self._changes().values()
        rows = rows_of(measuring.findings, measuring.reasons, said, moved, self.work.present)
        self.strip.put(rows, stale)
        words = measuring.trouble or STATES.get(measuring.state, "")
        self.state_words.setText(words)
        self.state_words.setVisible(bool(words))
        self.references.put(
            measuring.findings, measuring.references, reading.references is not None
        )
        if not self.level and measuring.findings:
            worst = max(measuring.findings, key=lambda f: (f.grade, f.rhlv[f.worst]))
            self.select(worst.level)
            self.tabs.setCurrentWidget(self.plots)
        else:
            self._show_vertebra()
        self._show_scan()

    def _show_vertebra(self) -> None:
        level, measuring = self.level, self.measuring
        finding = measuring.of(level)
        doubts = self.work.reading.doubts.get(level, ()) if level else ()
        note = STATES.get(measuring.state, "") if level in self.work.present else ""
        if level and level not in self.work.present:
            note = "It is not in the mask."
        self.card.put(level, finding, measuring.reasons.get(level, ""), doubts, note)
        self.numbers.put(finding, self._changes().get(level))
        self.plots.put(finding.columns if finding else None)
        self._remark()
        body = measuring.body(level)
        if body is None or measuring.mask is None:
            self.showing.nothing("" if self.empty else WAITING)
        elif measuring.state not in (STALE, MEASURING):
            self.showing.show(measuring.mask, level, self.work.reading.references)

    def _healthy_came(self, shown: HealthyShown) -> None:
        if shown.level == self.level:
            self.healthy.put(shown)

    def _healthy_waits(self, text: str) -> None:
        shown = self.healthy.pictures.shown
        if shown is not None and shown.level == self.level and self.showing.busy:
            self.healthy.say(text)  # the one of before is better than none
        else:
            self.healthy.put(None, text)

    def _picked(self, row: int, column: int) -> None:
        body = self.measuring.body(self.level)
        if body is None:
            return
        top, bottom = ends_of(body, row, column)
        x, y, z = ((top + bottom) / 2).tolist()
        self.planes.go_to_mm((x, y, z))
        self._remark()

    def _remark(self) -> None:
        body = self.measuring.body(self.level)
        ends = None if body is None else ends_of(body, *self.plots.column)
        for plane, mark in self._marks.items():
            mark.ends = ends
            self.planes.views[plane].update()

    def _show_scan(self) -> None:
        work, opening = self.work, self.opening
        read = [opening.busy, *opening.lines, *opening.mask_lines]
        self.scan.put(None if self.empty else work, read, self.measuring.examined)
        self.actions_["file.no_prior"].setEnabled(bool(work.reading.prior))
        for id in ("spine.mark", "spine.propose"):
            self.actions_[id].setEnabled(work.scan is not None)

    def _show_job(self, state: State) -> None:
        self.scan.show_job(state.text, state.done, state.total)
        if state.text and not self._busy:
            self.tabs.setCurrentWidget(self.scan)
        self._busy = bool(state.text)

    # -- what is decided -------------------------------------------------------------------------

    def mark(self) -> None:
        """The vertebra at the cursor has the name that the panel says."""
        self.editing.mark(self.scan.level.currentText())

    def ask_overrule(self) -> OverruleDialog | None:
        """Give another grade to the vertebra that is chosen."""
        computed = next((f for f in self.measuring.computed if f.level == self.level), None)
        if computed is None:
            self.desk.message.emit("Choose a vertebra that was graded first", 5000)
            return None
        dialog = OverruleDialog(computed, self.work.reading.of(self.level), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.decided.connect(self.editing.overrule)
        dialog.open()
        return dialog


def _column(*widgets: QWidget) -> QWidget:
    """Widgets under each other, the largest of which takes the room."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    for widget in widgets:
        column.addWidget(widget, int(isinstance(widget, Strip | QTabWidget)))
    return whole
