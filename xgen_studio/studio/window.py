"""The main window: one document, its file, its menus, its status."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QMainWindow, QMessageBox

from xgen_studio.document import Document
from xgen_studio.document.document import Picture
from xgen_studio.document.files import load_document, save_document
from xgen_studio.document.journal import Journal, Left, forget, left_behind, opened_elsewhere
from xgen_studio.errors import InputError
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Failed, Open, Opened
from xgen_studio.studio.knee.page import FIRST_CASE, KneePage, document_of_mask, new_document
from xgen_studio.studio.places import Recent, journal_folder

JOURNAL_EVERY = 2000  # ms after a change
FILTER = "XGen document (*.xgen)"
MASKS = "Masks (*.png *.tif *.tiff *.bmp *.nii *.nii.gz *.mha *.nrrd)"
RADIOGRAPHS = "Radiographs (*.png *.tif *.tiff *.bmp *.jpg *.jpeg *.dcm *)"


class Window(QMainWindow):
    """XGen Studio."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine(self)
        self.engine.opened.connect(self._radiograph_opened)
        self.engine.failed.connect(self._engine_failed)
        self.recent = Recent()
        self.file: Path | None = None
        self._orders = 0
        self.journal = Journal(journal_folder())
        self._journal_timer = QTimer(self, singleShot=True, interval=JOURNAL_EVERY)
        self._journal_timer.timeout.connect(self._keep_journal)
        self.actions_ = Actions(self)
        self._file_actions()
        self.page: KneePage
        self.probe = QLabel()
        notice = QLabel("Synthetic images for research and teaching, not for diagnosis")
        notice.setProperty("role", "faint")
        self.statusBar().addWidget(self.probe, 1)
        self.statusBar().addPermanentWidget(notice)
        self.setAcceptDrops(True)
        self.show_document(document_of_mask(FIRST_CASE), None)
        QTimer.singleShot(0, self.engine.start)  # after the first paint

    # -- building --------------------------------------------------------------------------------

    def _file_actions(self) -> None:
        for entry, call in (
            (Entry("file.new", "New knee", ("Ctrl+N",), "new"), self.new),
            (Entry("file.open", "Open ...", ("Ctrl+O",), "open"), self.ask_open),
            (Entry("file.mask", "Open mask ...", ()), self.ask_mask),
            (Entry("file.radiograph", "Open radiograph ...", ("Ctrl+Shift+O",)),
             self.ask_radiograph),
            (Entry("file.save", "Save", ("Ctrl+S",), "save"), self.save),
            (Entry("file.save_as", "Save as ...", ("Ctrl+Shift+S",)), self.save_as),
            (Entry("file.quit", "Quit", ("Ctrl+Q",)), self.close),
        ):  # fmt: skip
            self.actions_.add(entry, lambda *_, call=call: call())

    def _menus(self) -> None:
        bar = self.menuBar()
        bar.clear()
        menu = bar.addMenu("&File")
        for id, action in self.actions_.by_id.items():
            menu.addAction(action)
            if id == "file.radiograph":
                self._recent_menu = menu.addMenu("Recent")
                self._recent_menu.aboutToShow.connect(self._fill_recent)
        for title, prefixes in (
            ("&Edit", ("edit.",)), ("&View", ("view.", "mask.")), ("&Tools", ("tool.", "brush.")),
            ("&Label", ("label.",)), ("&Radiograph", ("draw.",)),
        ):  # fmt: skip
            menu = bar.addMenu(title)
            for id, action in self.page.actions_.by_id.items():
                if id.startswith(prefixes):
                    menu.addAction(action)

    def _fill_recent(self) -> None:
        self._recent_menu.clear()
        for path in self.recent.paths():
            action = QAction(str(path), self._recent_menu)
            action.triggered.connect(lambda _=False, p=path: self.open(p))
            self._recent_menu.addAction(action)
        self._recent_menu.setEnabled(bool(self.recent.paths()))

    # -- documents -------------------------------------------------------------------------------

    def show_document(self, document: Document, file: Path | None) -> None:
        """Take a document on the table; the one before must have been saved or given up."""
        old = getattr(self, "page", None)
        self.page = KneePage(self.engine, document, self)
        self.page.probed.connect(self.probe.setText)
        self.file = file
        self.setCentralWidget(self.page)
        if old is not None:
            old.deleteLater()
        self.journal.belongs_to(file)
        document.history_changed.connect(self._changed)
        self._menus()
        self._changed()
        if self.engine.ready_now:
            self.page.live.become_ready()

    def _changed(self) -> None:
        name = self.file.name if self.file else "untitled"
        self.setWindowTitle(f"{name}[*] - XGen Studio")
        modified = self.page.document.history.modified
        self.setWindowModified(modified)
        if modified:
            self._journal_timer.start()

    def _keep_journal(self) -> None:
        """Write the journal on a thread: compressing a large mask takes longer than a frame."""
        copy = self.page.document.snapshot()
        journal = self.journal

        def write() -> None:
            try:
                journal.write(copy)
            except InputError:
                return  # a full disk: saving itself will say so

        Thread(target=write, daemon=True).start()

    def may_leave(self) -> bool:
        """Ask what to do with unsaved work; False to stay."""
        if not self.page.document.history.modified:
            return True
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self, "Unsaved work", "Save the changes of this document?",
            buttons.Save | buttons.Discard | buttons.Cancel, buttons.Save,
        )  # fmt: skip
        if answer == buttons.Save:
            return self.save()
        return bool(answer == buttons.Discard)

    def new(self) -> None:
        """An empty knee."""
        if self.may_leave():
            self.show_document(new_document(), None)

    def open(self, path: Path) -> None:
        """Open a document, a mask or a radiograph, whichever the file is."""
        if not self.may_leave():
            return
        if path.suffix.lower() == ".xgen":
            self._try(lambda: self._open_document(path))
            return
        try:
            document = document_of_mask(path)
        except InputError:
            self.open_radiograph(path)
        else:
            self.show_document(document, None)
            self.recent.add(path)

    def _open_document(self, path: Path) -> None:
        other = opened_elsewhere(journal_folder(), path)
        document, _settings = load_document(path)
        if document.system != "knee":
            raise InputError(f"{path}: is a {document.system} document; this window draws knees")
        self.show_document(document, None if other else path)
        self.recent.add(path)
        if other:
            self.warn(
                f"{path.name} is open in another window (process {other}). This is a copy: save it"
                " under another name."
            )

    def open_radiograph(self, path: Path) -> None:
        """Read a radiograph in the worker, which also proposes its mask."""
        self._orders += 1
        self.statusBar().showMessage(f"Opening {path.name} and proposing its mask ...")
        self.engine.send(Open(self._orders, str(path), "knee-xray", new_document().shape))

    def _radiograph_opened(self, opened: Opened) -> None:
        self.statusBar().clearMessage()
        fresh = new_document()
        document = Document(fresh.shape, fresh.table, fresh.system, opened.spacing)
        document.mask[...] = opened.labels
        document.picture = Picture(opened.pixels, None, opened.path)
        self.show_document(document, None)
        self.recent.add(Path(opened.path))
        if opened.doubt:
            self.warn(f"The proposed mask is doubtful: {opened.doubt}. Look at it closely.")

    def _engine_failed(self, failure: Failed) -> None:
        if failure.number == -self._orders:
            self.statusBar().clearMessage()
            self.warn(failure.message)

    def ask_open(self) -> None:
        """Choose a document."""
        self._ask(FILTER, self.open)

    def ask_mask(self) -> None:
        """Choose a mask."""
        self._ask(MASKS, self.open)

    def ask_radiograph(self) -> None:
        """Choose a radiograph."""
        if self.may_leave():
            self._ask(RADIOGRAPHS, self.open_radiograph)

    def _ask(self, kinds: str, call: Callable[[Path], object]) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open", "", kinds)
        if name:
            call(Path(name))

    def save(self) -> bool:
        """Save to the document's file; True when it is on the disk."""
        return self._save_to(self.file) if self.file else self.save_as()

    def save_as(self) -> bool:
        """Choose a file and save."""
        name, _ = QFileDialog.getSaveFileName(self, "Save as", "", FILTER)
        if not name:
            return False
        path = Path(name)
        return self._save_to(path if path.suffix else path.with_suffix(".xgen"))

    def _save_to(self, path: Path) -> bool:
        def write() -> None:
            save_document(path, self.page.document)
            self.file = path
            self.journal.belongs_to(path)
            self.page.document.history.mark_saved()
            self.recent.add(path)
            self.statusBar().showMessage(f"Saved {path}", 4000)

        return self._try(write)

    def _try(self, call: Callable[[], None]) -> bool:
        try:
            call()
        except InputError as error:
            self.warn(str(error))
            return False
        return True

    def warn(self, message: str) -> None:
        """Say something in a box that does not stop the window."""
        box = QMessageBox(QMessageBox.Icon.Warning, "XGen Studio", message, parent=self)
        box.open()

    # -- recovery --------------------------------------------------------------------------------

    def offer_recovery(self) -> None:
        """Offer what a killed window left, newest first."""
        for left in left_behind(journal_folder()):
            name = left.file.name if left.file else "an untitled document"
            answer = QMessageBox.question(
                self, "Recover unsaved work",
                f"XGen Studio did not close properly. Recover the changes of {name}?",
            )  # fmt: skip
            if answer == QMessageBox.StandardButton.Yes:
                self._try(partial(self._recover, left))
                return
            forget(journal_folder(), left.id)

    def _recover(self, left: Left) -> None:
        document, _ = load_document(left.copy)
        self.show_document(document, left.file)
        document.history.mark_unsaved()
        self._keep_journal()
        forget(journal_folder(), left.id)

    # -- events ----------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.open(Path(event.mimeData().urls()[0].toLocalFile()))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.may_leave():
            event.ignore()
            return
        self._journal_timer.stop()
        self.journal.close()
        self.engine.stop()
        super().closeEvent(event)
