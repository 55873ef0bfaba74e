"""Live drawing: the newest mask wins, one request in flight."""

import numpy as np
import pytest

from tests.studio.driving import FakeEngine
from xgen_studio.document import Document
from xgen_studio.document.regions import Region
from xgen_studio.studio.engine.live import PREVIEW_STEPS, Live
from xgen_studio.tasks.drawing import Drawing, Drawn
from xgen_studio.wings.knee.science.labels import TABLE


class Engine(FakeEngine):
    def draw(self, number=0):
        """Answer a request with a picture."""
        draw = self.asked[number - 1]
        self.tell(Drawn(np.zeros((16, 28), np.float32), {}, 0.1, draw.final), number)


class Scene:
    def __init__(self):
        self.engine = Engine()
        self.document = Document((16, 28), TABLE, "knee")
        self.stroke = False
        self.live = Live(self.engine, self.document, lambda: self.stroke, Drawing("m", seed=1))
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
    assert len(scene.engine.asked) == 1
    first = scene.engine.asked[0]
    assert not first.final and first.drawing.steps == PREVIEW_STEPS
    scene.engine.draw()
    assert len(scene.engine.asked) == 2
    assert (scene.engine.asked[1].mask.labels == scene.document.mask).all()
    scene.engine.draw()
    assert len(scene.engine.asked) == 2  # nothing new to draw


def test_when_the_pen_lifts_a_finished_sample_follows(scene):
    scene.stroke = True
    scene.paint(0)
    scene.stroke = False
    scene.live.poke()
    scene.engine.draw()
    assert scene.engine.asked[-1].final
    heard = []
    scene.live.finished.connect(heard.append)
    scene.engine.draw()
    assert len(heard) == 1 and len(scene.engine.asked) == 2


def test_a_new_stroke_does_not_wait_for_a_finished_sample(scene):
    scene.paint(0)
    assert scene.engine.asked[-1].final
    scene.stroke = True
    scene.paint(1)
    assert len(scene.engine.asked) == 2 and not scene.engine.asked[-1].final


def test_an_answer_to_an_older_request_is_not_shown(scene):
    shown = []
    scene.live.shown.connect(shown.append)
    scene.paint(0)
    scene.live.set_drawing(seed=9)
    scene.engine.draw(1)
    assert shown == []
    scene.engine.draw()
    assert len(shown) == 1


def test_the_seed_stays_until_it_is_changed(scene):
    for i in range(3):
        scene.paint(i)
        scene.engine.draw()
    seeds = {request.drawing.seed for request in scene.engine.asked}
    scene.live.set_drawing(seed=77)
    assert len(seeds) == 1 and scene.engine.asked[-1].drawing.seed == 77


def test_switched_off_it_stops_at_once_and_sends_nothing_more(scene):
    scene.paint(0)
    scene.live.set_enabled(False)
    assert scene.engine.said == [("stop",)] and len(scene.engine.asked) == 1
    scene.paint(1)
    assert len(scene.engine.asked) == 1
    scene.live.set_enabled(True)
    assert len(scene.engine.asked) == 2


def test_an_empty_mask_is_not_sent(scene):
    scene.live.again()
    assert scene.engine.asked == []


def test_a_failure_is_said_and_the_next_stroke_tries_again(scene):
    said = []
    scene.live.failed.connect(said.append)
    scene.paint(0)
    scene.engine.fail("no such model")
    assert said == ["no such model"]
    scene.paint(1)
    assert len(scene.engine.asked) == 2


def test_an_emptied_mask_takes_the_picture_away(scene):
    heard = []
    scene.live.cleared.connect(lambda: heard.append(1))
    scene.paint(0)
    scene.engine.draw()
    scene.document.history.undo()
    assert heard == [1] and scene.engine.said[-1] == ("stop",)
