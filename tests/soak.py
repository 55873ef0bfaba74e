"""The window at work for a long time: `python -m tests.soak [--minutes 20]`.

Strokes with their previews, openings of documents and switches of workspaces, inside the event
loop, as a day of work would have them. Prints what the window holds at intervals, and fails where
it grows: widgets, wrappers of Qt's objects, threads and handles by one, memory by GROWTH.
"""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import psutil
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from tests.studio.driving import Mouse, held
from xgen_studio.document.files import save_document
from xgen_studio.studio.settings import Settings
from xgen_studio.studio.theme import apply_theme
from xgen_studio.studio.window import Window
from xgen_studio.wings.knee.pages.documents import DRR_GRID, document_of_mask, new_document
from xgen_studio.wings.knee.science.files import CASES

OPENINGS, SWITCHES = 30, 40  # a minute
GROWTH = 24  # MiB between the second quarter and the last
LOOKS = 20
QUARTER = LOOKS // 4  # looks; the last ones are compared with the second ones
PAUSE = 20  # ms between two events


@dataclass(frozen=True)
class Held:
    """What the window's process holds."""

    memory: float  # MiB resident
    widgets: int
    wrappers: int  # of widgets and actions, in Python
    threads: int
    handles: int

    def __str__(self) -> str:
        return (
            f"{self.memory:7.1f} MiB {self.widgets:5d} widgets {self.wrappers:5d} wrappers"
            f" {self.threads:3d} threads {self.handles:3d} handles"
        )


def least(seen: list[Held]) -> Held:
    """The least of each: threads and memory come and go."""
    return Held(*(min(values) for values in zip(*map(astuple, seen), strict=True)))


def look() -> Held:
    """What is held now."""
    process = psutil.Process()
    handles = process.num_handles() if sys.platform == "win32" else process.num_fds()
    memory = process.memory_info().rss / 2**20
    return Held(memory, *held(), process.num_threads(), handles)


class Soak:
    """One event after the other, each when the loop comes round."""

    def __init__(self, window: Window, folder: Path, minutes: float) -> None:
        self.window, self.folder = window, folder
        self.rounds = max(LOOKS, round(OPENINGS * minutes))
        self.every = self.rounds // LOOKS
        self.seen: list[Held] = []
        self.previews = self.openings = self.switches = self.strokes = 0
        self.files = [folder / "wide.xgen", folder / "square.xgen"]
        save_document(self.files[0], document_of_mask(CASES / "ap_right.png"))
        save_document(self.files[1], new_document(DRR_GRID))
        self.pause = minutes * 60_000 / self.rounds
        self._steps = self.steps()
        self._step()

    def _step(self) -> None:
        wait = next(self._steps, None)
        if wait is None:
            QApplication.exit()
        else:
            QTimer.singleShot(round(wait), self._step)

    def steps(self) -> Iterator[float]:
        """What is done, and the ms to wait after it."""
        doors, switched = list(self.window.doors), 0.0
        for name in doors:
            self.window.show_workspace(name)
            yield 500
        for round_ in range(1, self.rounds + 1):
            self.window.open(self.files[round_ % 2])
            self.window.page.live.shown.connect(self._shown)
            self.openings += 1
            yield PAUSE
            yield from self.paint()
            while switched < round_ * SWITCHES / OPENINGS:
                switched += 1
                self.switches += 1
                self.window.show_workspace(doors[self.switches % len(doors)])
                yield PAUSE
            self.window.show_workspace(doors[0])
            yield max(PAUSE, self.pause - 16 * PAUSE)
            self.window.desk.work.history.go_to(0)  # as it was opened: nobody is asked to save
            if round_ % self.every == 0:
                yield 500
                gc.collect()
                self.seen.append(look())
                print(
                    f"{self.strokes:5d} strokes {self.previews:5d} pictures {self.openings:4d}"
                    f" openings {self.switches:4d} switches {self.seen[-1]}",
                    flush=True,
                )

    def paint(self) -> Iterator[float]:
        """Two strokes, the pen held down between their points."""
        page = self.window.page
        rows, columns = page.document.shape
        mouse = Mouse(page.drawing)
        for y in (0.4, 0.6):
            points = [(columns * (0.2 + 0.1 * i), rows * y) for i in range(6)]
            mouse.drag(points[:1], release=False)
            for point in points[1:]:
                mouse.move(point)
                yield PAUSE
            mouse.release(points[-1])
            self.strokes += 1

    def _shown(self, _result: object) -> None:
        self.previews += 1

    def grown(self) -> list[str]:
        """What did not stay as it was."""
        first, last = least(self.seen[QUARTER : 2 * QUARTER]), least(self.seen[-QUARTER:])
        counted = [f.name for f in fields(Held) if f.name != "memory"]
        found = [n for n in counted if getattr(first, n) != getattr(last, n)]
        if last.memory - first.memory > GROWTH:
            found.append("memory")
        found = [
            f"{name}: {getattr(first, name)}, in the end {getattr(last, name)}" for name in found
        ]
        if not self.previews:
            found.append("nothing was drawn")
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XGEN_STATE"] = folder
        app = QApplication(["soak"])
        apply_theme(app, "dark")
        window = Window(Settings())
        window.resize(1280, 800)
        window.show()
        soak = Soak(window, Path(folder), minutes)
        app.exec()
        window.close()
    grown = soak.grown()
    print("\n".join(grown) or "Flat.")
    return 1 if grown else 0


if __name__ == "__main__":  # the worker process imports this module, too
    sys.exit(main())
