"""Opening scans and masks on a thread of their own; what comes is laid on the desk."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from xgen_studio.errors import XGenError
from xgen_studio.imaging import Volume
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.threads import on_thread
from xgen_studio.wings.spine.tasks.opening import OpenedMask, OpenedScan, described, open_file
from xgen_studio.wings.spine.tasks.spine_work import SpineWork

SCANS = "CT or mask (*.nii *.nii.gz *.mha *.mhd *.nrrd *.dcm *)"
ENDINGS = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr", ".dcm")


def may_be_spine(path: Path) -> bool:
    """Whether a dropped file or folder is worth trying here."""
    return path.is_dir() or path.name.lower().endswith(ENDINGS) or not path.suffix


class Opening(QObject):
    """Reads one thing at a time; the newest wins."""

    changed = Signal()  # `busy` or `lines`

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self.busy = ""  # what is being read, in words
        self.lines: tuple[str, ...] = ()  # how the scan was read
        self.mask_lines: tuple[str, ...] = ()
        self._count = 0  # of what was asked for
        self._about: SpineWork | None = None  # the work that is opened for; None: for a new one

    @property
    def work(self) -> SpineWork:
        """The work on the desk."""
        work = self.desk.work
        assert isinstance(work, SpineWork)
        return work

    # -- files -----------------------------------------------------------------------------------

    def forget(self) -> None:
        """Another document is shown: what is being read is for the one before."""
        self._count += 1
        self.lines, self.mask_lines = (), ()
        self._say("")

    def open(self, path: Path, alone: bool = False) -> None:
        """Read a CT, or a mask for the CT on the desk (`alone`: without it)."""
        self._count += 1
        count, scan = self._count, None if alone else self.work.scan
        self._about = None if alone else self.work
        self._say(f"Reading {path.name} ...")

        def read() -> tuple[int, Path, OpenedScan | OpenedMask | str]:
            try:
                return count, path, open_file(path, scan)
            except XGenError as error:
                return count, path, str(error)

        on_thread(read, self._read)

    def _read(self, came: tuple[int, Path, OpenedScan | OpenedMask | str]) -> None:
        count, path, what = came
        if count != self._count:
            return
        self._say("")
        if isinstance(what, str):
            self.desk.warn(what)
        elif isinstance(what, OpenedScan):
            self._lay(what.work, path, what.lines)
        else:
            self._take_mask(what, path)

    def _lay(self, work: SpineWork, path: Path, lines: tuple[str, ...]) -> None:
        if not self.desk.may_leave():
            return
        self.lines, self.mask_lines = lines, ()
        self.desk.put(work, None)
        self.desk.recent.add(path)
        self.changed.emit()

    def _take_mask(self, mask: OpenedMask, path: Path) -> None:
        work = self.work
        if work.scan is None or work.shape != mask.volume.shape or work is not self._about:
            alone = mask.alone()
            self._lay(alone, path, (f"{path.name}: a mask without a CT", *mask.lines))
            return
        self.mask_lines = mask.lines

        def take() -> None:
            voxels = mask.volume.voxels
            work.take_mask(voxels, mask.centres, mask.doubts, mask.source, "Open mask")

        if self.desk.attempt(take):
            self.desk.recent.add(path)
        self.changed.emit()

    # -- the scan of a document ------------------------------------------------------------------

    def find_scan(self, file: Path | None = None) -> None:
        """Read the scan of the document on the desk, from where it lay or from `file`."""
        work = self.work
        self._count += 1
        count = self._count
        self._about = work
        where = file or work.scan_file
        self.lines, self.mask_lines = (), ()
        self._say(f"Reading {where.name if where else 'the scan'} ...")

        def read() -> tuple[int, Volume | str]:
            try:
                return count, work.read_scan(file)
            except XGenError as error:
                return count, str(error)

        on_thread(read, self._found)

    def _found(self, came: tuple[int, Volume | str]) -> None:
        count, scan = came
        if count != self._count or self._about is not self.work:
            return
        self._say("")
        if isinstance(scan, str):
            self.lines = (f"The mask is shown without its CT. {scan}",)
            self.desk.message.emit(scan, 15_000)
        else:
            assert scan.source is not None
            self.lines = tuple(described(scan, scan.source))
            if said := self.work.take_scan(scan):
                self.desk.warn(said)
        self.changed.emit()

    def _say(self, text: str) -> None:
        self.busy = text
        self.desk.message.emit(text, 0)
        self.changed.emit()
