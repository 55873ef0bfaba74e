"""What other threads say reaches the window's thread, and never an object that is gone."""

import threading
from threading import Thread

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication

from tests.studio.driving import wait_for
from xgen_studio.studio.engine import Engine
from xgen_studio.studio.threads import Reply, on_thread


class Hearer(QObject):
    def __init__(self, heard):
        super().__init__()
        self.heard = heard

    def hear(self, value):
        self.heard.append((value, threading.current_thread()))


def test_a_reply_runs_on_the_window_s_thread(qtbot):
    heard = []
    hearer = Hearer(heard)
    on_thread(lambda: 7, hearer.hear)
    assert wait_for(lambda: heard, 5)
    assert heard == [(7, threading.main_thread())]


def test_an_object_that_is_gone_hears_nothing(qtbot):
    heard = []
    deleted, dropped, kept = Hearer(heard), Hearer(heard), Hearer(heard)
    replies = [Reply(hearer.hear) for hearer in (deleted, dropped, kept)]
    thread = Thread(target=lambda: [reply(n) for n, reply in enumerate(replies)])
    thread.start()
    thread.join()
    deleted.deleteLater()
    QCoreApplication.sendPostedEvents(deleted, QEvent.Type.DeferredDelete)
    assert not shiboken6.isValid(deleted)
    del dropped
    assert wait_for(lambda: heard, 5)
    QApplication.processEvents()
    assert [value for value, _ in heard] == [2]


def test_an_engine_that_was_stopped_leaves_no_thread(qtbot):
    """They once spoke to an engine that was being deleted, which crashed the process."""
    engine = Engine()
    engine.start()
    threads = [t for t in threading.enumerate() if t.name.startswith("engine ")]
    assert len(threads) >= 2
    engine.stop()
    assert not any(thread.is_alive() for thread in engine._threads)
