"""Its workspace."""

from PySide6.QtWidgets import QLabel, QVBoxLayout

from elbow.notes import Notes
from elbow.tasks import Count
from xgen_studio.errors import InputError
from xgen_studio.studio.actions import Actions, Entry
from xgen_studio.studio.desk import Desk
from xgen_studio.studio.engine.queue import Job
from xgen_studio.studio.tour import Stop
from xgen_studio.studio.workspace import Workspace


class Elbow(Workspace):
    menus = (("&Elbow", ("elbow.",)),)

    def __init__(self, window):
        super().__init__()
        self.window_, self.told = window, []
        self._desk = Desk(self, Notes())
        self.words = QLabel("an elbow")
        QVBoxLayout(self).addWidget(self.words)
        self._actions = Actions(self, window.settings)
        self._actions.add(Entry("elbow.count", "Count", ("C",)), lambda *_: self.count(4))

    @property
    def actions_(self):
        return self._actions

    @property
    def desk(self):
        return self._desk

    def show_work(self, work, file, drawn_how):
        if not isinstance(work, Notes):
            raise InputError("no notes")
        self._desk.put(work, file, drawn_how)

    def count(self, to):
        return self.window_.queue.add(Job("count", Count(to), to, "numbers", on_told=self._hear))

    def _hear(self, told):
        self.told.append(told)


def make(window):
    return Elbow(window)


def stops(window):
    return [Stop("This is an elbow.", lambda: window.workspace.words)]
