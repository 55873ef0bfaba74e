"""The pipe to the worker: large arrays in shared memory, or, where there is none, as they are."""

from multiprocessing import Pipe
from threading import Thread

import numpy as np
import pytest

from tests.studio.driving import wait_for
from xgen_studio.studio.engine import pipe as pipes
from xgen_studio.studio.engine.protocol import Failed, Told
from xgen_studio.tasks.asks import Devices
from xgen_studio.tasks.drawing import Drawing, Series


@pytest.mark.parametrize("shared", [True, False])
def test_large_arrays_arrive_with_and_without_shared_memory(monkeypatch, shared):
    if not shared:

        def full(*_args, **_kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pipes, "SharedMemory", full)
    here, there = Pipe()
    sent = {"large": np.arange(2_000_000, dtype=np.int32), "small": np.arange(5)}
    sender = Thread(target=pipes.send, args=(here, sent))
    sender.start()
    came = pipes.receive(there)
    sender.join()
    for name, array in sent.items():
        np.testing.assert_array_equal(came[name], array)
    came["large"][0] = 7  # its own memory, which may be changed


class Ear:
    def __init__(self):
        self.heard = []

    def hear(self, answer):
        self.heard.append(answer)


def test_what_cannot_be_sent_is_said_and_the_next_is_asked(window):
    ear = Ear()
    wrong = Series(Drawing("knee-xray", options={"grade": lambda: 3}), None, 1)
    window.engine.ask(wrong, ear.hear)
    assert wait_for(lambda: bool(ear.heard))
    assert isinstance(ear.heard[0], Failed) and "could not be asked" in ear.heard[0].message
    window.engine.ask(Devices(), ear.hear)
    assert wait_for(lambda: any(isinstance(answer, Told) for answer in ear.heard))
