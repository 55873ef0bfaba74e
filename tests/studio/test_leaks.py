"""Nothing stays behind of a document that was closed, nor of a workspace that was left."""

import gc

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from tests.studio.driving import held
from xgen_studio.wings.knee.pages.documents import DRR_GRID, new_document


def test_openings_and_switches_leave_no_widget_and_no_action(window, monkeypatch):
    monkeypatch.setattr(window.engine, "start", lambda: None)
    doors = list(window.doors)

    def work(times):
        for i in range(times):
            for name in (doors[1], doors[0]):
                window.show_workspace(name)
            window.show_work(new_document(DRR_GRID) if i % 2 else new_document(), None, {})
            QApplication.processEvents()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        return held()

    assert work(10) == work(30)
