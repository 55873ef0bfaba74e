"""Live drawing: the newest mask wins, one request in flight."""

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal

from xgen_studio.anatomy.knee.labels import TABLE
from xgen_studio.document import Document
from xgen_studio.document.regions import Region
from xgen_studio.studio.engine.live import PREVIEW_STEPS, Live
from xgen_studio.studio.engine.protocol import Draw, Drawn, Failed, Stop


class FakeEngine(QObject):
    """Keeps what it is sent; the test answers."""

    ready, died = Signal(), Signal()
    stepped, drawn, failed = Signal(object), Signal(object), Signal(object)

    def __init__(self):
        super().__init__()
        self.sent = []
        self._last = 0

    def number(self):
        self._last += 1
        return self._last

    def start(self):
        pass

    def send(self, message):
        self.sent.append(message)

    def answer(self, request):
        picture = np.zeros((16, 28), np.float32)
        self.drawn.emit(Drawn(request.number, request.final, picture, {}, 0.1))


class Scene:
    def __init__(self):
        self.engine = FakeEngine()
        self.document = Document((16, 28), TABLE, "knee")
        self.stroke = False
        self.live = Live(self.engine, self.document, lambda: self.stroke)
        self.engine.ready.emit()

    def paint(self, i):
        self.document.fill(Region(i, 0, np.ones((1, 28), bool)), 1, "s")


@pytest.fixture
def scene(qapp):
    return Scene()


def test_while_the_pen_is_down_one_preview_flies_and_then_the_newest_goes(scene):
    scene.stroke = True
    for i in range(6):
        scene.paint(i)
    assert len(scene.engine.sent) == 1
    first = scene.engine.sent[0]
    assert not first.final and first.steps == PREVIEW_STEPS
    scene.engine.answer(first)
    assert len(scene.engine.sent) == 2
    assert (scene.engine.sent[1].mask.labels == scene.document.mask).all()
    scene.engine.answer(scene.engine.sent[1])
    assert len(scene.engine.sent) == 2  # nothing new to draw


def test_when_the_pen_lifts_a_finished_sample_follows(scene):
    scene.stroke = True
    scene.paint(0)
    scene.stroke = False
    scene.live.poke()
    scene.engine.answer(scene.engine.sent[-1])
    assert scene.engine.sent[-1].final
    heard = []
    scene.live.finished.connect(heard.append)
    scene.engine.answer(scene.engine.sent[-1])
    assert len(heard) == 1 and len(scene.engine.sent) == 2


def test_a_new_stroke_does_not_wait_for_a_finished_sample(scene):
    scene.paint(0)
    assert scene.engine.sent[-1].final
    scene.stroke = True
    scene.paint(1)
    assert len(scene.engine.sent) == 2 and not scene.engine.sent[-1].final


def test_an_answer_to_an_older_request_is_not_shown(scene):
    shown = []
    scene.live.shown.connect(shown.append)
    scene.paint(0)
    old = scene.engine.sent[-1]
    scene.live.set_drawing(seed=9)
    scene.engine.answer(old)
    assert shown == []
    scene.engine.answer(scene.engine.sent[-1])
    assert len(shown) == 1


def test_the_seed_stays_until_it_is_changed(scene):
    for i in range(3):
        scene.paint(i)
        scene.engine.answer(scene.engine.sent[-1])
    seeds = {request.seed for request in scene.engine.sent}
    scene.live.set_drawing(seed=77)
    assert len(seeds) == 1 and scene.engine.sent[-1].seed == 77


def test_switched_off_it_stops_at_once_and_sends_nothing_more(scene):
    scene.paint(0)
    scene.live.set_enabled(False)
    assert isinstance(scene.engine.sent[-1], Stop)
    scene.paint(1)
    assert isinstance(scene.engine.sent[-1], Stop)
    scene.live.set_enabled(True)
    assert isinstance(scene.engine.sent[-1], Draw)


def test_an_empty_mask_is_not_sent(scene):
    scene.live.again()
    assert scene.engine.sent == []


def test_a_failure_is_said_and_the_next_stroke_tries_again(scene):
    said = []
    scene.live.failed.connect(said.append)
    scene.paint(0)
    scene.engine.failed.emit(Failed(scene.engine.sent[-1].number, "no such model"))
    assert said == ["no such model"]
    scene.paint(1)
    assert len(scene.engine.sent) == 2


def test_an_emptied_mask_takes_the_picture_away(scene):
    heard = []
    scene.live.cleared.connect(lambda: heard.append(1))
    scene.paint(0)
    scene.engine.answer(scene.engine.sent[-1])
    scene.document.history.undo()
    assert heard == [1] and isinstance(scene.engine.sent[-1], Stop)
