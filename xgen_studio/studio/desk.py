"""A desk: the work that lies on it, its file, its journal; saving, recovering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from xgen_studio.document import Work
from xgen_studio.document.files import save_document
from xgen_studio.document.journal import Journal, opened_elsewhere
from xgen_studio.errors import InputError
from xgen_studio.private import Claim, stamp
from xgen_studio.studio.dialogs.discard import may_leave, may_replace, warn
from xgen_studio.studio.recent import Recent, journal_folder

JOURNAL_EVERY = 1000  # ms after a change: with the writing, a kill costs less than two seconds
ENDING = ".xgen"
FILTER = f"XGen document (*{ENDING})"


class Desk(QObject):
    """One work at a time, of whatever kind; the one before was saved or given up."""

    work_changed = Signal()  # another work lies here
    state_changed = Signal()  # its name, or whether it is saved
    message = Signal(str, int)  # for the status line, ms (0: until the next)
    settling = Signal()  # finish what is half done: the work is saved or left

    def __init__(self, parent: QWidget, work: Work) -> None:
        super().__init__(parent)
        self.widget = parent
        self.work = work
        self.file: Path | None = None
        self._stamp: tuple[int, ...] = ()  # of the file when it was opened or saved here
        self.drawn_how: dict[str, Any] = {}  # how its page drew it, as the file says
        self.drawn_now: Callable[[], dict[str, Any]] = dict  # ... as the page says
        self.recent = Recent()
        self.journal = Journal(journal_folder())
        self._said = ""  # trouble of the journal that was said already
        self._timer = QTimer(self, singleShot=True, interval=JOURNAL_EVERY)
        self._timer.timeout.connect(self.keep_journal)
        self._listen()

    def _listen(self) -> None:
        self.work.history_changed.connect(self._changed)
        self.work.touched.connect(self._touched)

    @property
    def name(self) -> str:
        """What the title bar says."""
        return self.file.name if self.file else "untitled"

    def put(self, work: Work, file: Path | None, drawn_how: dict[str, Any] | None = None) -> None:
        """Lay a work on the desk; `drawn_how` is what its file says about how it was drawn."""
        self.drawn_how = drawn_how or {}
        self._timer.stop()
        self.work.history_changed.disconnect(self._changed)
        self.work.touched.disconnect(self._touched)
        before = self.journal
        self.journal = Journal(journal_folder(), file)
        self.work, self.file = work, file if self.journal.owns else None
        self._stamp = stamp(file) if file else ()
        self._listen()
        self.work_changed.emit()
        before.close()
        self._changed()
        if file and not self.file:
            self.warn(
                f"{file.name} is open in another window{_who(file)}. This is a copy: save it under"
                " another name."
            )

    def _changed(self) -> None:
        if not self.work.history.modified:
            self._timer.stop()
            self.journal.drop()  # nothing is unsaved: there is nothing to recover
        self.state_changed.emit()

    def _touched(self) -> None:
        """Something is unsaved, a stroke that is still held down included."""
        if not self._timer.isActive():
            self._timer.start()

    def keep_journal(self) -> None:
        """Note what changed. Reading and writing is the journal's thread's."""
        self.journal.note(self.work, self.drawn_now())
        if self.journal.trouble and self.journal.trouble != self._said:
            self.message.emit(self.journal.trouble, 15_000)
        self._said = self.journal.trouble

    def may_leave(self) -> bool:
        """Ask what to do with unsaved work; False to stay."""
        self.settling.emit()
        if not self.work.history.modified:
            return True
        return may_leave(
            self.widget, "Unsaved work", f"Save the changes of {self.name}?", self.save
        )

    # -- opening and saving ----------------------------------------------------------------------

    def ask_file(self, title: str, kinds: str) -> Path | None:
        """Choose a file to open."""
        name, _ = QFileDialog.getOpenFileName(self.widget, title, "", kinds)
        return Path(name) if name else None

    def save(self) -> bool:
        """Save to the work's file; True when it is on the disk."""
        return self.save_to(self.file) if self.file else self.save_as()

    def save_as(self) -> bool:
        """Choose a file and save."""
        name, _ = QFileDialog.getSaveFileName(self.widget, "Save as", "", FILTER)
        if not name:
            return False
        path = Path(name)
        if path.suffix.lower() != ENDING:  # the dialog asked about the name as it was typed
            path = path.with_name(f"{path.name}{ENDING}")
            if path.exists() and not self._yes(f"{path} exists already. Replace it?"):
                return False
        return self.save_to(path)

    def _yes(self, question: str) -> bool:
        return may_replace(self.widget, "XGen Studio", question)

    def save_to(self, path: Path) -> bool:
        """Save to a file, which the work then belongs to; True when it is on the disk."""
        self.settling.emit()
        with Claim(journal_folder(), path) as claim:
            if not claim.mine:
                self.warn(f"{path} is open in another window{_who(path)}: choose another name.")
                return False
            return self._may_write(path) and self._write(path)

    def _may_write(self, path: Path) -> bool:
        """Asks where somebody else wrote the work's file since it was opened or saved."""
        if path != self.file or stamp(path) in ((), self._stamp):
            return True
        return self._yes(
            f"{path} was changed by another program since it was opened here. Replace it, and lose"
            " that change?"
        )

    def _write(self, path: Path) -> bool:
        def write() -> None:
            save_document(path, self.work, self.drawn_now())
            self.file, self._stamp = path, stamp(path)
            self._timer.stop()
            self.work.history.mark_saved()
            self.journal.belongs_to(path)
            self.recent.add(path)
            self.message.emit(f"Saved {path}", 4000)

        return self.attempt(write)

    def attempt(self, call: Callable[[], None]) -> bool:
        """Do something; what is wrong with a file is said in a box."""
        try:
            call()
        except InputError as error:
            self.warn(str(error))
            return False
        return True

    def warn(self, message: str) -> None:
        """Say something in a box that does not stop the window."""
        warn(self.widget, message)

    def close(self) -> None:
        """The window closes: nothing is left to recover."""
        self._timer.stop()
        self.journal.close()


def _who(file: Path) -> str:
    """The process that has a file open, in words."""
    other = opened_elsewhere(journal_folder(), file)
    return f" (process {other})" if other else ""
