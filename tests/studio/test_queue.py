"""The queue of long jobs: one after the other, each held, moved, cancelled."""

import numpy as np
import pytest

from tests.studio.driving import FakeEngine
from xgen_studio.imaging import Mask
from xgen_studio.studio.engine.client import DIED
from xgen_studio.studio.engine.protocol import Told
from xgen_studio.studio.engine.queue import Job, JobQueue
from xgen_studio.studio.panels.jobs import JobsPanel, duration, words
from xgen_studio.tasks.drawing import Drawing, Drawn, Series
from xgen_studio.wings.knee.science.labels import TABLE


@pytest.fixture
def queue(qapp):
    return JobQueue(FakeEngine())


def job(title, n=2, **values):
    mask = Mask(np.ones((4, 6), np.uint8), TABLE)
    return Job(title, Series(Drawing("m"), mask, n), n, **values)


def drawn(provenance):
    return Drawn(np.zeros((4, 6), np.float32), provenance, 0.1)


def titles(queue):
    return [(j.title, j.state) for j in queue.jobs]


def test_one_runs_the_others_wait_and_follow_in_their_order(queue):
    a, b, c = (queue.add(job(t)) for t in "abc")
    assert titles(queue) == [("a", "running"), ("b", "waiting"), ("c", "waiting")]
    queue.move(c, -1)
    queue.move(c, -1)  # no further: a runs already
    assert [j.title for j in queue.jobs] == ["a", "c", "b"]
    queue.engine.end(number=a.number)
    assert c.state == "running" and b.state == "waiting"
    assert queue.engine.asked == [a.ask, c.ask]


def test_progress_pictures_and_time_left_are_kept(queue):
    came = []
    a = queue.add(job("a", on_told=came.append))
    queue.engine.step(8, 16)
    queue.engine.tell(drawn({"seed": 3}))
    queue._heard(Told(99, drawn({})))  # of another request
    assert (a.done, a.total, a.made) == (8, 16, 1)
    assert came[0].provenance == {"seed": 3}
    assert a.left == pytest.approx(a.seconds, rel=0.2)


def test_a_job_is_held_and_its_time_stands_still(queue):
    a = queue.add(job("a"))
    queue.hold(a, True)
    assert a.state == "held" and queue.engine.said[-1] == ("hold", a.number, True)
    assert a.seconds == a.seconds
    assert "held" in words(a)
    queue.hold(a, False)
    assert a.state == "running"


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_by_the_worker(queue):
    a, b = queue.add(job("a")), queue.add(job("b"))
    queue.cancel(b)
    assert b.state == "cancelled"
    queue.cancel(a)
    assert queue.engine.said[-1] == ("cancel", a.number) and a.state == "running"
    queue.engine.end("cancelled", a.number)
    assert a.state == "cancelled" and "0 of 2" in words(a)
    queue.clear()
    assert queue.jobs == []


def test_a_failure_is_said_and_the_next_one_runs(queue):
    a, b = queue.add(job("a")), queue.add(job("b"))
    queue.engine.fail("no space left; free some", a.number)
    assert a.state == "failed" and "free some" in words(a) and b.state == "running"
    queue.engine.fail(DIED, b.number)
    assert b.state == "failed" and "memory" in b.message


def test_another_device_is_for_the_jobs_that_wait(queue):
    a, b = queue.add(job("a")), queue.add(job("b"))
    queue.use_device("cuda:1")
    assert a.ask.drawing.device == "cpu" and b.ask.drawing.device == "cuda:1"


def test_the_panel_shows_each_job_with_the_buttons_it_can_use(queue, qtbot):
    panel = JobsPanel(queue)
    qtbot.addWidget(panel)
    a, _b = queue.add(job("a")), queue.add(job("b"))
    first, second = panel.rows
    assert first.up.isHidden() and not first.hold.isHidden()
    assert second.hold.isHidden() and not second.up.isHidden()
    queue.engine.step(4, 16, a.number)
    assert first.bar.value() == 250
    second.up.click()
    second.cancel.click()
    assert [row.job.state for row in panel.rows] == ["running", "cancelled"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.6, "10 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")]
)
def test_durations_read_like_a_clock(seconds, text):
    assert duration(seconds) == text
