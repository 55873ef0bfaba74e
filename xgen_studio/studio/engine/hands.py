"""The worker's part for hands: runs drawn and judged, folders judged, landmarks found.

Imported by the worker alone: it loads torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xgen_studio.anatomy.hand.gate import MOST_PEAKS, load_gate
from xgen_studio.anatomy.hand.localising import locate
from xgen_studio.anatomy.hand.peaks import find_peaks
from xgen_studio.imaging import make_folder, read_image, write_json
from xgen_studio.jobs.generate import Settings
from xgen_studio.jobs.hands import Hand, HandGenerator, write_hand
from xgen_studio.jobs.job import Monitor, Progress
from xgen_studio.jobs.localize import METHOD
from xgen_studio.jobs.models import open_bundle
from xgen_studio.jobs.screen import FILE, as_table, screen_folder
from xgen_studio.studio.engine.protocol import (
    Answer,
    HandJudged,
    HandRun,
    Locate,
    LocatedHand,
    ScreenFolder,
    Stepped,
)

Say = Callable[[Answer], None]
Between = Callable[[int], None]  # hears a job's number between two steps; raises Cancelled


def run_hands(request: HandRun, say: Say, between: Between) -> None:
    """Draw hands into the folder, judge each at once; what is judged is kept, however it ends."""
    generator = HandGenerator(open_bundle(request.model), request.device)
    gate = load_gate(request.gate)
    folder = make_folder(Path(request.folder))
    judged = []
    try:
        for i, seed in enumerate(request.seeds):
            settings = Settings(
                None, request.sampler, request.steps, seed, {"shape": request.shape}
            )
            for step in generator.steps(settings):
                if isinstance(step, Hand):
                    write_hand(folder, f"{i:03d}", step)
                    grid = (step.heatmap.shape[0], step.heatmap.shape[1])
                    peaks = find_peaks(step.heatmap, MOST_PEAKS)
                    judged += gate.judge([f"{i:03d}"], [peaks], grid)
                    say(HandJudged(request.number, request.folder, judged[-1]))
                else:
                    done = i * step.total + step.index
                    say(Stepped(request.number, done, len(request.seeds) * step.total))
                    between(request.number)
    finally:
        if judged:
            write_json(folder / FILE, as_table(gate, judged, folder))


def run_screening(request: ScreenFolder, say: Say, between: Between) -> None:
    """Judge a folder of pairs; writes its `screening.json`."""
    folder = Path(request.folder)

    def heard(progress: Progress) -> None:
        say(Stepped(request.number, progress.done, progress.total))
        between(request.number)

    screen_folder(folder, request.gate, folder, Monitor(heard))


def find_landmarks(request: Locate) -> LocatedHand:
    """The answer to `Locate`."""
    denoiser = open_bundle(request.model).denoiser(METHOD)
    found = locate(denoiser, load_gate(), read_image(Path(request.path)))
    return LocatedHand(request.number, request.path, found.points, found.flipped, found.doubt)
