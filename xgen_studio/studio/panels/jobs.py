"""The queue of long jobs: progress, rate, time left; hold, move and cancel each."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xgen_studio.studio.engine.queue import (
    CANCELLED,
    DONE,
    FAILED,
    HELD,
    RUNNING,
    WAITING,
    Job,
    JobQueue,
)
from xgen_studio.studio.icons import icon
from xgen_studio.studio.words import Words


def duration(seconds: float) -> str:
    """'42 s', '3 min 20 s', '1 h 5 min'."""
    s = round(seconds)
    if s < 60:
        return f"{s} s"
    return f"{s // 60} min {s % 60} s" if s < 3600 else f"{s // 3600} h {s % 3600 // 60} min"


def words(job: Job) -> str:
    """The state of a job as a sentence."""
    if job.state == FAILED:
        return f"failed: {job.message}"
    if not job.count:  # one that tells nothing that could be counted
        if job.state in (WAITING, CANCELLED):
            return job.state
        done = f"done in {duration(job.seconds)}"
        return done if job.state == DONE else f"{job.text or 'at work'} ..."
    n, unit = job.count, job.unit
    if job.state == WAITING:
        return f"waits, {n} {unit}"
    if job.state == CANCELLED:
        return f"cancelled; {job.made} of {n} {unit} are kept"
    if job.state == DONE:
        where = f" in {job.folder}" if job.folder else ""
        return f"{n} {unit}{where}, {duration(job.seconds)}"
    text = f"{job.made} of {n} {unit}"
    if job.made:
        text += f", {job.made / max(job.seconds, 1e-3):.2g} a second"
    if job.left is not None:
        text += f", {duration(job.left)} left"
    return text + (" (held)" if job.state == HELD else "")


class JobRow(QWidget):
    """One job."""

    def __init__(self, queue: JobQueue, job: Job) -> None:
        super().__init__()
        self.queue, self.job = queue, job
        self.title = Words(job.title)
        self.title.setProperty("role", "heading")
        self.bar = QProgressBar(maximum=1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.text = Words()
        self.text.setWordWrap(True)
        self.text.setProperty("role", "faint")
        self.hold = self._button("pause", "Hold", self._hold)
        self.up = self._button("up", "Earlier", lambda: queue.move(job, -1))
        self.down = self._button("down", "Later", lambda: queue.move(job, 1))
        self.cancel = self._button("close", "Cancel", lambda: queue.cancel(job))
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        for button in (self.hold, self.up, self.down, self.cancel):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 6)
        column.setSpacing(3)
        column.addLayout(top)
        column.addWidget(self.bar)
        column.addWidget(self.text)
        self.refresh()

    def _button(self, picture: str, tip: str, call) -> QToolButton:  # type: ignore[no-untyped-def]
        button = QToolButton(icon=icon(picture))
        button.setToolTip(tip)
        button.setAccessibleName(f"{tip} {self.job.title}")
        button.clicked.connect(lambda _=False: call())
        return button

    def _hold(self) -> None:
        self.queue.hold(self.job, self.job.state == RUNNING)

    def refresh(self) -> None:
        """Show the job as it is."""
        job = self.job
        running = job.state in (RUNNING, HELD)
        self.hold.setVisible(running)
        self.hold.setIcon(icon("play" if job.state == HELD else "pause"))
        self.hold.setToolTip("Go on" if job.state == HELD else "Hold")
        for button in (self.up, self.down):
            button.setVisible(job.state == WAITING)
        self.cancel.setVisible(running or job.state == WAITING)
        self.bar.setVisible(running)
        self.bar.setValue(round(1000 * job.done / job.total) if job.total else 0)
        self.text.setText(words(job))


class JobsPanel(QWidget):
    """All jobs of this session, in order."""

    def __init__(self, queue: JobQueue) -> None:
        super().__init__()
        self.queue = queue
        self.rows: list[JobRow] = []
        self.none = Words("Nothing is waiting. Variations and series of pictures appear here.")
        self.none.setWordWrap(True)
        self.none.setProperty("role", "faint")
        self.clear = QPushButton("Clear finished")
        self.clear.clicked.connect(queue.clear)
        inside, scroll = QWidget(), QScrollArea()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(4, 4, 4, 4)
        self._column.addWidget(self.none)
        self._column.addStretch()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self.clear)
        self._timer = QTimer(self, interval=500)  # the time left goes on between steps
        self._timer.timeout.connect(self._tick)
        queue.changed.connect(self.rebuild)
        queue.progressed.connect(self._progressed)
        self.rebuild()

    def rebuild(self) -> None:
        """Make the rows anew."""
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [JobRow(self.queue, job) for job in self.queue.jobs]
        for i, row in enumerate(self.rows):
            self._column.insertWidget(i, row)
        self.none.setVisible(not self.rows)
        self.clear.setVisible(bool(self.rows))
        (self._timer.start if self.queue.current else self._timer.stop)()

    def _progressed(self, job: Job) -> None:
        for row in self.rows:
            if row.job is job:
                row.refresh()

    def _tick(self) -> None:
        if (job := self.queue.current) is not None:
            self._progressed(job)
