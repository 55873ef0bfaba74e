"""The queue of long jobs: one after the other, each held, moved, cancelled."""

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal

from xgen_studio.anatomy.knee.labels import TABLE
from xgen_studio.imaging import Mask
from xgen_studio.studio.engine.live import Request
from xgen_studio.studio.engine.protocol import (
    Cancel,
    Draw,
    Drawn,
    Ended,
    Failed,
    Pause,
    Series,
    Stepped,
)
from xgen_studio.studio.engine.queue import JobQueue, QueuedSeries
from xgen_studio.studio.panels.jobs import JobsPanel, duration, words


class FakeEngine(QObject):
    died = Signal()
    stepped, drawn = Signal(object), Signal(object)
    ended, failed, judged = Signal(object), Signal(object), Signal(object)

    def __init__(self):
        super().__init__()
        self.sent, self._last = [], 0

    def number(self):
        self._last += 1
        return self._last

    def send(self, message):
        self.sent.append(message)


@pytest.fixture
def queue(qapp):
    return JobQueue(FakeEngine())


def job(title, n=2, **values):
    mask = Mask(np.ones((4, 6), np.uint8), TABLE)
    request = Request(Draw(0, "m", mask, True))
    return QueuedSeries(title, request=request, seeds=tuple(range(n)), **values)


def titles(queue):
    return [(j.title, j.state) for j in queue.jobs]


def test_one_runs_the_others_wait_and_follow_in_their_order(queue):
    a, b, c = (queue.add(job(t)) for t in "abc")
    assert titles(queue) == [("a", "running"), ("b", "waiting"), ("c", "waiting")]
    queue.move(c, -1)
    queue.move(c, -1)  # no further: a runs already
    assert [j.title for j in queue.jobs] == ["a", "c", "b"]
    queue.engine.ended.emit(Ended(a.number, "done"))
    assert c.state == "running" and b.state == "waiting"
    assert [m.number for m in queue.engine.sent if isinstance(m, Series)] == [a.number, c.number]


def test_progress_pictures_and_time_left_are_kept(queue):
    came = []
    a = queue.add(job("a", on_picture=came.append))
    queue.engine.stepped.emit(Stepped(a.number, 8, 16))
    queue.engine.drawn.emit(Drawn(a.number, True, np.zeros((4, 6), np.float32), {"seed": 3}, 0.1))
    queue.engine.drawn.emit(Drawn(99, True, np.zeros((4, 6), np.float32), {}, 0.1))  # of live
    assert (a.done, a.total, a.made) == (8, 16, 1)
    assert came[0].provenance == {"seed": 3}
    assert a.left == pytest.approx(a.seconds, rel=0.2)


def test_a_job_is_held_and_its_time_stands_still(queue):
    a = queue.add(job("a"))
    queue.hold(a, True)
    assert a.state == "held" and queue.engine.sent[-1] == Pause(a.number, True)
    assert a.seconds == a.seconds
    assert "held" in words(a)
    queue.hold(a, False)
    assert a.state == "running"


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_by_the_worker(queue):
    a, b = queue.add(job("a")), queue.add(job("b"))
    queue.cancel(b)
    assert b.state == "cancelled"
    queue.cancel(a)
    assert queue.engine.sent[-1] == Cancel(a.number) and a.state == "running"
    queue.engine.ended.emit(Ended(a.number, "cancelled"))
    assert a.state == "cancelled" and "0 of 2" in words(a)
    queue.clear()
    assert queue.jobs == []


def test_a_failure_is_said_and_the_next_one_runs(queue):
    a, b = queue.add(job("a")), queue.add(job("b"))
    queue.engine.failed.emit(Failed(a.number, "no space left; free some"))
    assert a.state == "failed" and "free some" in words(a) and b.state == "running"
    queue.engine.died.emit()
    assert b.state == "failed" and "memory" in b.message


def test_another_device_is_for_the_jobs_that_wait(queue):
    a, b = queue.add(job("a")), queue.add(job("b"))
    queue.use_device("cuda:1")
    assert a.request.draw.device == "cpu" and b.request.draw.device == "cuda:1"


def test_the_panel_shows_each_job_with_the_buttons_it_can_use(queue, qtbot):
    panel = JobsPanel(queue)
    qtbot.addWidget(panel)
    a, _b = queue.add(job("a")), queue.add(job("b"))
    first, second = panel.rows
    assert first.up.isHidden() and not first.hold.isHidden()
    assert second.hold.isHidden() and not second.up.isHidden()
    queue.engine.stepped.emit(Stepped(a.number, 4, 16))
    assert first.bar.value() == 250
    second.up.click()
    second.cancel.click()
    assert [row.job.state for row in panel.rows] == ["running", "cancelled"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.6, "10 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")]
)
def test_durations_read_like_a_clock(seconds, text):
    assert duration(seconds) == text
