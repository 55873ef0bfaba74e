"""The document on the desk: its file, its journal, opening, saving, recovering."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from xgen_studio.document import Document, Picture
from xgen_studio.document.files import load_document, save_document
from xgen_studio.document.journal import Journal, Left, forget, left_behind, opened_elsewhere
from xgen_studio.errors import InputError
from xgen_studio.studio.dialogs.discard import Buttons, may_leave
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.engine.protocol import Failed, Open, Opened
from xgen_studio.studio.knee.documents import check_document, document_of_mask, new_document
from xgen_studio.studio.places import Recent, journal_folder

JOURNAL_EVERY = 2000  # ms after a change
FILTER = "XGen document (*.xgen)"
MASKS = "Masks (*.png *.tif *.tiff *.bmp *.nii *.nii.gz *.mha *.nrrd)"
RADIOGRAPHS = "Radiographs (*.png *.tif *.tiff *.bmp *.jpg *.jpeg *.dcm *)"


class Desk(QObject):
    """One document at a time; the one before was saved or given up."""

    document_changed = Signal()  # another document lies here
    state_changed = Signal()  # its name, or whether it is saved
    message = Signal(str, int)  # for the status line, ms (0: until the next)
    settling = Signal()  # finish what is half done: the document is saved or left

    def __init__(self, engine: Engine, parent: QWidget, document: Document) -> None:
        super().__init__(parent)
        self.widget, self.engine = parent, engine
        self.document = document
        self.file: Path | None = None
        self.look: dict[str, Any] = {}  # how its page drew it, as the file says
        self.look_now: Callable[[], dict[str, Any]] = dict  # ... as the page says
        self.recent = Recent()
        self.journal = Journal(journal_folder())
        self._opening: int | None = None
        self._asked = (0, 0, False)  # the document's state when a radiograph was asked for
        self._said = ""  # trouble of the journal that was said already
        self._timer = QTimer(self, singleShot=True, interval=JOURNAL_EVERY)
        self._timer.timeout.connect(self._keep_journal)
        engine.opened.connect(self._radiograph_opened)
        engine.failed.connect(self._engine_failed)
        engine.died.connect(self._engine_died)
        document.history_changed.connect(self._changed)

    @property
    def name(self) -> str:
        """What the title bar says."""
        return self.file.name if self.file else "untitled"

    def put(
        self, document: Document, file: Path | None, look: dict[str, Any] | None = None
    ) -> None:
        """Lay a document on the desk; `look` is what its file says about how it was drawn."""
        self.look = look or {}
        self._opened_nothing()
        self._timer.stop()
        self.document.history_changed.disconnect(self._changed)
        self.document, self.file = document, file
        document.history_changed.connect(self._changed)
        self.document_changed.emit()
        self.journal.close()
        self.journal = Journal(journal_folder(), file)
        self._changed()

    def _changed(self) -> None:
        if not self.document.history.modified:
            self._timer.stop()
            self.journal.drop()  # nothing is unsaved: there is nothing to recover
        elif not self._timer.isActive():
            self._timer.start()
        self.state_changed.emit()

    def _keep_journal(self) -> None:
        """Write the journal on a thread: compressing a large mask takes longer than a frame."""
        copy, journal, look = self.document.snapshot(), self.journal, self.look_now()
        Thread(target=lambda: journal.write(copy, look), daemon=True).start()
        if journal.trouble and journal.trouble != self._said:
            self.message.emit(journal.trouble, 15_000)
        self._said = journal.trouble

    def may_leave(self) -> bool:
        """Ask what to do with unsaved work; False to stay."""
        self.settling.emit()
        if not self.document.history.modified:
            return True
        return may_leave(
            self.widget, "Unsaved work", "Save the changes of this document?", self.save
        )

    # -- opening ---------------------------------------------------------------------------------

    def new(self, shape: tuple[int, int]) -> None:
        """An empty document of so many rows and columns."""
        if self.may_leave():
            self.put(new_document(shape), None)

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
            self.put(document, None)
            self.recent.add(path)

    def _open_document(self, path: Path) -> None:
        other = opened_elsewhere(journal_folder(), path)
        document, look = load_document(path)
        check_document(document, path)
        self.put(document, None if other else path, look)
        self.recent.add(path)
        if other:
            self.warn(
                f"{path.name} is open in another window (process {other}). This is a copy: save it"
                " under another name."
            )

    def open_radiograph(self, path: Path) -> None:
        """Read a radiograph in the worker, which also proposes its mask."""
        self._opening, self._asked = self.engine.number(), self._state()
        self.message.emit(f"Opening {path.name} and proposing its mask ...", 0)
        self.engine.send(Open(self._opening, str(path), "knee-xray", new_document().shape))

    def _state(self) -> tuple[int, int, bool]:
        """Tells whether anything was done in the meantime."""
        history = self.document.history
        return self.document.revision, len(history), history.modified

    def _opened_nothing(self) -> None:
        """No radiograph is awaited any more."""
        if self._opening is not None:
            self._opening = None
            self.message.emit("", 0)

    def _radiograph_opened(self, opened: Opened) -> None:
        if opened.number != self._opening:
            return
        self._opened_nothing()
        if self._asked != self._state() and not self.may_leave():
            return  # something was drawn while the radiograph was being read, and it stays
        document = new_document(spacing=opened.spacing)
        document.mask[...] = opened.labels
        document.picture = Picture(opened.pixels, source=opened.path, synthetic=opened.synthetic)
        self.put(document, None)
        self.recent.add(Path(opened.path))
        if opened.doubt:
            self.warn(f"The proposed mask is doubtful: {opened.doubt}. Look at it closely.")

    def _engine_failed(self, failure: Failed) -> None:
        if failure.number == self._opening:
            self._opened_nothing()
            self.warn(failure.message)

    def _engine_died(self) -> None:
        if self._opening is not None:
            self._opened_nothing()
            self.warn("The radiograph could not be read: the drawing process ended. Try it again.")

    def ask_open(self, kinds: str = FILTER) -> None:
        """Choose a file to open."""
        name, _ = QFileDialog.getOpenFileName(self.widget, "Open", "", kinds)
        if name:
            self.open(Path(name))

    def ask_mask(self) -> None:
        """Choose a mask."""
        name, _ = QFileDialog.getOpenFileName(self.widget, "Open mask", "", MASKS)
        if name and self.may_leave():
            self._try(lambda: self.put(document_of_mask(Path(name)), None))

    def ask_radiograph(self) -> None:
        """Choose a radiograph."""
        name, _ = QFileDialog.getOpenFileName(self.widget, "Open", "", RADIOGRAPHS)
        if name and self.may_leave():
            self.open_radiograph(Path(name))

    def fill_recent(self, menu: QMenu) -> None:
        """List the recent files in a menu."""
        menu.clear()
        for path in self.recent.paths():
            action = QAction(str(path), menu)
            action.triggered.connect(lambda _=False, p=path: self.open(p))
            menu.addAction(action)
        menu.setEnabled(bool(self.recent.paths()))

    # -- saving ----------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save to the document's file; True when it is on the disk."""
        return self._save_to(self.file) if self.file else self.save_as()

    def save_as(self) -> bool:
        """Choose a file and save."""
        name, _ = QFileDialog.getSaveFileName(self.widget, "Save as", "", FILTER)
        if not name:
            return False
        path = Path(name)
        if path.suffix.lower() != ".xgen":  # the dialog asked about the name as it was typed
            path = path.with_name(f"{path.name}.xgen")
            if path.exists() and not self._yes(f"{path} exists already. Replace it?"):
                return False
        if other := opened_elsewhere(journal_folder(), path):
            self.warn(f"{path} is open in another window (process {other}): choose another name.")
            return False
        return self._save_to(path)

    def _yes(self, question: str) -> bool:
        answer = QMessageBox.question(
            self.widget, "XGen Studio", question, Buttons.Yes | Buttons.No, Buttons.No
        )
        return bool(answer == Buttons.Yes)

    def _save_to(self, path: Path) -> bool:
        self.settling.emit()

        def write() -> None:
            save_document(path, self.document, self.look_now())
            self.file = path
            self._timer.stop()
            self.document.history.mark_saved()
            self.journal.belongs_to(path)
            self.recent.add(path)
            self.message.emit(f"Saved {path}", 4000)

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
        box = QMessageBox(QMessageBox.Icon.Warning, "XGen Studio", message, parent=self.widget)
        box.open()

    # -- recovery --------------------------------------------------------------------------------

    def offer_recovery(self) -> None:
        """Offer what a killed window left, newest first."""
        for left in left_behind(journal_folder()):
            name = left.file.name if left.file else "an untitled document"
            answer = QMessageBox.question(
                self.widget,
                "Recover unsaved work",
                f"XGen Studio did not close properly. Recover the changes of {name}?\n\nYes"
                " recovers them, Discard deletes them for good, Cancel asks again next time.",
                Buttons.Yes | Buttons.Discard | Buttons.Cancel,
                Buttons.Yes,
            )
            if answer == Buttons.Yes:
                self._try(partial(self._recover, left))
                return
            if answer == Buttons.Discard:
                forget(journal_folder(), left.id)

    def _recover(self, left: Left) -> None:
        document, look = load_document(left.copy)
        check_document(document, left.copy)
        self.put(document, left.file, look)
        document.history.mark_unsaved()
        if self.journal.write(document, look):  # kept anew before the old copy goes
            forget(journal_folder(), left.id)

    def close(self) -> None:
        """The window closes: nothing is left to recover."""
        self._timer.stop()
        self.journal.close()
